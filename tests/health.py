"""Rows of the tests' health data: as a copy keeps them, and as raw tables would have had them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from questions import DISTRICTS

Row = dict[str, Any]
CODES = ["ab", "abc", "", "a\\b", "\\", "50%", "_b", "O'Hara", "é", "e", "E", "bb", "a\nb", None]
DAYS = [date(2024, 2, 29), date(2024, 12, 29), date(2024, 12, 30), date(2024, 12, 31), date(2025, 1, 1),
        date(2023, 12, 31), date(2024, 1, 1), date(2023, 11, 5), date(2025, 2, 28), None]  # fmt: skip
PLACES: list[Row] = [
    {"name": name, "region": region, "beds": beds}
    for name, region, beds in zip(
        DISTRICTS, ["East", "West", "East", None, "West"], [0, 300, 55, 70, None], strict=True
    )
    if name != "Dong"
]
"""Dong is in no region: a join loses it and a LEFT JOIN keeps it."""


def visit(chance: random.Random, person: str) -> Row:
    """Return one row of ``visits``, often at the ends of what it may hold."""
    return {
        "person_id": person,
        "district": chance.choice([*DISTRICTS, None]),
        "year": chance.choice([1, 2, 7, None]),
        "cost": chance.choice([None, 0, 999, 105, 5, chance.randint(0, 999), chance.randint(0, 999)]),
        "change": chance.choice([None, -50, 20, 0, -1, chance.randint(-50, 20), chance.randint(-50, 20)]),
        "debt": chance.choice(
            [None, -90025, -25, -50, -150, -25050, chance.randint(-90025, -25), chance.randint(-90025, -25)]
        ),
        "day": chance.choice([*DAYS, *(date(2023, 11, 5) + timedelta(chance.randint(0, 481)) for _ in DAYS)]),
        "urgent": chance.choice([True, False, None]),
        "code": chance.choice(CODES),
    }


def kept_tables(seed: int, *, persons: int = 60) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return all tables of ``HEALTH``, with nobody above a contribution bound."""
    chance = random.Random(seed)  # noqa: S311 - a seeded case, no secret
    names = [f"p{number}" for number in range(persons)]
    visits = [visit(chance, name) for name in names for _ in range(chance.randint(1, 4))]
    registered = [
        {
            "person_id": name,
            "sex": chance.choice(["F", "M", None]),
            "income": chance.choice([None, 0, 5000, chance.randint(0, 5000)]),
        }
        for name in [*names[5:], "nobody"]
    ]
    return {"visits": visits, "persons": registered, "places": PLACES}
