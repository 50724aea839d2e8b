"""What a scan means, in exact whole numbers and SQL's three-valued logic, slowly and plainly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from sandbox.privacy.scan import Scan, Statistic, StatisticKind
from sandbox.query.expr import Operator, Part
from sandbox.query.typed import (
    Apply,
    Base,
    Choice,
    Comparison,
    Conjunction,
    Derived,
    Disjunction,
    Field,
    IsNull,
    Joined,
    Matches,
    Member,
    Negation,
    OfUnit,
    Operation,
    PerUnitRows,
    Relation,
    Term,
    Test,
    Union,
    UnitFunction,
    Value,
)

Cell = bool | int | str | date | None
Row = Mapping[tuple[str, str], Cell]
"""Values by alias and column."""
Tables = Mapping[str, Sequence[Mapping[str, Cell]]]
EPOCH = date(1970, 1, 1)
NUMBER = "_rn"
_OPERATORS: dict[Operator, Callable[[Any, Any], bool]] = {  # Any: two cells of one kind
    Operator.EQ: eq,
    Operator.NE: ne,
    Operator.LT: lt,
    Operator.LE: le,
    Operator.GT: gt,
    Operator.GE: ge,
}


def result(scan: Scan, tables: Tables) -> list[tuple[Cell, ...]]:
    """Return the rows of a scan, in any order."""
    rows = [row for row in rows_of(scan.source, tables) if _holds(scan.where, row)]
    groups: dict[tuple[Cell, ...], list[Row]] = {} if scan.keys else {(): []}
    for row in rows:
        groups.setdefault(tuple(value(key, row) for key in scan.keys), []).append(row)
    return [
        (*keys, *(_statistic(statistic, scan.source, members) for statistic in scan.statistics))
        for keys, members in groups.items()
    ]


def rows_of(source: Relation, tables: Tables) -> list[Row]:
    """Return the rows of a source."""
    match source:
        case Base():
            rows: list[Row] = [
                {(source.alias, name): cell for name, cell in row.items()} for row in tables[source.name]
            ]
            return rows if source.unit is None else _bounded(source, source.unit, rows)
        case Joined():
            return _joined(source, tables)
        case Derived():
            return [
                {(source.alias, name): value(term, row) for name, term in source.columns}
                for row in rows_of(source.source, tables)
                if _holds(source.where, row)
            ]
        case PerUnitRows():
            return _per_unit(source, tables)
        case Union():
            return [
                {(source.alias, name): cell for (_, name), cell in row.items()}
                for part in source.parts
                for row in rows_of(part, tables)
            ]


def value(term: Term, row: Row) -> Cell:
    """Return a term's value in a row."""
    match term:
        case Field(source, name):
            return row[source, name]
        case Value(constant):
            return constant
        case Choice(branches, otherwise):
            chosen = (branch for test, branch in branches if truth(test, row) is True)
            return value(next(chosen, otherwise), row)
        case Apply(operation, arguments, _, part):
            values = [value(argument, row) for argument in arguments]
            return None if None in values else _applied(operation, values, part)


def truth(test: Test, row: Row) -> bool | None:  # noqa: PLR0911  # one for each case
    """Return whether a test holds in a row; None where SQL does not know."""
    match test:
        case Comparison(left, operator, right):
            pair = value(left, row), value(right, row)
            return None if None in pair else _OPERATORS[operator](*pair)
        case Member(term, values):
            cell = value(term, row)
            return None if cell is None else cell in [member.value for member in values]
        case IsNull(term):
            return value(term, row) is None
        case Matches(term, pattern):
            written = value(term, row)
            return None if written is None else _like(str(written), pattern)
        case Negation(inner):
            found = truth(inner, row)
            return None if found is None else not found
        case Conjunction(tests):
            return _all([truth(part, row) for part in tests], decisive=False)
        case Disjunction(tests):
            return _all([truth(part, row) for part in tests], decisive=True)


