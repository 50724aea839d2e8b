"""The functions of values of one row that may be called, each with what may stand in it.

A table by class of node, not by name: whatever sqlglot reads as another class is not called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlglot import exp

from sandbox.errors import NotAnswerable, Refusal
from sandbox.query.expr import Part, ScalarFunction
from sandbox.query.literal import inside, is_literal, read_literal, read_whole
from sandbox.query.teach import FUNCTIONS, lesson, only

MAX_ROUND_DIGITS: Final = 12
"""Digits to either side of the decimal point that ROUND may name; 64 bits hold 18 in all."""

_ONE: Final[dict[type[exp.Expr], ScalarFunction]] = {
    exp.Abs: ScalarFunction.ABS,
    exp.Sign: ScalarFunction.SIGN,
    exp.Floor: ScalarFunction.FLOOR,
    exp.Ceil: ScalarFunction.CEIL,
}
_MANY: Final[dict[type[exp.Expr], ScalarFunction]] = {
    exp.Least: ScalarFunction.LEAST,
    exp.Greatest: ScalarFunction.GREATEST,
    exp.Coalesce: ScalarFunction.COALESCE,
}
_PARTS_OF_DATES: Final[dict[type[exp.Expr], Part]] = {
    exp.Year: Part.YEAR,
    exp.Quarter: Part.QUARTER,
    exp.Month: Part.MONTH,
    exp.Week: Part.WEEK,
    exp.WeekOfYear: Part.WEEK,
    exp.Day: Part.DAY,
    exp.DayOfMonth: Part.DAY,
    exp.DayOfWeekIso: Part.WEEKDAY,
}


@dataclass(frozen=True, slots=True)
class Written:
    """A call as it is written: its arguments are not read yet."""

    function: ScalarFunction
    arguments: tuple[object, ...]
    part: Part | None = None


def read_call(node: exp.Expr) -> Written | None:
    """Return the call that ``node`` is, or None if it is none of a function known here.

    Raises:
        NotAnswerable: the function is known and is not called like this.
    """
    if type(node) is exp.Anonymous:
        return _bin(node) if str(node.this).lower() == "bin" else None
    write = _CALLS.get(type(node))
    return None if write is None else write(node)


def is_call(node: object) -> bool:
    """Tell whether ``node`` is a call of a function known here, however it is called."""
    return type(node) in _CALLS or (type(node) is exp.Anonymous and str(node.this).lower() == "bin")


def read_digits(node: object) -> int:
    """Return the number of digits that ROUND names.

    Raises:
        NotAnswerable: it is no whole number, or not within +-:data:`MAX_ROUND_DIGITS`.
    """
    digits = read_whole(node)
    if digits is None or abs(digits) > MAX_ROUND_DIGITS:
        raise NotAnswerable(
            "sql-function",
            f"ROUND takes a whole number of digits, from -{MAX_ROUND_DIGITS} to {MAX_ROUND_DIGITS}.",
            allowed="Write ROUND(x) or ROUND(x, 2).",
        )
    return digits


def is_day(unit: object) -> bool:
    """Tell whether ``unit`` is the unit of days that DATEDIFF takes."""
    return _spelled(unit) == "day"


def _one(node: exp.Expr) -> Written:
    only(node, "this")
    return Written(_ONE[type(node)], (node.this,))


def _part_of_date(node: exp.Expr) -> Written:
    only(node, "this")
    return Written(ScalarFunction.EXTRACT, (node.this,), _PARTS_OF_DATES[type(node)])


def _nullif(node: exp.Expr) -> Written:
    only(node, "this", "expression")
    return Written(ScalarFunction.NULLIF, (node.this, node.expression))


def _date_trunc(node: exp.Expr) -> Written:
    only(node, "this", "unit")
    return Written(ScalarFunction.DATE_TRUNC, (node.this,), _truncated(node.args.get("unit")))


def _extract(node: exp.Expr) -> Written:
    only(node, "this", "expression")
    return Written(ScalarFunction.EXTRACT, (node.expression,), _part(node.this))


def _many(node: exp.Expr) -> Written:
    only(node, "this", "expressions", "ignore_nulls")
    function = _MANY[type(node)]
    if not node.expressions:
        raise NotAnswerable(
            "sql-function", f"{function.value.upper()} takes two values or more.", allowed=FUNCTIONS
        )
    return Written(function, (node.this, *node.expressions))


def _round(node: exp.Expr) -> Written:
    only(node, "this", "decimals")
    digits = node.args.get("decimals")
    if digits is None:
        return Written(ScalarFunction.ROUND, (node.this,))
    read_digits(digits)
    return Written(ScalarFunction.ROUND, (node.this, digits))


def _bin(node: exp.Anonymous) -> Written:
    only(node, "this", "expressions")
    arguments = tuple(node.expressions)
    width = read_literal(arguments[1]) if len(arguments) > 1 and is_literal(arguments[1]) else None
    if len(arguments) != 2 or isinstance(width, bool) or not isinstance(width, int | Decimal) or width <= 0:  # noqa: PLR2004 - a value and a width
        raise NotAnswerable(
            "sql-function",
            "BIN takes a value and a width, which is a number above 0.",
            allowed="Write BIN(cost, 100): the largest multiple of 100 that is not above cost.",
        )
    return Written(ScalarFunction.BIN, arguments)


def _truncated(unit: object) -> Part:
    part = _part(unit)
    if part is Part.WEEKDAY:
        raise _unknown_part()
    return part


def _part(unit: object) -> Part:
    try:
        return Part(_spelled(unit))
    except ValueError:
        raise _unknown_part() from None


def _spelled(unit: object) -> str:
    unit = inside(unit)
    if isinstance(unit, exp.Var) or (isinstance(unit, exp.Literal) and unit.is_string):
        only(unit, "this", "is_string")
        return str(unit.this).lower()
    if unit is None:
        return ""
    raise lesson(unit)


def _unknown_part() -> Refusal:
    return NotAnswerable(
        "sql-date-part",
        "That part of a date is not one that is known here.",
        allowed="DATE_TRUNC takes 'year', 'quarter', 'month', 'week', 'day'; EXTRACT takes isodow too.",
    )


_CALLS: Final[dict[type[exp.Expr], Callable[[exp.Expr], Written]]] = {
    **dict.fromkeys(_ONE, _one),
    **dict.fromkeys(_MANY, _many),
    **dict.fromkeys(_PARTS_OF_DATES, _part_of_date),
    exp.Nullif: _nullif,
    exp.Round: _round,
    exp.TimestampTrunc: _date_trunc,
    exp.DateTrunc: _date_trunc,
    exp.Extract: _extract,
}
