"""Removing one person changes nobody else's rows, and no measurement by more than it claims.

Each neighbor is one seeded register with a person of a difficult kind, and the same register without
that person, both loaded for real on each engine. The harness itself is tried on planted faults first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from types import ModuleType
from typing import Any

import pytest
from engines import Bench
from movement import Neighbors
from questions import VISITS, dataset_of, dataset_with, plan_of

from sandbox.policy.dataset import DatasetPolicy, EngineKind
from sandbox.privacy.bound import Sensitivity
from sandbox.privacy.plan import Plan
from sandbox.sources import recipe, recipe_postgres, recipe_spark
from sandbox.sources.loading import duck as loading_duck
from sandbox.sources.loading import postgres as loading_postgres
from sandbox.sources.loading import spark as loading_spark
from sandbox.sources.snapshot import Snapshot

K = 4
VICTIM = "V"
Row = dict[str, Any]
DATASET = dataset_of(VISITS, max_rows=K)
STORED = dataset_with(
    {
        "visits": {
            "source": "visits.parquet",
            "max_rows_per_unit": K,
            "stored_rows_per_unit": 12,
            "columns": VISITS | {"day": VISITS["day"] | {"period": ["2025-03-01", "2025-09-30"]}},
        }
    }
)
"""The same with more rows of a unit in the copy than an answer looks at, and days that count as missing."""
AGGREGATES = (
    "COUNT(*) AS rows, COUNT(cost) AS v, COUNT(DISTINCT person_id) AS persons, "
    "SUM(cost) AS s, SUM(change) AS c, AVG(cost) AS a, AVG(change) AS ac"
)
WHERES = (
    "",
    "WHERE cost > 40 AND NOT (change < 0 OR year = 2)",
    "WHERE day BETWEEN '2025-01-01' AND '2025-06-30' OR cost IS NULL",
    "WHERE district IN ('Bei', 'Nan')",
)
ASKED = (
    "SELECT {aggregates} FROM visits {where}",
    "SELECT district, {aggregates} FROM visits {where} GROUP BY district",
    "SELECT district, year, {aggregates} FROM visits {where} GROUP BY district, year",
)
SEEDS = {EngineKind.DUCKDB: 8, EngineKind.POSTGRESQL: 4, EngineKind.SPARK: 1}
"""Registers tried for each case: fewer where a registration takes longer."""


@cache
def plans(bench: Bench) -> tuple[Plan, ...]:
    every = tuple(
        plan_of(asked.format(aggregates=AGGREGATES, where=where), bench.policy(DATASET))
        for where in WHERES
        for asked in ASKED
    )
    return every[::4] if bench.kind is EngineKind.SPARK else every


def row(chance: random.Random, person: str | None, **given: Any) -> Row:
    made: Row = {
        "person_id": person,
        "district": chance.choice(["Bei", "Dong", "Nan", "Nowhere", None]),
        "year": chance.choice([1.0, 2.0, 1.5, 3.0, None]),
        "cost": chance.choice([None, float("nan"), -5.0, chance.uniform(0, 100), chance.uniform(90, 400)]),
        "change": chance.uniform(-80, 40),
        "day": date(2025, 1, 1) + timedelta(days=chance.randrange(365)),
        "note": "hidden",
    }
    return made | given


CASES: dict[str, Callable[[random.Random], list[Row]]] = {
    "few rows": lambda c: [row(c, VICTIM) for _ in range(2)],
    "many rows": lambda c: [row(c, VICTIM) for _ in range(60)],
    "all in one cell": lambda c: [row(c, VICTIM, district="Bei", year=1.0, cost=1e9) for _ in range(40)],
    "extreme values": lambda c: [
        row(c, VICTIM, cost=value, change=-value)
        for value in (1e308, -1e308, float("inf"), float("-inf"), float("nan"), 100.04, 99.96) * 3
    ],
    "nothing known": lambda c: [
        row(c, VICTIM, district=None, year=None, cost=None, change=None, day=None) for _ in range(9)
    ],
    "outside every domain": lambda c: [row(c, VICTIM, district="Moon", year=1e300) for _ in range(9)],
    "the same row again": lambda c: [row(c, VICTIM)] * 25,
    "the same rows as another": lambda c: [row(c, VICTIM, cost=50.0, district="Nan") for _ in range(5)],
}


def neighbors(bench: Bench, *, seed: int, case: str, dataset: DatasetPolicy = DATASET) -> Neighbors:
    chance = random.Random(seed)  # noqa: S311 - a seeded case, no secret
    others = [
        row(chance, chance.choice([f"P{person}", f"P{person}", None] if person == 3 else [f"P{person}"]))
        for person in range(8)
        for _ in range(chance.choice([1, 2, K, K + 1, 15]))
    ]
    others += [row(chance, "Twin", cost=50.0, district="Nan")] * 6
    everyone = [*others, *CASES[case](chance)]
    chance.shuffle(everyone)
    without = [one for one in everyone if one["person_id"] != VICTIM]
    chance.shuffle(without)
    return Neighbors(bench.load(dataset, {"visits": everyone}), bench.load(dataset, {"visits": without}))


def kept_of_others(bench: Bench, snapshot: Snapshot) -> list[str]:
    return sorted(map(repr, bench.rows(snapshot, "SELECT * FROM visits WHERE person_id <> 'V'")))


def violations(bench: Bench, pair: Neighbors, plans: tuple[Plan, ...]) -> Iterator[str]:
    """Yield what the pair shows to be untrue."""
    if kept_of_others(bench, pair.larger) != kept_of_others(bench, pair.smaller):
        yield "somebody else's rows changed"
    for plan in plans:
        both = (bench.exact(plan, snapshot).measured for snapshot in (pair.larger, pair.smaller))
        for measurement, left, right in zip(plan.measurements, *both, strict=True):
            moved = [abs(a - b) for a, b in zip(left, right, strict=True)]
            found = Sensitivity(sum(moved), sum(step * step for step in moved))
            claimed = measurement.sensitivity
            if found.l1 > claimed.l1 or found.l2_squared > claimed.l2_squared:
                yield f"{measurement.statistic} moved {found}, beyond {claimed}"


@pytest.mark.parametrize("case", CASES)
def test_one_person_changes_no_others_rows_and_no_number_by_more_than_claimed(
    bench: Bench, case: str
) -> None:
    for seed in range(SEEDS[bench.kind]):
        assert list(violations(bench, neighbors(bench, seed=seed, case=case), plans(bench))) == []


@pytest.mark.parametrize("case", ["many rows", "the same row again"])
def test_one_person_changes_no_others_rows_where_more_are_stored_than_looked_at(
    bench: Bench, case: str
) -> None:
    asked = tuple(
        plan_of(question.format(aggregates=AGGREGATES, where=where), bench.policy(STORED))
        for where in WHERES
        for question in ASKED[:2]
    )
    pair = neighbors(bench, seed=1, case=case, dataset=STORED)
    most = "SELECT count(*) AS n FROM visits GROUP BY person_id ORDER BY n DESC LIMIT 1"
    assert bench.rows(pair.larger, most) == [(12,)]
    assert list(violations(bench, pair, asked)) == []


def test_the_claims_are_reached_so_they_are_not_idle(bench: Bench) -> None:
    pair = neighbors(bench, seed=1, case="all in one cell")
    total = plan_of("SELECT SUM(cost) FROM visits", bench.policy(DATASET))
    larger, smaller = (
        bench.exact(total, snapshot).measured[0][0] for snapshot in (pair.larger, pair.smaller)
    )
    assert larger - smaller == total.measurements[0].sensitivity.l1


def test_the_harness_finds_a_claim_for_one_row_only(bench: Bench) -> None:
    plan = plan_of("SELECT COUNT(*) FROM visits", bench.policy(DATASET))
    claim = replace(plan, measurements=(replace(plan.measurements[0], sensitivity=Sensitivity(1, 1)),))
    assert list(violations(bench, neighbors(bench, seed=1, case="many rows"), (claim,)))


@dataclass(frozen=True)
class Recipe:
    """Where one engine's statements are made, and what to put there for a planted fault."""

    values: ModuleType
    statements: ModuleType
    unclamped: Callable[..., str]
    bound: tuple[str, str]
    order: tuple[str, str]


