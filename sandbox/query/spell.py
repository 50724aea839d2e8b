"""Values and conditions of a row written as SQL, with their constants or with ``?`` for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sandbox.query.expr import (
    All,
    Among,
    AnyOf,
    Arithmetic,
    Binary,
    Call,
    Case,
    Column,
    Compare,
    Constant,
    Like,
    Literal,
    Missing,
    Not,
    Part,
    Predicate,
    Scalar,
    ScalarFunction,
)

_SUMS = {Arithmetic.ADD, Arithmetic.SUBTRACT}
_SHOWN = {ScalarFunction.BIN, ScalarFunction.ROUND}
"""Their constants, widths and digits, say nothing of a row."""


def spell_value(value: Literal | None) -> str:
    """Return ``value`` as SQL reads it back."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case Decimal():
            return format(value, "f")
        case date():
            return f"DATE '{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"


def is_zero(value: object) -> bool:
    """Tell whether ``value`` is the whole number 0, of which a minus sign is a difference."""
    return isinstance(value, Constant) and type(value.value) is int and value.value == 0


def infix(
    operator: Arithmetic,
    sides: tuple[str, str],
    made_by: tuple[Arithmetic | None, Arithmetic | None],
    *,
    negative: bool,
) -> str:
    """Return ``left operator right`` with the brackets that it needs and no others.

    ``made_by`` are the operators that the sides are themselves made by. ``negative`` says that the left
    one is the 0 of a minus sign.
    """
    left, right = sides
    tight = operator not in _SUMS
    if made_by[0] is not None and tight and made_by[0] in _SUMS:
        left = f"({left})"
    if made_by[1] is not None and (tight or made_by[1] in _SUMS or negative):
        right = f"({right})"
    return f"-{right}" if negative and operator is Arithmetic.SUBTRACT else f"{left} {operator} {right}"


@dataclass(frozen=True, slots=True)
class Spelling:
    """Writes values and conditions of a row."""

    values: bool
    """Whether constants are shown."""

    def scalar(self, scalar: Scalar) -> str:
        """Return ``scalar`` as SQL."""
        match scalar:
            case Column(name, source):
                return f"{source}.{name}" if source else name
            case Constant(value):
                return "?" if value is not None and not self.values else spell_value(value)
            case Binary(operator, left, right):
                made_by = (_operator(left), _operator(right))
                negative = is_zero(left) and not isinstance(right, Constant)
                return infix(operator, (self.scalar(left), self.scalar(right)), made_by, negative=negative)
            case Call(function, arguments, part):
                return self._call(function, arguments, part)
            case Case(branches, otherwise):
                tests = " ".join(
                    f"WHEN {self.predicate(test)} THEN {self.scalar(value)}" for test, value in branches
                )
                rest = "" if otherwise == Constant(None) else f" ELSE {self.scalar(otherwise)}"
                return f"CASE {tests}{rest} END"

    def _call(self, function: ScalarFunction, arguments: tuple[Scalar, ...], part: Part | None) -> str:
        if function is ScalarFunction.EXTRACT:
            return f"EXTRACT({part} FROM {self.scalar(arguments[0])})"
        if function is ScalarFunction.DATE_TRUNC:
            return f"DATE_TRUNC({str(part)!r}, {self.scalar(arguments[0])})"
        shown = Spelling(values=True) if function in _SHOWN else self
        inside = [self.scalar(arguments[0]), *(shown.scalar(argument) for argument in arguments[1:])]
        return f"{function.value.upper()}({', '.join(inside)})"

    def predicate(self, part: Predicate) -> str:  # noqa: PLR0911 - one line for each kind
        """Return ``part`` as SQL."""
        match part:
            case Compare(left, operator, right):
                return f"{self.scalar(left)} {operator} {self.scalar(right)}"
            case Among(term, literals):
                values = ", ".join(map(spell_value, literals)) if self.values else "?"
                return f"{self.scalar(term)} IN ({values})"
            case Missing(term):
                return f"{self.scalar(term)} IS NULL"
            case Like(term, pattern):
                return f"{self.scalar(term)} LIKE {spell_value(pattern) if self.values else '?'}"
            case Not(inner):
                return f"NOT ({self.predicate(inner)})"
            case All(parts):
                return " AND ".join(f"({self.predicate(inner)})" for inner in parts)
            case AnyOf(parts):
                return " OR ".join(f"({self.predicate(inner)})" for inner in parts)


def _operator(scalar: Scalar) -> Arithmetic | None:
    return scalar.operator if isinstance(scalar, Binary) else None
