"""Removing one person changes nobody else's rows, and no measurement by more than it claims.

Each neighbor is one seeded register with a person of a difficult kind, and the same register without
that person, both loaded for real. The harness itself is tried on planted faults first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest
from questions import VISITS, dataset_of, exact, load, plan_of, write_rows

from sandbox.policy.dataset import ColumnPolicy
from sandbox.privacy.plan import Plan
from sandbox.sources import engine, recipe, register
from sandbox.sources.compile import compile_query
from sandbox.sources.engines.duck import open_copy
from sandbox.sources.snapshot import Snapshot

K = 4
VICTIM = "V"
Row = dict[str, Any]
SCHEMA = pa.schema(
    {
        "person_id": pa.string(),
        "district": pa.string(),
        "year": pa.float64(),
        "cost": pa.float64(),
        "change": pa.float64(),
        "day": pa.date32(),
        "note": pa.string(),
    }
)
DATASET = dataset_of(VISITS, max_rows=K)
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
PLANS = tuple(
    plan_of(f"SELECT {AGGREGATES} FROM visits {where} {group}", DATASET)  # noqa: S608 - parsed, never run
    for where in WHERES
    for group in ("", "GROUP BY district", "GROUP BY district, year")
)


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


@dataclass(frozen=True)
class Neighbors:
    """One register with the victim and one without, as bounded copies."""

    larger: Snapshot
    smaller: Snapshot


def neighbors(directory: Path, *, seed: int, case: str) -> Neighbors:
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
    write_rows(directory / "with" / "raw" / "visits.parquet", everyone, SCHEMA)
    write_rows(directory / "without" / "raw" / "visits.parquet", without, SCHEMA)
    return Neighbors(load(DATASET, directory / "with"), load(DATASET, directory / "without"))


def kept_of_others(snapshot: Snapshot) -> list[Any]:
    with duckdb.connect(snapshot.location, read_only=True) as connection:
        return connection.execute("SELECT * FROM visits WHERE person_id <> 'V' ORDER BY ALL").fetchall()


def measured(snapshot: Snapshot, plans: tuple[Plan, ...]) -> list[tuple[tuple[int, ...], ...]]:
    """Return the exact cells of each plan; as ``extract`` does, with one connection for all."""
    with open_copy(Path(snapshot.location)) as connection:
        return [engine._arranged(plan, connection.execute(compile_query(plan)).fetchall()) for plan in plans]


def violations(pair: Neighbors, plans: tuple[Plan, ...]) -> Iterator[str]:
    """Yield what the pair shows to be untrue."""
    if kept_of_others(pair.larger) != kept_of_others(pair.smaller):
        yield "somebody else's rows changed"
    both = zip(plans, measured(pair.larger, plans), measured(pair.smaller, plans), strict=True)
    for plan, one, other in both:
        for measurement, left, right in zip(plan.measurements, one, other, strict=True):
            moved = sum(abs(a - b) for a, b in zip(left, right, strict=True))
            if moved > measurement.sensitivity:
                yield f"{measurement.statistic} moved {moved} > {measurement.sensitivity}"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("case", CASES)
def test_one_person_changes_no_others_rows_and_no_number_by_more_than_claimed(
    tmp_path: Path, case: str, seed: int
) -> None:
    assert list(violations(neighbors(tmp_path, seed=seed, case=case), PLANS)) == []


def test_the_claims_are_reached_so_they_are_not_idle(tmp_path: Path) -> None:
    pair = neighbors(tmp_path, seed=1, case="all in one cell")
    total = plan_of("SELECT SUM(cost) FROM visits", DATASET)
    moved = exact(total, pair.larger).values[0][0] - exact(total, pair.smaller).values[0][0]
    assert moved == total.measurements[0].sensitivity


def test_the_harness_finds_a_claim_for_one_row_only(tmp_path: Path) -> None:
    plan = plan_of("SELECT COUNT(*) FROM visits", DATASET)
    claim = replace(plan, measurements=(replace(plan.measurements[0], sensitivity=1),))
    assert list(violations(neighbors(tmp_path, seed=1, case="many rows"), (claim,)))


def test_the_harness_finds_a_measure_that_is_not_clamped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unclamped(column: str, _: ColumnPolicy) -> str:
        return f"TRY_CAST(TRY_CAST({column} AS DOUBLE) * 10 AS BIGINT)"

    monkeypatch.setattr(recipe, "_measure", unclamped)
    assert list(violations(neighbors(tmp_path, seed=1, case="all in one cell"), PLANS))


def test_the_harness_finds_rows_that_are_not_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _replace_in_copy(monkeypatch, 'QUALIFY "_rn" <= 4', "")
    unbounded = tuple(replace(plan, max_rows=10**6) for plan in PLANS)
    assert list(violations(neighbors(tmp_path, seed=1, case="many rows"), unbounded))


def test_the_harness_finds_a_choice_of_rows_that_depends_on_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _replace_in_copy(monkeypatch, "ORDER BY hash(", "ORDER BY hash(count(*) OVER (), ")
    found = list(violations(neighbors(tmp_path, seed=1, case="many rows"), ()))
    assert found == ["somebody else's rows changed"]


def _replace_in_copy(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    right = recipe.copy_statement

    def faulty(*args: Any, **given: Any) -> str:
        statement = right(*args, **given)
        assert old in statement
        changed = statement.replace(old, new)
        if "OVER ()" in new:  # a window in a window needs its own level
            changed = statement.replace("(SELECT ", "(SELECT count(*) OVER () AS n_all, ", 1)
            changed = changed.replace(old, "ORDER BY hash(n_all, ")
        return changed

    monkeypatch.setattr(register, "copy_statement", faulty)
