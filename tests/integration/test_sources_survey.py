"""Profile and survey on neighbors: one unit, with all its rows, changes one count of each by one.

Each neighbor is one seeded register with a person of a difficult kind and without, counted for real on
each engine. The harness is tried on planted faults first.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from engines import Bench
from questions import SEED, VISITS, dataset_of

from sandbox.canonical import encode
from sandbox.policy.dataset import EngineKind
from sandbox.privacy.loss import Loss
from sandbox.sources.classes import FIRST_BIN, INSIDE, MISSING, OUTSIDE, UNREADABLE, grid_of, surveyed
from sandbox.sources.loading import duck, postgres, spark
from sandbox.sources.loading.protocol import Counted
from sandbox.sources.survey import Survey, survey_loss, take_survey

Row = dict[str, Any]
DATASET = dataset_of(VISITS, max_rows=4)
TABLE = DATASET.tables["visits"]
LOADING: dict[EngineKind, ModuleType] = {
    EngineKind.DUCKDB: duck,
    EngineKind.POSTGRESQL: postgres,
    EngineKind.SPARK: spark,
}


def row(chance: random.Random, person: str | None, **given: Any) -> Row:
    made: Row = {
        "person_id": person,
        "district": chance.choice(["Bei", "Dong", "Nowhere", None]),
        "year": chance.choice([1.0, 2.0, 1.5, 3.0, None]),
        "cost": chance.choice([None, float("nan"), -5.0, chance.uniform(0, 100), chance.uniform(90, 400)]),
        "change": chance.uniform(-80, 40),
        "day": date(2025, 1, 1 + chance.randrange(28)),
        "note": "hidden",
    }
    return made | given


CASES: dict[str, Callable[[random.Random], list[Row]]] = {
    "one row": lambda c: [row(c, "V")],
    "many rows": lambda c: [row(c, "V") for _ in range(60)],
    "the same row again": lambda c: [row(c, "V")] * 25,
    "as another person": lambda c: [row(c, "V", cost=50.0, district="Dong")] * 6,
    "nothing known": lambda _: [dict.fromkeys(VISITS) | {"person_id": "V"}] * 5,
    "no numbers": lambda c: [row(c, "V", cost=value) for value in (float("nan"), float("inf"), 1e300)],
}


def counted(bench: Bench, rows: list[Row]) -> Counted:
    """Return the exact counts, which only the registrar ever holds."""
    bench.load(DATASET, {"visits": rows})
    with bench.places.opened(bench.policy(DATASET)) as source:
        return source.count(seed=SEED)["visits"]


def moved(larger: tuple[int, ...], smaller: tuple[int, ...]) -> list[int]:
    return [left - right for left, right in zip(larger, smaller, strict=True) if left != right]


def movements(bench: Bench, case: str) -> Mapping[str, list[int]]:
    """Return, for each histogram, by how much its counts differ between neighbors, where they do."""
    chance = random.Random(case)  # noqa: S311 - a seeded case, no secret
    others = [row(chance, f"P{n}") for n in range(12) for _ in range(chance.choice([1, 2, 5, 15]))]
    others += [row(chance, None)] * 3 + [row(chance, "Twin", cost=50.0, district="Dong")] * 6
    everyone = [*others, *CASES[case](chance)]
    chance.shuffle(everyone)
    larger, smaller = counted(bench, everyone), counted(bench, others)
    columns = {name: moved(larger.columns[name], smaller.columns[name]) for name in smaller.columns}
    return {"units": moved(larger.units.bins, smaller.units.bins), **columns}


@pytest.mark.parametrize("case", CASES)
def test_one_person_changes_one_count_of_each_histogram_by_one(bench: Bench, case: str) -> None:
    found = movements(bench, case)
    assert found == {name: [1] for name in ["units", *surveyed(TABLE)]}


def test_the_harness_finds_a_profile_that_counts_rows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(bench, monkeypatch, "profile_statement", "bin, count(*)", "bin, sum(row_count)")
    plant(bench, monkeypatch, "profile_statement", "END AS bin FROM", "END AS bin, row_count FROM")
    assert movements(bench, "many rows")["units"] == [60]


def test_the_harness_finds_a_unit_that_takes_part_with_every_row(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(bench, monkeypatch, "classes_statement", "WHERE drawn = 1", "WHERE drawn >= 1")
    assert sum(movements(bench, "many rows")["cost"]) == 60


def test_the_harness_finds_a_draw_that_depends_on_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(bench, monkeypatch, "classes_statement", "twin)::text), c0",
          "twin, (SELECT count(*) FROM {reader}))::text), c0")  # fmt: skip
    plant(
        bench,
        monkeypatch,
        "classes_statement",
        "twin, ?), c0",
        "twin, (SELECT count(*) FROM {reader}), ?), c0",
    )
    plant(
        bench,
        monkeypatch,
        "classes_statement",
        "concat(:seed",
        "concat((SELECT count(*) FROM {reader}), :seed",
    )
    assert any(change != [1] for change in movements(bench, "many rows").values())


def plant(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str) -> None:
    """Replace a part of a statement, where the engine's has it."""
    where = LOADING[bench.kind]
    right = getattr(where, name)

    def faulty(*args: Any, **given: Any) -> str:
        statement: str = right(*args, **given)
        return statement.replace(old, new.replace("{reader}", str(given["reader"])))

    monkeypatch.setattr(where, name, faulty)


