"""The closed algebra of questions, as they are asked.

Whatever SQL a person writes becomes one of these frozen values or a refusal; nothing else is ever
compiled for an engine. The algebra knows names, not tables: whether a column exists, what type it has
and whether it may be used is the policy's answer, which turns it into :mod:`sandbox.query.typed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sandbox.query.words import Arithmetic as Arithmetic
from sandbox.query.words import Operator as Operator
from sandbox.query.words import Part as Part
from sandbox.query.words import ScalarFunction as ScalarFunction

Literal = bool | int | Decimal | str | date


@dataclass(frozen=True, slots=True)
class Column:
    """A column of one of the question's sources."""

    name: str
    source: str = ""
    """Alias of the source; empty where the question did not say, or has one source only."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written into the question; None is NULL."""

    value: Literal | None


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator right``."""

    operator: Arithmetic
    left: Scalar
    right: Scalar


@dataclass(frozen=True, slots=True)
class Call:
    """A function of values of one row."""

    function: ScalarFunction
    arguments: tuple[Scalar, ...]
    part: Part | None = None
    """Set for DATE_TRUNC and EXTRACT alone."""


@dataclass(frozen=True, slots=True)
class Case:
    """The value of the first branch whose condition is true, else ``otherwise``."""

    branches: tuple[tuple[Predicate, Scalar], ...]
    otherwise: Scalar


Scalar = Column | Constant | Binary | Call | Case


@dataclass(frozen=True, slots=True)
class Compare:
    """``left operator right``; neither true nor false where a side is NULL."""

    left: Scalar
    operator: Operator
    right: Scalar


@dataclass(frozen=True, slots=True)
class Among:
    """``term IN (literals)``; never empty."""

    term: Scalar
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """``term IS NULL``."""

    term: Scalar


@dataclass(frozen=True, slots=True)
class Like:
    """``term LIKE 'pattern'``: ``%`` is any text, ``_`` any character, letters as they are."""

    term: Scalar
    pattern: str


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


Predicate = Compare | Among | Missing | Like | Not | All | AnyOf


class Function(StrEnum):
    """The aggregates a question may ask for; the value is the SQL name."""

    COUNT_ROWS = "count_rows"
    """``COUNT(*)``"""
    COUNT_VALUES = "count_values"
    """``COUNT(x)``: rows in which x is not NULL"""
    COUNT_UNITS = "count_units"
    """``COUNT(DISTINCT unit)``"""
    SUM = "sum"
    AVG = "avg"
    VAR_SAMP = "var_samp"
    VAR_POP = "var_pop"
    STDDEV_SAMP = "stddev_samp"
    STDDEV_POP = "stddev_pop"
    COVAR_SAMP = "covar_samp"
    COVAR_POP = "covar_pop"
    CORR = "corr"
    REGR_SLOPE = "regr_slope"
    """``REGR_SLOPE(y, x)``: slope of the least-squares line of y on x."""
    REGR_INTERCEPT = "regr_intercept"
    REGR_R2 = "regr_r2"
    QUANTILE = "quantile"
    """``PERCENTILE_CONT(p) WITHIN GROUP (ORDER BY x)``, ``QUANTILE(x, p)``, ``MEDIAN(x)``."""
    MIN = "min"
    """The low quantile that the policy declares in its place."""
    MAX = "max"
    """The high quantile that the policy declares in its place."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate over the rows of a group."""

    function: Function
    arguments: tuple[Scalar, ...] = ()
    """None for ``COUNT(*)``, the unit's column for COUNT_UNITS, (y, x) for two variables, else one."""
    where: Predicate | None = None
    """``FILTER (WHERE ...)``"""
    fraction: Decimal | None = None
    """Of a QUANTILE: strictly between 0 and 1, at most 4 decimals."""


@dataclass(frozen=True, slots=True)
class Combination:
    """Arithmetic of aggregates and constants, done on the noisy numbers."""

    operator: Arithmetic
    """Not MODULO."""
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True)
class Rounded:
    """``ROUND(formula, digits)``."""

    formula: Formula
    digits: int


Formula = Aggregate | Constant | Combination | Rounded


