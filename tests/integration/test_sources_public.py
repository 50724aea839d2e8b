"""Public tables, periods of dates and rows kept beyond what one answer looks at, on every engine."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from engines import Bench
from questions import SEED, VISITS, dataset_of

from sandbox.errors import NotAnswerable
from sandbox.policy.dataset import DatasetPolicy, EngineKind
from sandbox.privacy.loss import Loss
from sandbox.sources.loading import duck, postgres, spark
from sandbox.sources.register import planned_loss
from sandbox.sources.survey import take_survey

PEOPLE = {"use": "measure", "bounds": ["0", "1000"], "functions": ["sum"]}
DISTRICTS: dict[str, Any] = {
    "source": "districts.parquet",
    "public": True,
    "unique_key": ["district"],
    "columns": {
        "district": {"use": "group_key", "domain": ["Bei", "Dong", "Nan"]},
        "people": PEOPLE,
    },
}
PERSONS = {
    "source": "persons.parquet",
    "max_rows_per_unit": 1,
    "columns": {"person_id": {"use": "unit_id"}},
}
LOADING = {EngineKind.DUCKDB: duck, EngineKind.POSTGRESQL: postgres, EngineKind.SPARK: spark}
DAY = {"use": "filter", "type": "date", "period": ["2025-01-10", "2025-01-20"]}
KEYED_BY_DAY = {**DISTRICTS, "unique_key": ["day"], "columns": {"day": DAY, "people": PEOPLE}}
KNOWN: list[dict[str, Any]] = [{"district": "Bei", "people": 10.0}, {"district": "Dong", "people": 5000.0}]
VISIT: dict[str, Any] = {
    "person_id": "a",
    "district": "Bei",
    "year": 1,
    "cost": 1.0,
    "change": 1.0,
    "note": "n",
}


def dataset(**given: Any) -> DatasetPolicy:
    whole = dataset_of(VISITS | {"day": DAY}, max_rows=2).model_dump(mode="json", exclude_unset=True)
    whole["tables"]["visits"] |= given
    return DatasetPolicy.model_validate(whole | {"tables": whole["tables"] | {"districts": DISTRICTS}})


def test_a_public_table_is_copied_where_its_key_is_known_and_bounded_like_any_other(bench: Bench) -> None:
    rows = [*KNOWN, {"district": "Moon", "people": 1.0}, {"district": None, "people": None}]
    snapshot = bench.load(dataset(), {"visits": [VISIT], "districts": rows})
    found = bench.rows(snapshot, "SELECT district, people FROM districts")
    assert sorted(found) == [("Bei", 10), ("Dong", 1000)]
    assert set(snapshot.profile) == {"visits"}


def test_a_public_table_whose_key_is_not_unique_is_refused(bench: Bench) -> None:
    with pytest.raises(NotAnswerable, match="no two of its rows share the unique key"):
        bench.load(dataset(), {"visits": [VISIT], "districts": [*KNOWN, {"district": "Bei", "people": 3.0}]})


def test_a_public_table_whose_key_has_two_columns_may_repeat_each(bench: Bench) -> None:
    wider = {**DISTRICTS["columns"], "year": {"use": "filter", "type": "integer"}}
    given = dataset().model_dump(mode="json", exclude_unset=True)
    given["tables"]["districts"] = {**DISTRICTS, "unique_key": ["district", "year"], "columns": wider}
    rows = [{"district": "Bei", "people": 1.0, "year": year} for year in (1, 2, None, None)]
    policy = DatasetPolicy.model_validate(given)
    snapshot = bench.load(policy, {"visits": [VISIT], "districts": rows})
    assert bench.rows(snapshot, "SELECT year FROM districts ORDER BY year") == [(1,), (2,)]
    with pytest.raises(NotAnswerable):
        bench.load(policy, {"visits": [VISIT], "districts": [*rows, rows[0] | {"people": 2.0}]})


def test_a_key_that_only_the_policy_makes_one_is_refused_too(bench: Bench) -> None:
    given = dataset().model_dump(mode="json", exclude_unset=True)
    given["tables"]["districts"] = KEYED_BY_DAY
    days = [date(2025, 1, 15), date(2025, 1, 15), date(2024, 1, 1), date(2024, 1, 1)]
    rows = [{"day": day, "people": float(at)} for at, day in enumerate(days)]
    policy = DatasetPolicy.model_validate(given)
    snapshot = bench.load(policy, {"visits": [VISIT], "districts": rows[1:]})
    assert bench.rows(snapshot, "SELECT day FROM districts") == [(date(2025, 1, 15),)]
    with pytest.raises(NotAnswerable):
        bench.load(policy, {"visits": [VISIT], "districts": rows})


@pytest.mark.parametrize("twice", [[{"district": "Bei", "people": 3.0}], KNOWN * 3])
def test_a_copy_holds_each_key_once_even_if_nobody_looks_for_doubled_ones(
    bench: Bench, twice: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOADING[bench.kind], "doubled_statement", lambda _: "SELECT 0")
    tables = {"visits": [VISIT], "districts": [*KNOWN, *twice]}
    snapshots = [
        bench.load(dataset(), tables | {"districts": tables["districts"][::step]}) for step in (1, -1)
    ]
    one, other = (sorted(bench.rows(snapshot, "SELECT * FROM districts")) for snapshot in snapshots)
    assert one == other
    assert [row[0] for row in one] == ["Bei", "Dong"]


UNITS = (["1", 1], [1, 1.0], [1.0, "1.0"])


@pytest.mark.parametrize("units", UNITS, ids=str)
def test_a_person_is_written_alike_in_all_tables_or_the_dataset_is_refused(
    bench: Bench, units: list[Any]
) -> None:
    given = dataset().model_dump(mode="json", exclude_unset=True)
    given["tables"]["persons"] = PERSONS
    policy = DatasetPolicy.model_validate(given)
    tables = {name: [{"person_id": unit}] for name, unit in zip(["visits", "persons"], units, strict=True)}
    with pytest.raises(NotAnswerable, match="values of the same type"):
        bench.load(policy, {"districts": KNOWN, **tables})
    alike = {name: [{"person_id": 1}] for name in tables}
    assert set(bench.load(policy, {"districts": KNOWN, **alike}).profile) == {"visits", "persons"}


def test_a_day_outside_the_period_is_missing(bench: Bench) -> None:
    days = [date(2025, 1, day) for day in (9, 10, 20, 21)]
    visits = [VISIT | {"person_id": f"p{day}", "day": day} for day in days]
    snapshot = bench.load(dataset(), {"visits": visits, "districts": KNOWN})
    found = bench.rows(snapshot, "SELECT day FROM visits WHERE day IS NOT NULL ORDER BY day")
    assert found == [(date(2025, 1, 10),), (date(2025, 1, 20),)]


def test_a_copy_holds_as_many_rows_of_a_unit_as_are_stored(bench: Bench) -> None:
    snapshot = bench.load(dataset(stored_rows_per_unit=5), {"visits": [VISIT] * 9, "districts": KNOWN})
    assert bench.rows(snapshot, "SELECT count(*) FROM visits") == [(5,)]


def test_a_survey_counts_private_tables_only_and_only_they_cost(bench: Bench) -> None:
    bench.load(dataset(), {"visits": [VISIT], "districts": KNOWN})
    assert planned_loss(dataset()) == Loss.of_pure(dataset().profile_epsilon)
    policy = bench.policy(dataset())
    with bench.places.opened(policy) as source:
        survey = take_survey(policy, source, seed=SEED, epsilon=Decimal(1))
    assert set(survey.tables) == {"visits"}