def test_each_value_is_in_the_class_it_belongs_to(bench: Bench) -> None:
    grid = grid_of(TABLE.columns["cost"])
    at = {edge: FIRST_BIN + place for place, edge in enumerate(grid)}
    cases: dict[str, list[tuple[Any, int]]] = {
        "district": [("Bei", INSIDE), ("bei", OUTSIDE), (None, MISSING)],
        "year": [(1.0, INSIDE), (3.0, OUTSIDE), (1.5, UNREADABLE), (None, MISSING)],
        "cost": [
            (0.0, at[Decimal("0.1")]), (-0.01, at[Decimal(0)]), (100.0, at[Decimal(100)]),
            (100.01, at[Decimal(120)]), (1e300, FIRST_BIN + len(grid)), (float("nan"), UNREADABLE),
            (None, MISSING),
        ],
    }  # fmt: skip
    for column, values in cases.items():
        for value, expected in values:
            found = counted(bench, [row(random.Random(1), "a", **{column: value})]).columns[column]  # noqa: S311
            assert [place for place, count in enumerate(found) if count] == [expected], (column, value)


def test_a_row_drawn_is_any_of_the_units_rows_alike(bench: Bench) -> None:
    chance = random.Random(1)  # noqa: S311 - a seeded case, no secret
    persons = 600
    rows = [
        row(chance, f"P{n}", district=None if visit else "Bei") for n in range(persons) for visit in range(4)
    ]
    found = counted(bench, rows).columns["district"]
    assert sum(found) == persons
    assert abs(found[INSIDE] - persons / 4) < 55  # 5 standard deviations


def test_a_survey_costs_what_its_histograms_were_given(bench: Bench) -> None:
    policy = bench.policy(DATASET)
    bench.load(DATASET, {"visits": [row(random.Random(n), f"P{n}") for n in range(50)]})  # noqa: S311
    with bench.places.opened(policy) as source:
        survey = take_survey(policy, source, seed=SEED, epsilon=Decimal(1))
    table = survey.tables["visits"]
    histograms = 1 + len(table.columns)
    assert table.profile.epsilon == survey.epsilon
    assert 0 <= 1 - survey.epsilon * histograms < Decimal("1e-20")
    assert survey_loss(policy, Decimal(1)) == Loss(histograms * Loss.of_pure(survey.epsilon).picorho)
    assert Survey.from_document(json.loads(encode(survey.to_document()))) == survey
