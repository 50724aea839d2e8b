"""What scans and whole plans mean, computed row by row in Python: the reference of every engine.

Rows are given as a copy keeps them: numbers as whole numbers of their last digit. The rows of one unit
stand in the order of their numbers, or have none and are numbered as they stand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from evaluation import Row, cut, holds, truth_of, value_of

from sandbox.policy.dataset import TablePolicy
from sandbox.privacy.plan import Plan, PlannedScan
from sandbox.privacy.scan import Scan, Statistic, StatisticKind
from sandbox.query.expr import Operator
from sandbox.query.typed import (
    Base,
    Comparison,
    Derived,
    Field,
    Joined,
    OfUnit,
    PerUnitRows,
    Relation,
    Test,
    Union,
    UnitFunction,
)

Kept = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows of each table."""
_NUMBER = "_rn"
_OF_VALUES: Mapping[UnitFunction, Callable[[list[Any]], Any]] = {
    UnitFunction.SUM: sum,
    UnitFunction.MIN: min,
    UnitFunction.MAX: max,
    UnitFunction.AVG: lambda values: cut(sum(values) * 100, len(values)),
}


def raw_rows(table: TablePolicy, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return kept rows as a raw table would have had them."""
    scales = {name: 10**column.decimals for name, column in table.columns.items() if column.bounds}
    return [
        {
            name: value / scales[name] if name in scales and value is not None else value
            for name, value in row.items()
        }
        for row in rows
    ]


def cells_of(plan: Plan, kept: Kept) -> list[list[tuple[int, ...]]]:
    """Return, for each scan of ``plan``, one vector for each statistic."""
    return [_vectors(planned, kept) for planned in plan.scans]


def result(scan: Scan, kept: Kept) -> list[tuple[Any, ...]]:
    """Return the rows of a scan, in any order: keys, then statistics."""
    groups: dict[tuple[Any, ...], list[Row]] = {} if scan.keys else {(): []}
    for row in _kept_by(scan.where, rows_of(scan.source, kept)):
        groups.setdefault(tuple(value_of(key, row) for key in scan.keys), []).append(row)
    return [
        (*keys, *(_counted(one, scan.source, rows) for one in scan.statistics))
        for keys, rows in groups.items()
    ]


def rows_of(source: Relation, kept: Kept) -> list[Row]:
    """Return the rows of a relation."""
    match source:
        case Base():
            named: list[Row] = [
                {(source.alias, name): value for name, value in row.items()} for row in kept[source.name]
            ]
            return named if source.unit is None else _bounded(source, source.unit, named)
        case Joined():
            return _joined(source, kept)
        case Derived():
            inner = _kept_by(source.where, rows_of(source.source, kept))
            return [
                {(source.alias, name): value_of(term, row) for name, term in source.columns} for row in inner
            ]
        case PerUnitRows():
            return _per_unit(source, kept)
        case Union():
            return [
                {(source.alias, name): value for (_, name), value in row.items()}
                for part in source.parts
                for row in rows_of(part, kept)
            ]


def _vectors(planned: PlannedScan, kept: Kept) -> list[tuple[int, ...]]:
    width, nothing = len(planned.scan.keys), (0,) * len(planned.scan.statistics)
    groups = {row[:width]: row[width:] for row in result(planned.scan, kept)}
    cells = (groups.get(cell, nothing) for cell in product(*planned.domains))
    return list(zip(*cells, strict=True))


def _bounded(source: Base, unit: Field, rows: list[Row]) -> list[Row]:
    """Number the rows of each unit for which the table's test is true, and keep the first ones."""
    seen: Counter[Any] = Counter()
    first: list[Row] = []
    for row in _kept_by(source.after, sorted(rows, key=lambda row: row.get((source.alias, _NUMBER), 0))):
        person = value_of(unit, row)
        seen[person] += 1
        if seen[person] <= source.max_rows:
            first.append({**row, (source.alias, _NUMBER): seen[person]})
    return first


def _joined(source: Joined, kept: Kept) -> list[Row]:
    right = rows_of(source.right, kept)
    made: list[Row] = []
    for row in rows_of(source.left, kept):
        pairs: list[Row] = [{**row, **other} for other in right]
        matched = [pair for pair in pairs if _matched(source, pair)]
        if source.outer and not matched:
            matched = [{**dict.fromkeys(_columns(source.right, kept)), **row}]
        made += matched
    return made


def _matched(source: Joined, row: Row) -> bool:
    return all(truth_of(Comparison(one, Operator.EQ, other), row) is True for one, other in source.on)


def _columns(source: Relation, kept: Kept) -> list[tuple[str, str]]:
    match source:
        case Base():
            return [(source.alias, name) for name in kept[source.name][0]]
        case Joined():
            return _columns(source.left, kept) + _columns(source.right, kept)
        case Derived():
            return [(source.alias, name) for name, _ in source.columns]
        case PerUnitRows():
            return [(source.alias, name) for name in (source.unit.name, *dict(source.columns))]
        case Union():
            return [(source.alias, name) for name, _ in source.parts[0].columns]


def _per_unit(source: PerUnitRows, kept: Kept) -> list[Row]:
    units: dict[Any, list[Row]] = {}
    for row in _kept_by(source.where, rows_of(source.source, kept)):
        units.setdefault(value_of(source.unit_inside, row), []).append(row)
    return [
        {
            (source.alias, source.unit.name): unit,
            **{(source.alias, name): _of_unit(of, rows) for name, of in source.columns},
        }
        for unit, rows in units.items()
    ]


def _of_unit(of: OfUnit, rows: list[Row]) -> Any:
    rows = _kept_by(of.where, rows)
    if of.term is None:
        return len(rows)
    values = [value for row in rows if (value := value_of(of.term, row)) is not None]
    if of.function is UnitFunction.COUNT_VALUES:
        return len(values)
    return _OF_VALUES[of.function](values) if values else None


def _counted(statistic: Statistic, source: Relation, rows: list[Row]) -> int:
    numbered = _numbered(source)
    rows = [
        row
        for row in _kept_by(statistic.where, rows)
        if numbered is None or row[numbered, _NUMBER] <= statistic.max_rows
    ]
    if statistic.term is None:
        return len(rows)
    values = [value for row in rows if (value := value_of(statistic.term, row)) is not None]
    match statistic.kind:
        case StatisticKind.UNITS:
            return len(set(values))
        case StatisticKind.SUM:
            return int(sum(values))
        case _:
            return len(values)


def _numbered(source: Relation) -> str | None:
    """Return the alias of the numbered table, where the source is one, alone or with public ones."""
    while isinstance(source, Joined):
        source = source.left
    return source.alias if isinstance(source, Base) else None


def _kept_by(test: Test | None, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if holds(test, row)]
