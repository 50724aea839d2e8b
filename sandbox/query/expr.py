"""The closed algebra of questions.

Whatever SQL a person writes becomes one of these frozen values or a refusal; nothing else is ever
compiled for an engine. The algebra knows names, not tables: whether a column exists and may be used
is the policy's answer (:mod:`sandbox.policy.check`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

Literal = bool | int | Decimal | str | date


class Operator(StrEnum):
    """Comparison of a column with a literal; the value is its SQL spelling."""

    EQ = "="
    NE = "<>"
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class Compare:
    """``column operator literal``; NULL on the left is neither true nor false."""

    column: str
    operator: Operator
    literal: Literal


@dataclass(frozen=True, slots=True)
class Among:
    """``column IN (literals)``; never empty."""

    column: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """``column IS NULL``."""

    column: str


@dataclass(frozen=True, slots=True)
class Not:
    """Negation in SQL's three-valued logic."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class All:
    """Conjunction of two parts or more."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Disjunction of two parts or more."""

    parts: tuple[Predicate, ...]


Predicate = Compare | Among | Missing | Not | All | AnyOf


class Function(StrEnum):
    """The aggregates a question may ask for."""

    COUNT_ROWS = "count_rows"
    """``COUNT(*)``"""
    COUNT_VALUES = "count_values"
    """``COUNT(column)``: rows in which the column is not NULL"""
    COUNT_UNITS = "count_units"
    """``COUNT(DISTINCT unit)``"""
    SUM = "sum"
    AVG = "avg"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate of the SELECT list."""

    function: Function
    column: str | None
    """The column inside the brackets; None for ``COUNT(*)``, the unit's column for COUNT_UNITS."""
    name: str
    """Name of the output column, unique in the question."""


@dataclass(frozen=True, slots=True)
class Key:
    """One grouping column of the SELECT list."""

    column: str
    name: str
    """Name of the output column, unique in the question."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question of one table."""

    table: str
    outputs: tuple[Key | Aggregate, ...]
    """The SELECT list in its written order; at least one Aggregate."""
    keys: tuple[str, ...]
    """Columns of GROUP BY, in written order; every Key output is one of them."""
    where: Predicate | None = None

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """The aggregates among the outputs, in written order."""
        return tuple(output for output in self.outputs if isinstance(output, Aggregate))
