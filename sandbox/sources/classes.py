"""Sorting one row of each unit into public classes: what advice on a policy is counted from.

Each unit takes part with one of its rows, drawn by a hash of the seed, the unit and the row's classes.
The draw is a function of that unit's own rows, so adding or removing a unit changes nobody else's row.
A row is in exactly one class of each column. Hence one unit changes one count of each column by 1: each
column's counts have sensitivity 1, whatever the contribution bound.

Classes of any column are missing, unreadable as its type, and outside of what the policy allows or
inside. A measure has in place of the last two a grid of public edges, its bounds among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.policy.dataset import ColumnPolicy, TablePolicy, Use
from sandbox.policy.values import fixed_point, spell

MISSING, UNREADABLE, OUTSIDE, INSIDE = range(4)
"""Classes of a column that is no measure; a measure has its first bin of values in place of OUTSIDE."""
FIRST_BIN = OUTSIDE
_STEPS = tuple(map(Decimal, ("1", "1.2", "1.5", "2", "2.5", "3", "3.5", "4", "5", "6", "8")))
"""Edges in one power of ten."""
_HIGHEST = 9
"""Power of ten up to which a measure's values are told apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """SQL of one engine for one raw column; every expression is total."""

    raw: str
    """The column as it is."""
    typed: str
    """Its value as the policy's type, NULL where it is none; a finite number for a measure."""
    kept: str
    """Its value in the bounded copy, NULL where it is not allowed."""


def surveyed(table: TablePolicy) -> dict[str, ColumnPolicy]:
    """Return the columns that advice is about, in the order of the policy."""
    return {
        name: column for name, column in table.columns.items() if column.use not in {Use.UNIT_ID, Use.HIDDEN}
    }


def grid_of(column: ColumnPolicy) -> tuple[Decimal, ...]:
    """Return the edges between the bins of a measure, sorted, its bounds among them; empty for others.

    Up to the lower bound a bin ends before its edge, above it with its edge, so that the bins outside
    the bounds hold exactly the values outside. Made of the policy alone.
    """
    if column.use is not Use.MEASURE:
        return ()
    powers = range(-column.decimals, _HIGHEST + 1)
    found = [step.scaleb(power) for power in powers for step in _STEPS]
    fitting = {edge for edge in found if fixed_point(edge, column.decimals) is not None}
    return tuple(sorted({*fitting, *(-edge for edge in fitting), Decimal(0), *column.limits}))


def classes_of(column: ColumnPolicy) -> int:
    """Return how many classes a column has."""
    return FIRST_BIN + len(grid_of(column)) + 1 if column.use is Use.MEASURE else INSIDE + 1


def classes_statement(
    table: TablePolicy,
    *,
    reader: str,
    unit: str,
    readings: Mapping[str, Reading],
    hashed: Callable[[Sequence[str]], str],
) -> str:
    """Return the statement, of any engine, that counts the drawn rows of each class of each column.

    A row of its result has a class in the place of one column, NULL in that of the others, and a count.

    Args:
        table: the policy.
        reader: what stands for the raw table after FROM.
        unit: the expression for a row's unit.
        readings: how each column of :func:`surveyed` is read.
        hashed: gives an expression that hashes columns with the seed.
    """
    columns = surveyed(table)
    names = [f"c{index}" for index in range(len(columns))]
    read = [_read(index, column, readings[name]) for index, (name, column) in enumerate(columns.items())]
    classes = [_classified(index, column) for index, column in enumerate(columns.values())]
    chosen, sets = ", ".join(names), ", ".join(f"({name})" for name in names)
    alike = f"row_number() OVER (PARTITION BY unit, {chosen} ORDER BY {names[0]}) AS twin"
    order = ", ".join([hashed(["unit", *names, "twin"]), *names, "twin"])
    return (
        f"SELECT {chosen}, count(*) FROM (SELECT {chosen}, row_number() OVER (PARTITION BY unit "  # noqa: S608  # names are the policy's, quoted
        f"ORDER BY {order}) AS drawn FROM (SELECT unit, {chosen}, {alike} FROM (SELECT unit, "
        f"{', '.join(classes)} FROM (SELECT {unit} AS unit, {', '.join(read)} FROM {reader}) AS typed "
        "WHERE unit IS NOT NULL) AS classified) AS numbered) AS drawn_rows WHERE drawn = 1 "
        f"GROUP BY GROUPING SETS ({sets})"
    )


def _read(index: int, column: ColumnPolicy, reading: Reading) -> str:
    if column.use is Use.MEASURE:
        return f"{reading.raw} IS NULL AS m{index}, {reading.typed} AS v{index}"
    return (
        f"CASE WHEN {reading.raw} IS NULL THEN {MISSING} WHEN {reading.typed} IS NULL THEN {UNREADABLE} "
        f"WHEN {reading.kept} IS NULL THEN {OUTSIDE} ELSE {INSIDE} END AS s{index}"
    )


def _classified(index: int, column: ColumnPolicy) -> str:
    if column.use is not Use.MEASURE:
        return f"s{index} AS c{index}"
    grid, (low, _) = grid_of(column), column.limits
    bins = " ".join(
        f"WHEN v{index} {'<' if edge <= low else '<='} {spell(edge)} THEN {FIRST_BIN + place}"
        for place, edge in enumerate(grid)
    )
    return (
        f"CASE WHEN m{index} THEN {MISSING} WHEN v{index} IS NULL THEN {UNREADABLE} {bins} "
        f"ELSE {FIRST_BIN + len(grid)} END AS c{index}"
    )


def counts_by_class(table: TablePolicy, rows: Iterable[Sequence[int | None]]) -> dict[str, tuple[int, ...]]:
    """Arrange what :func:`classes_statement` returned: exact counts, to be noised at once."""
    columns = surveyed(table)
    counts = {name: [0] * classes_of(column) for name, column in columns.items()}
    names = list(columns)
    for *classes, count in rows:
        for name, place in zip(names, classes, strict=True):
            if place is not None:
                counts[name][place] = int(count or 0)
    return {name: tuple(each) for name, each in counts.items()}
