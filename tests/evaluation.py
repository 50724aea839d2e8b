"""What typed terms mean, in Python's exact integers: the reference that engines are held against."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from sandbox.query.dates import EPOCH
from sandbox.query.expr import Operator, Part
from sandbox.query.intervals import cut_division
from sandbox.query.typed import (
    Apply,
    Choice,
    Comparison,
    Conjunction,
    Disjunction,
    Field,
    IsNull,
    Kind,
    Matches,
    Member,
    Negation,
    Operation,
    Term,
    Test,
    Type,
    Value,
)

Row = Mapping[tuple[str, str], Any]
"""By source and name, as fields have them."""
_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}
_COMPUTE: dict[Operation, Callable[[int, int], int]] = {
    Operation.ADD: operator.add,
    Operation.SUBTRACT: operator.sub,
    Operation.MULTIPLY: operator.mul,
    Operation.DIVIDE: cut_division,
}


def value_of(term: Term, row: Row) -> Any:
    """Return the value of ``term`` in a row."""
    match term:
        case Field():
            return row[term.source, term.name]
        case Value():
            return term.value
        case Choice():
            for test, then in term.branches:
                if truth_of(test, row) is True:
                    return value_of(then, row)
            return value_of(term.otherwise, row)
        case Apply():
            arguments = [value_of(argument, row) for argument in term.arguments]
            return None if None in arguments else _applied(term, arguments)


def truth_of(test: Test, row: Row) -> bool | None:
    """Return True, False or None, as SQL's three-valued logic has it."""
    match test:
        case Comparison() | Member():
            return _compared(test, row)
        case IsNull(term) | Matches(term):
            value = value_of(term, row)
            if isinstance(test, IsNull):
                return value is None
            return None if value is None else _like(value, test.pattern)
        case Conjunction(tests):
            return _all([truth_of(part, row) for part in tests])
        case Negation(inner):
            return _not(truth_of(inner, row))
        case Disjunction(tests):
            return truth_of(Negation(Conjunction(tuple(Negation(part) for part in tests))), row)


def fits(value: Any, kind: Type) -> bool:
    """Tell whether a value is one that the type promises."""
    if value is None:
        return kind.nullable
    if kind.values is not None and value not in kind.values:
        return False
    if kind.low is None or kind.high is None:
        return True
    at = value.toordinal() if kind.kind is Kind.DATE else value
    return bool(kind.low <= at <= kind.high)


def _compared(test: Comparison | Member, row: Row) -> bool | None:
    if isinstance(test, Member):
        value = value_of(test.term, row)
        return None if value is None else value in [one.value for one in test.values]
    left, right = value_of(test.left, row), value_of(test.right, row)
    return None if left is None or right is None else _COMPARE[test.operator](left, right)


def _not(found: bool | None) -> bool | None:
    return None if found is None else not found


def _all(found: list[bool | None]) -> bool | None:
    if False in found:
        return False
    return None if None in found else True


def _like(value: str, pattern: str) -> bool:
    parts = {"%": "(.|\n)*", "_": "(.|\n)"}
    return re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), value) is not None


def _applied(term: Apply, arguments: list[Any]) -> Any:
    if term.operation in _COMPUTE:
        return _COMPUTE[term.operation](*arguments)
    day: date = arguments[0]
    if term.operation is Operation.DAYS:
        return day.toordinal() - EPOCH
    return _extracted(day, term.part) if term.operation is Operation.EXTRACT else _truncated(day, term.part)


def _extracted(day: date, part: Part | None) -> int:
    return {
        Part.YEAR: day.year,
        Part.QUARTER: (day.month + 2) // 3,
        Part.MONTH: day.month,
        Part.WEEK: day.isocalendar().week,
        Part.DAY: day.day,
        Part.WEEKDAY: day.isoweekday(),
    }[part or Part.DAY]


def _truncated(day: date, part: Part | None) -> date:
    match part:
        case Part.YEAR:
            return day.replace(month=1, day=1)
        case Part.QUARTER:
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case Part.MONTH:
            return day.replace(day=1)
        case Part.WEEK:
            return day - timedelta(days=day.weekday())
        case _:
            return day
