"""What typed terms mean, in Python's exact integers: the reference that engines are held against."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from sandbox.query.expr import Operator, Part
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
_EPOCH = date(1970, 1, 1)
_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}


def value_of(term: Term, row: Row) -> Any:
    """Return the value of ``term`` in a row."""
    match term:
        case Field():
            return row[term.source, term.name]
        case Value():
            return term.value
        case Choice():
            chosen = (then for test, then in term.branches if truth_of(test, row) is True)
            return value_of(next(chosen, term.otherwise), row)
        case Apply():
            arguments = [value_of(argument, row) for argument in term.arguments]
            return None if None in arguments else _applied(term, *arguments)


def truth_of(test: Test, row: Row) -> bool | None:  # noqa: PLR0911  # one for each case
    """Return True, False or None, as SQL's three-valued logic has it."""
    match test:
        case Comparison():
            pair = value_of(test.left, row), value_of(test.right, row)
            return None if None in pair else _COMPARE[test.operator](*pair)
        case Member(term, values):
            value = value_of(term, row)
            return None if value is None else value in [one.value for one in values]
        case IsNull(term):
            return value_of(term, row) is None
        case Matches(term, pattern):
            value = value_of(term, row)
            return None if value is None else _like(value, pattern)
        case Negation(inner):
            found = truth_of(inner, row)
            return None if found is None else not found
        case Conjunction(tests):
            return _all([truth_of(part, row) for part in tests], decisive=False)
        case Disjunction(tests):
            return _all([truth_of(part, row) for part in tests], decisive=True)


def holds(test: Test | None, row: Row) -> bool:
    """Tell whether a row stays: no test stands, or it is true and not merely unknown."""
    return test is None or truth_of(test, row) is True


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


def cut(left: int, right: int) -> int:
    """Divide and cut towards zero; written apart from the product's own, which is under test."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def extracted(day: date, part: Part) -> int:
    """Return a part of a date."""
    return {
        Part.YEAR: day.year,
        Part.QUARTER: (day.month + 2) // 3,
        Part.MONTH: day.month,
        Part.WEEK: day.isocalendar().week,
        Part.DAY: day.day,
        Part.WEEKDAY: day.isoweekday(),
    }[part]


def truncated(day: date, part: Part) -> date:
    """Return the first day of the part a date lies in."""
    return {
        Part.YEAR: day.replace(month=1, day=1),
        Part.QUARTER: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        Part.MONTH: day.replace(day=1),
        Part.WEEK: day - timedelta(days=day.weekday()),
        Part.DAY: day,
    }[part]


def _all(found: list[bool | None], *, decisive: bool) -> bool | None:
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def _like(value: str, pattern: str) -> bool:
    special = {"%": ".*", "_": "."}
    expression = "".join(special.get(letter) or re.escape(letter) for letter in pattern)
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _applied(term: Apply, first: Any, second: Any = None) -> Any:
    match term.operation, term.part:
        case Operation.DAYS, None:
            return (first - _EPOCH).days
        case Operation.EXTRACT, Part() as part:
            return extracted(first, part)
        case Operation.DATE_TRUNC, Part() as part:
            return truncated(first, part)
        case operation, _:
            return _COMPUTE[operation](first, second)


_COMPUTE: dict[Operation, Callable[[int, int], int]] = {
    Operation.ADD: operator.add,
    Operation.SUBTRACT: operator.sub,
    Operation.MULTIPLY: operator.mul,
    Operation.DIVIDE: cut,
}
