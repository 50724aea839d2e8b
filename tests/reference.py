"""What a plan's exact cells are, computed row by row in Python: the reference of whole questions.

Rows are given as a copy keeps them (numbers as whole numbers of their last digit), and no unit has more
than its table's contribution bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby, product
from typing import Any

from evaluation import Row, truth_of, value_of

from sandbox.policy.dataset import TablePolicy
from sandbox.privacy.plan import Plan, PlannedScan
from sandbox.privacy.scan import Statistic, StatisticKind
from sandbox.query.intervals import cut_division
from sandbox.query.typed import (
    Base,
    Derived,
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


_OF_VALUES: Mapping[UnitFunction, Callable[[list[int]], int]] = {
    UnitFunction.COUNT_VALUES: len,
    UnitFunction.SUM: sum,
    UnitFunction.MIN: min,
    UnitFunction.MAX: max,
    UnitFunction.AVG: lambda values: cut_division(sum(values) * 100, len(values)),
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
    return [_scanned(planned, kept) for planned in plan.scans]


def rows_of(source: Relation, kept: Kept) -> list[Row]:
    """Return the rows of a relation."""
    match source:
        case Base():
            named = (
                {(source.alias, name): value for name, value in row.items()} for row in kept[source.name]
            )
            return _kept_by(source.after, named)
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


def _scanned(planned: PlannedScan, kept: Kept) -> list[tuple[int, ...]]:
    scan = planned.scan
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in _kept_by(scan.where, rows_of(scan.source, kept)):
        groups.setdefault(tuple(value_of(key, row) for key in scan.keys), []).append(row)
    cells = list(product(*planned.domains))
    return [tuple(_counted(one, groups.get(cell, [])) for cell in cells) for one in scan.statistics]


def _counted(statistic: Statistic, rows: list[Row]) -> int:
    rows = _kept_by(statistic.where, rows)
    if statistic.kind is StatisticKind.ROWS or statistic.term is None:
        return len(rows)
    values = [value for row in rows if (value := value_of(statistic.term, row)) is not None]
    match statistic.kind:
        case StatisticKind.VALUES:
            return len(values)
        case StatisticKind.UNITS:
            return len(set(values))
        case _:
            return int(sum(values))


def _joined(source: Joined, kept: Kept) -> list[Row]:
    right = rows_of(source.right, kept)
    nothing: Row = dict.fromkeys(right[0], None)
    made: list[Row] = []
    for one in rows_of(source.left, kept):
        partners = [
            other
            for other in right
            if all(
                value_of(a, one) is not None and value_of(a, one) == value_of(b, other) for a, b in source.on
            )
        ]
        if not partners and source.outer:
            partners = [nothing]
        made += [{**one, **other} for other in partners]
    return made


def _per_unit(source: PerUnitRows, kept: Kept) -> list[Row]:
    def unit(row: Row) -> Any:
        return value_of(source.unit_inside, row)

    rows = sorted(_kept_by(source.where, rows_of(source.source, kept)), key=unit)
    made: list[Row] = []
    for person, grouped in groupby(rows, key=unit):
        own = list(grouped)
        columns = {(source.alias, name): _of_unit(of, own) for name, of in source.columns}
        made.append({(source.alias, source.unit.name): person, **columns})
    return made


def _of_unit(of: OfUnit, rows: list[Row]) -> int | None:
    rows = _kept_by(of.where, rows)
    if of.term is None:
        return len(rows)
    values = [value for row in rows if (value := value_of(of.term, row)) is not None]
    if not values:
        return 0 if of.function is UnitFunction.COUNT_VALUES else None
    return _OF_VALUES[of.function](values)


def _kept_by(test: Test | None, rows: Iterable[Row]) -> list[Row]:
    return list(rows) if test is None else [row for row in rows if truth_of(test, row) is True]