def cut(left: int, right: int) -> int:
    """Divide and cut towards zero."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def whole(cell: Cell) -> int:
    """Return a cell that is a number."""
    assert isinstance(cell, int)
    return cell


def _holds(test: Test | None, row: Row) -> bool:
    return test is None or truth(test, row) is True


def _all(found: Sequence[bool | None], *, decisive: bool) -> bool | None:
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def _like(written: str, pattern: str) -> bool:
    special = {"%": ".*", "_": "."}
    expression = "".join(special.get(letter) or re.escape(letter) for letter in pattern)
    return re.fullmatch(expression, written, re.DOTALL) is not None


def _applied(operation: Operation, values: Sequence[Cell], part: Part | None) -> Cell:
    match operation, values:
        case Operation.DAYS, [date() as day]:
            return (day - EPOCH).days
        case Operation.EXTRACT, [date() as day]:
            assert part is not None
            return extracted(day, part)
        case Operation.DATE_TRUNC, [date() as day]:
            assert part is not None
            return truncated(day, part)
        case _, [int(left), int(right)]:
            return _arithmetic(operation, left, right)
        case _:
            raise AssertionError((operation, values))


def _arithmetic(operation: Operation, left: int, right: int) -> int:
    match operation:
        case Operation.ADD:
            return left + right
        case Operation.SUBTRACT:
            return left - right
        case Operation.MULTIPLY:
            return left * right
        case Operation.DIVIDE:
            return cut(left, right)
        case _:
            raise AssertionError(operation)


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
    match part:
        case Part.YEAR:
            return day.replace(month=1, day=1)
        case Part.QUARTER:
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case Part.MONTH:
            return day.replace(day=1)
        case Part.WEEK:
            return day - timedelta(days=day.weekday())
        case Part.DAY:
            return day
        case Part.WEEKDAY:
            raise AssertionError(part)


def _bounded(source: Base, unit: Field, rows: Iterable[Row]) -> list[Row]:
    """Number the rows of each unit for which the table's test is true, and keep the first ones."""
    seen: Counter[Cell] = Counter()
    numbered: list[Row] = []
    for row in sorted(rows, key=lambda row: whole(row[source.alias, NUMBER])):
        if _holds(source.after, row):
            seen[value(unit, row)] += 1
            numbered.append({**row, (source.alias, NUMBER): seen[value(unit, row)]})
    return [row for row in numbered if whole(row[source.alias, NUMBER]) <= source.max_rows]


def _joined(source: Joined, tables: Tables) -> list[Row]:
    right = rows_of(source.right, tables)
    joined: list[Row] = []
    for row in rows_of(source.left, tables):
        partners = [other for other in right if _matched(source, {**row, **other})]
        joined += [{**row, **other} for other in partners]
        if source.outer and not partners:
            joined.append({**dict.fromkeys(_columns(source.right, tables)), **row})
    return joined


def _matched(source: Joined, row: Row) -> bool:
    return all(truth(Comparison(one, Operator.EQ, other), row) is True for one, other in source.on)


def _columns(source: Relation, tables: Tables) -> list[tuple[str, str]]:
    match source:
        case Base():
            return [(source.alias, name) for name in tables[source.name][0]]
        case Joined():
            return _columns(source.left, tables) + _columns(source.right, tables)
        case Derived():
            return [(source.alias, name) for name, _ in source.columns]
        case PerUnitRows():
            return [(source.alias, name) for name in (source.unit.name, *dict(source.columns))]
        case Union():
            return [(source.alias, name) for name, _ in source.parts[0].columns]


def _per_unit(source: PerUnitRows, tables: Tables) -> list[Row]:
    units: dict[Cell, list[Row]] = {}
    for row in rows_of(source.source, tables):
        if _holds(source.where, row):
            units.setdefault(value(source.unit_inside, row), []).append(row)
    return [
        {
            (source.alias, source.unit.name): unit,
            **{(source.alias, name): _of_unit(aggregate, rows) for name, aggregate in source.columns},
        }
        for unit, rows in units.items()
    ]


def _of_unit(aggregate: OfUnit, rows: Iterable[Row]) -> Cell:
    looked_at = [row for row in rows if _holds(aggregate.where, row)]
    if aggregate.term is None:
        return len(looked_at)
    values = [cell for row in looked_at if (cell := value(aggregate.term, row)) is not None]
    return len(values) if aggregate.function is UnitFunction.COUNT_VALUES else _folded(aggregate, values)


def _folded(aggregate: OfUnit, values: list[Any]) -> Cell:
    folds: dict[UnitFunction, Callable[[list[Any]], Cell]] = {
        UnitFunction.SUM: sum,
        UnitFunction.AVG: lambda numbers: cut(sum(numbers) * 100, len(numbers)),
        UnitFunction.MIN: min,
        UnitFunction.MAX: max,
    }
    return folds[aggregate.function](values) if values else None


def _statistic(statistic: Statistic, source: Relation, rows: Iterable[Row]) -> int:
    private = _private(source)
    looked_at = [
        row
        for row in rows
        if _holds(statistic.where, row)
        and (private is None or whole(row[private, NUMBER]) <= statistic.max_rows)
    ]
    if statistic.term is None:
        return len(looked_at)
    values = [cell for row in looked_at if (cell := value(statistic.term, row)) is not None]
    match statistic.kind:
        case StatisticKind.UNITS:
            return len(set(values))
        case StatisticKind.SUM:
            return sum(map(whole, values))
        case _:
            return len(values)


def _private(source: Relation) -> str | None:
    """Return the alias of the numbered table, where the source is one, alone or with public ones."""
    while isinstance(source, Joined):
        source = source.left
    return source.alias if isinstance(source, Base) else None
