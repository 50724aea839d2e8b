"""Public tables, periods of dates and rows kept beyond what one answer looks at, on every engine."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from engines import Bench
from questions import SEED, VISITS, dataset_of

from sandbox.errors import NotAnswerable
from sandbox.policy.dataset import DatasetPolicy
from sandbox.privacy.loss import Loss
from sandbox.sources.register import planned_loss
from sandbox.sources.survey import take_survey

DISTRICTS = {
    "source": "districts.parquet",
    "public": True,
    "unique_key": ["district"],
    "columns": {
        "district": {"use": "group_key", "domain": ["Bei", "Dong", "Nan"]},
        "people": {"use": "measure", "bounds": ["0", "1000"], "functions": ["sum"]},
    },
}
DAY = {"use": "filter", "type": "date", "period": ["2025-01-10", "2025-01-20"]}
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


def test_a_public_table_is_copied_whole_and_bounded_like_any_other(bench: Bench) -> None:
    rows = [*KNOWN, {"district": "Moon", "people": 1.0}, {"district": None, "people": None}]
    snapshot = bench.load(dataset(), {"visits": [VISIT], "districts": rows})
    found = bench.rows(snapshot, "SELECT district, people FROM districts")
    assert sorted(found, key=repr) == sorted([("Bei", 10), ("Dong", 1000), (None, 1), (None, None)], key=repr)
    assert set(snapshot.profile) == {"visits"}


def test_a_public_table_whose_key_is_not_unique_is_refused(bench: Bench) -> None:
    with pytest.raises(NotAnswerable, match="no two of its rows share the unique key"):
        bench.load(dataset(), {"visits": [VISIT], "districts": [*KNOWN, {"district": "Bei", "people": 3.0}]})


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