RECIPES = {
    EngineKind.DUCKDB: Recipe(
        recipe,
        loading_duck,
        lambda column, *_: f"TRY_CAST(TRY_CAST({column} AS DOUBLE) * 10 AS BIGINT)",
        ('PARTITION BY "person_id" ', 'PARTITION BY "person_id", "cost", "day" '),
        ("ORDER BY hash(", "ORDER BY hash((SELECT count(*) FROM {reader}), "),
    ),
    EngineKind.POSTGRESQL: Recipe(
        recipe_postgres,
        loading_postgres,
        lambda column, *_: f"CASE WHEN abs({column}) < 1e12 THEN ({column} * 10)::bigint END",
        ('PARTITION BY "person_id" ', 'PARTITION BY "person_id", "cost", "day" '),
        ("ORDER BY md5(", "ORDER BY md5((SELECT count(*) FROM {reader})::text || "),
    ),
    EngineKind.SPARK: Recipe(
        recipe_spark,
        loading_spark,
        lambda column, *_: f"try_cast(try_cast({column} AS DOUBLE) * 10 AS BIGINT)",
        ("PARTITION BY `person_id` ", "PARTITION BY `person_id`, `cost`, `day` "),
        ("sha2(concat(", "sha2(concat((SELECT count(*) FROM {reader}), "),
    ),
}


def test_the_harness_finds_a_measure_that_is_not_clamped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RECIPES[bench.kind].values, "_measure", RECIPES[bench.kind].unclamped)
    assert list(violations(bench, neighbors(bench, seed=1, case="all in one cell"), plans(bench)))


def test_the_harness_finds_rows_that_are_not_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _replace_in_copy(monkeypatch, RECIPES[bench.kind], *RECIPES[bench.kind].bound)
    assert list(violations(bench, neighbors(bench, seed=1, case="many rows"), plans(bench)))


def test_the_harness_finds_a_choice_of_rows_that_depends_on_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _replace_in_copy(monkeypatch, RECIPES[bench.kind], *RECIPES[bench.kind].order)
    found = list(violations(bench, neighbors(bench, seed=1, case="many rows"), ()))
    assert found == ["somebody else's rows changed"]
    stored = list(violations(bench, neighbors(bench, seed=1, case="many rows", dataset=STORED), ()))
    assert stored == ["somebody else's rows changed"]


def _replace_in_copy(monkeypatch: pytest.MonkeyPatch, where: Recipe, old: str, new: str) -> None:
    right = where.statements.copy_statement

    def faulty(*args: Any, **given: Any) -> str:
        statement: str = right(*args, **given)
        assert old in statement
        return statement.replace(old, new.format(**given))

    monkeypatch.setattr(where.statements, "copy_statement", faulty)
