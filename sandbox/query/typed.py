"""The closed algebra again, typed: what an engine is asked to compute.

Made by the policy check from a question (:mod:`sandbox.query.expr`). Every term knows its type: for a
number the public bounds that no row can leave, as whole numbers of 10^-decimals that fit into 64 bits
with room to spare. So every term is total: no row can make it fail or overflow. The compiler prints
these values and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sandbox.query.expr import Operator, Part

LARGEST = 2**62
"""No number a term makes is beyond +-LARGEST; half of what a 64-bit column holds."""


class Kind(StrEnum):
    """What a value is."""

    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    BOOLEAN = "boolean"


@dataclass(frozen=True, kw_only=True, slots=True)
class Type:
    """What values a term can have, whatever the rows are."""

    kind: Kind
    nullable: bool
    low: int | None = None
    """Least value: of a number in its fixed-point unit, of a date as its ordinal; None if unbounded."""
    high: int | None = None
    """Largest value, as :attr:`low`; a number has both."""
    decimals: int = 0
    """A number is stored as a whole number of 10^-decimals."""
    values: tuple[int | str | date, ...] | None = None
    """Every value it can have besides NULL, sorted, where these are public and few; numbers as stored."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a source."""

    source: str
    """Alias of the source."""
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Value:
    """A constant; a number as it is stored, None is NULL."""

    value: bool | int | str | date | None
    type: Type


class Operation(StrEnum):
    """What an engine computes; on whole numbers and dates only."""

    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    """Whole division that cuts towards zero; the divisor is never 0."""
    DAYS = "days"
    """``DAYS(date)``: number of days since 1970-01-01."""
    EXTRACT = "extract"
    DATE_TRUNC = "date_trunc"
    """A date again, not a moment."""


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation on terms; NULL where an argument is NULL."""

    operation: Operation
    arguments: tuple[Term, ...]
    type: Type
    part: Part | None = None
    """Of EXTRACT and DATE_TRUNC."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The term of the first test that is true, else ``otherwise``."""

    branches: tuple[tuple[Test, Term], ...]
    otherwise: Term
    type: Type


Term = Field | Value | Apply | Choice


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of two terms of one kind and one number of decimals."""

    left: Term
    operator: Operator
    right: Term


@dataclass(frozen=True, slots=True)
class Member:
    """The term is one of the values, which are of its type."""

    term: Term
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    """The term is NULL."""

    term: Term


@dataclass(frozen=True, slots=True)
class Matches:
    """The text matches a LIKE pattern without an escape character."""

    term: Term
    pattern: str


@dataclass(frozen=True, slots=True)
class Negation:
    """Three-valued NOT."""

    test: Test


@dataclass(frozen=True, slots=True)
class Conjunction:
    """Two tests or more."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Disjunction:
    """Two tests or more."""

    tests: tuple[Test, ...]


Test = Comparison | Member | IsNull | Matches | Negation | Conjunction | Disjunction


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """A table of the bounded copy."""

    name: str
    alias: str
    unit: Field | None
    """Whose rows they are; None for a public table."""
    max_rows: int
    """Rows of one unit that are looked at, as numbered by the copy; 0 for a public table."""
    stored_rows: int = 0
    """Rows of one unit that the copy holds, where these are more than the contribution bound; else 0."""
    after: Test | None = None
    """Where set, the stored rows for which it is true are numbered anew, in the copy's order, and
    ``max_rows`` counts these: bounding at query time, after a test of this table's own fields."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """Two sources side by side, matched on equal fields.

    Either the right one is a public table matched on its unique key, or both have a unit and are
    matched on it; nothing else bounds how far one unit reaches.
    """

    left: Relation
    right: Relation
    on: tuple[tuple[Field, Field], ...]
    outer: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """One row for each row of a source."""

    alias: str
    columns: tuple[tuple[str, Term], ...]
    """Name and term of each; the unit is among them."""
    unit: Field
    """As seen from outside."""
    source: Relation
    where: Test | None


class UnitFunction(StrEnum):
    """What may be computed of one unit's own rows."""

    COUNT_ROWS = "count_rows"
    COUNT_VALUES = "count_values"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVG = "avg"
    """Cut towards zero at the type's decimals, which are 2 more than those of its argument."""


@dataclass(frozen=True, slots=True)
class OfUnit:
    """An aggregate over one unit's own rows."""

    function: UnitFunction
    term: Term | None
    where: Test | None
    type: Type


@dataclass(frozen=True, kw_only=True, slots=True)
class PerUnitRows:
    """One row for each unit of a source."""

    alias: str
    unit: Field
    """As seen from outside."""
    unit_inside: Field
    """What is grouped by."""
    columns: tuple[tuple[str, OfUnit], ...]
    """Name and aggregate of each column besides the unit."""
    source: Relation
    where: Test | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Union:
    """The rows of several sources, one after the other."""

    alias: str
    parts: tuple[Derived, ...]
    """With the same column names in the same order and types of the same kind and decimals."""
    unit: Field
    """As seen from outside."""


Relation = Base | Joined | Derived | PerUnitRows | Union


def unit_of(source: Relation) -> Field | None:
    """Return the field that says whose row a row is, as seen from outside; None for a public table."""
    return unit_of(source.left) if isinstance(source, Joined) else source.unit


def max_rows_of(source: Relation) -> int:
    """Return how many rows of ``source`` one unit can make, at most.

    A join with a public table on its unique key finds at most one partner; a join of two private
    tables on the unit pairs each row of a unit with each of the same unit.
    """
    match source:
        case Base():
            return source.max_rows
        case Joined():
            partners = 1 if unit_of(source.right) is None else max_rows_of(source.right)
            return max_rows_of(source.left) * partners
        case Derived():
            return max_rows_of(source.source)
        case PerUnitRows():
            return 1
        case Union():
            return sum(max_rows_of(part) for part in source.parts)
