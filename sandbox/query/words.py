"""The operators, functions and parts of dates that questions know."""

from __future__ import annotations

from enum import StrEnum


class Operator(StrEnum):
    """Comparison of two values; the value is its SQL spelling."""

    EQ = "="
    NE = "<>"
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


class Arithmetic(StrEnum):
    """Arithmetic of two numbers; of two dates, SUBTRACT gives days. The value is its SQL spelling."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    """Exact division, never of whole numbers alone: 1 / 2 is a half."""
    MODULO = "%"


class Part(StrEnum):
    """Part of a date, for EXTRACT and DATE_TRUNC."""

    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    WEEK = "week"
    """ISO 8601: weeks begin on Monday."""
    DAY = "day"
    WEEKDAY = "isodow"
    """1 is Monday, 7 is Sunday; for EXTRACT only."""


class ScalarFunction(StrEnum):
    """Functions of values of one row; the value is their SQL name."""

    ABS = "abs"
    SIGN = "sign"
    FLOOR = "floor"
    CEIL = "ceil"
    ROUND = "round"
    """``ROUND(x)`` or ``ROUND(x, digits)``: half away from zero."""
    LEAST = "least"
    """Of two or more; NULL where one of them is NULL."""
    GREATEST = "greatest"
    """Of two or more; NULL where one of them is NULL."""
    COALESCE = "coalesce"
    NULLIF = "nullif"
    BIN = "bin"
    """``BIN(x, width)``: the largest multiple of a constant width that is not above x."""
    DATE_TRUNC = "date_trunc"
    """First day of the part that a date lies in."""
    EXTRACT = "extract"
