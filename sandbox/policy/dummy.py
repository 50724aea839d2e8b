"""Made-up rows of a table, from its policy alone: they say nothing about anyone, so they are free.

For writing and trying out code before anything is asked. Domains, bounds, types and the contribution
bound hold; frequencies, connections between columns and totals are invented. The same policy, table,
number of rows and seed give the same rows, whatever the data is and whether there is any.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from sandbox.errors import NotFound
from sandbox.policy.dataset import ColumnPolicy, ColumnType, DatasetPolicy, TablePolicy, Use
from sandbox.policy.values import fixed_point

Value = int | str | Decimal | date | bool | None
PLAUSIBLE_DAYS = (date(2020, 1, 1), date(2025, 12, 31))
"""Of dates for which the policy states no period."""
MISSING_SHARE = 0.05
"""Of values that are missing, so that code meets some."""
MANY_ROWS = 8
"""Rows of one unit where the policy lets it have more; its heaviest units have as many as they may."""


def dummy_rows(dataset: DatasetPolicy, table: str, *, rows: int, seed: int) -> list[dict[str, Value]]:
    """Return ``rows`` made-up rows of ``table``, with a value or None for each column the policy lists.

    Hidden columns are always None. Numbers of a measure with decimals are Decimal, dates are date.

    Raises:
        NotFound: the dataset has no such table.
    """
    policy = dataset.tables.get(table)
    if policy is None:
        raise NotFound(
            "table-unknown",
            f"Dataset {dataset.name} has no table of this name.",
            allowed="Its tables: " + ", ".join(sorted(dataset.tables)) + ".",
        )
    chance = random.Random(f"{dataset.name}/{table}/{seed}")  # noqa: S311  # made up, no secret
    units = _units(policy, chance)
    return [_row(policy, next(units), chance) for _ in range(rows)]


def _units(table: TablePolicy, chance: random.Random) -> Iterator[str]:
    """Yield the unit of one row after the other; none has more than the contribution bound."""
    most, number = max(1, table.max_rows_per_unit), 0
    while True:
        number += 1
        heavy = chance.random() < MISSING_SHARE
        for _ in range(most if heavy else chance.randint(1, min(most, MANY_ROWS))):
            yield f"U{number:06d}"


def _row(table: TablePolicy, unit: str, chance: random.Random) -> dict[str, Value]:
    return {
        name: unit if column.use is Use.UNIT_ID else _value(column, chance)
        for name, column in table.columns.items()
    }


def _value(column: ColumnPolicy, chance: random.Random) -> Value:
    if column.use is Use.HIDDEN or chance.random() < MISSING_SHARE:
        return None
    match column.use:
        case Use.GROUP_KEY:
            return chance.choice(column.domain)
        case Use.MEASURE:
            return _number(column, chance)
        case _:
            return _filtered(column, chance)


def _number(column: ColumnPolicy, chance: random.Random) -> Value:
    low, high = (fixed_point(bound, column.decimals) or 0 for bound in column.limits)
    # The lower of two draws: small values are more common than large ones in most registers.
    drawn = min(chance.randint(low, high), chance.randint(low, high))
    return Decimal(drawn).scaleb(-column.decimals) if column.decimals else drawn


def _filtered(column: ColumnPolicy, chance: random.Random) -> Value:
    match column.type:
        case ColumnType.DATE:
            first, last = column.period or PLAUSIBLE_DAYS
            return first + timedelta(days=chance.randint(0, (last - first).days))
        case ColumnType.BOOLEAN:
            return chance.random() < 0.5  # noqa: PLR2004  # one half
        case ColumnType.INTEGER:
            return chance.randint(0, 99)
        case _:
            return f"text {chance.randint(1, 99)}"