def aggregates_in(formula: Formula) -> Iterator[Aggregate]:
    """Yield the aggregates of ``formula``, in written order."""
    match formula:
        case Aggregate():
            yield formula
        case Combination(_, left, right):
            yield from aggregates_in(left)
            yield from aggregates_in(right)
        case Rounded(inner):
            yield from aggregates_in(inner)
        case Constant():
            return


@dataclass(frozen=True, slots=True)
class Key:
    """A grouping expression of the SELECT list."""

    index: int
    """Which of the question's keys."""
    name: str
    """Name of the output column, unique in the question."""


@dataclass(frozen=True, slots=True)
class Output:
    """A noisy column of the SELECT list."""

    formula: Formula
    """Holds one aggregate at least."""
    name: str
    """Name of the output column, unique in the question."""


@dataclass(frozen=True, slots=True)
class Having:
    """``left operator right`` on the noisy numbers; not true where one is empty."""

    left: Formula
    operator: Operator
    right: Formula


@dataclass(frozen=True, slots=True)
class HavingAll:
    """Conjunction of two parts or more."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class HavingAny:
    """Disjunction of two parts or more."""

    parts: tuple[Condition, ...]


Condition = Having | HavingAll | HavingAny


@dataclass(frozen=True, slots=True)
class Order:
    """One part of ORDER BY: a column of the answer; empty values come last."""

    name: str
    """Of an output."""
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table that the policy names."""

    name: str
    alias: str = ""
    """Empty where it is the name."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A sub-query (or CTE, written out) that makes one row of each of its source's rows."""

    source: Source
    outputs: tuple[tuple[str, Scalar], ...]
    """Name and value of each column; the columns of ``*`` come besides these."""
    where: Predicate | None
    alias: str
    star: bool = False
    """Whether every column of the source is passed on (``SELECT *``)."""


@dataclass(frozen=True, slots=True)
class PerUnit:
    """A sub-query that makes one row of all rows of a unit: ``GROUP BY unit``."""

    source: Source
    unit: Column
    """What it groups by; the policy checks that it is the unit."""
    outputs: tuple[tuple[str, Column | Aggregate], ...]
    """Name and value of each column: the unit, or COUNT, SUM, AVG, MIN, MAX of the unit's own rows."""
    where: Predicate | None
    alias: str


@dataclass(frozen=True, slots=True)
class Stacked:
    """``UNION ALL`` of sub-queries with the same columns."""

    parts: tuple[Rows, ...]
    """Two at least; their aliases are empty."""
    alias: str


@dataclass(frozen=True, slots=True)
class Join:
    """``left [LEFT] JOIN right ON column = column AND ...``; USING is written out."""

    left: Source
    right: Source
    on: tuple[tuple[Column, Column], ...]
    """Pairs of columns that must be equal; one at least."""
    outer: bool = False
    """LEFT JOIN: rows of the left without a partner stay, with NULLs."""


Source = Table | Rows | PerUnit | Stacked | Join


@dataclass(frozen=True, slots=True)
class Query:
    """One question."""

    source: Source
    outputs: tuple[Key | Output, ...]
    """The SELECT list in its written order; at least one Output."""
    keys: tuple[Scalar, ...] = ()
    """Expressions of GROUP BY, in written order."""
    sets: tuple[tuple[int, ...], ...] = ()
    """GROUPING SETS, ROLLUP or CUBE as sets of indices of keys; empty for the one set of all keys."""
    where: Predicate | None = None
    having: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    """Rows of the noisy answer that are shown; at least 1."""

    @property
    def noisy_names(self) -> tuple[str, ...]:
        """Names of the noisy columns of the SELECT list, in written order."""
        return tuple(output.name for output in self.outputs if isinstance(output, Output))

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """Every formula of the SELECT list and of HAVING, in written order."""
        shown = tuple(output.formula for output in self.outputs if isinstance(output, Output))
        return shown + (() if self.having is None else tuple(_formulas(self.having)))

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """Every aggregate that must be measured, each once, in written order."""
        found = (part for formula in self.formulas for part in aggregates_in(formula))
        return tuple(dict.fromkeys(found))


def _formulas(condition: Condition) -> Iterator[Formula]:
    match condition:
        case Having(left, _, right):
            yield left
            yield right
        case HavingAll(parts) | HavingAny(parts):
            for part in parts:
                yield from _formulas(part)
