"""Made-up rows: what they keep of the policy, and that they keep nothing else."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from questions import VISITS, dataset_of

from sandbox.client.session import dummy_frame
from sandbox.errors import NotFound
from sandbox.governance.catalogue import dummy_document
from sandbox.policy.dummy import PLAUSIBLE_DAYS, dummy_rows
from sandbox.policy.load import load

POLICIES = load(Path(__file__).parents[1] / "policies")
DATASET = dataset_of(
    VISITS | {"known": {"use": "filter", "type": "boolean"}, "age": {"use": "filter", "type": "integer"}}
)
ROWS = dummy_rows(DATASET, "visits", rows=3000, seed=7)


def seen(column: str) -> set[object]:
    return {row[column] for row in ROWS}


def test_keys_are_those_of_the_public_domain_and_some_are_missing() -> None:
    assert seen("district") == {*VISITS["district"]["domain"], None}
    assert seen("year") == {1, 2, None}


def test_measures_lie_within_their_bounds_with_their_decimals() -> None:
    costs = [row["cost"] for row in ROWS if row["cost"] is not None]
    assert all(isinstance(cost, Decimal) and 0 <= cost <= 100 for cost in costs)
    assert {cost.as_tuple().exponent for cost in costs if isinstance(cost, Decimal)} == {-1}
    changes = {change for change in seen("change") if change is not None}
    assert all(isinstance(change, int) and -50 <= change <= 20 for change in changes)
    assert 2500 < len(costs) < 3000


def test_other_columns_have_values_of_their_type_and_hidden_ones_none() -> None:
    first, last = PLAUSIBLE_DAYS
    assert all(day is None or (isinstance(day, date) and first <= day <= last) for day in seen("day"))
    assert seen("known") == {True, False, None}
    assert all(age is None or type(age) is int for age in seen("age"))
    assert seen("note") == {None}


def test_units_reach_the_contribution_bound_and_never_exceed_it() -> None:
    assert max(Counter(row["person_id"] for row in ROWS).values()) == 4
    assert None not in seen("person_id")


def test_the_seed_alone_decides() -> None:
    assert dummy_rows(DATASET, "visits", rows=3000, seed=7) == ROWS
    assert dummy_rows(DATASET, "visits", rows=3000, seed=8) != ROWS
    assert dummy_rows(DATASET, "visits", rows=0, seed=7) == []


def test_fewer_rows_are_the_first_of_more() -> None:
    assert dummy_rows(DATASET, "visits", rows=50, seed=7) == ROWS[:50]


def test_a_table_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotFound, match="visits"):
        dummy_rows(DATASET, "people", rows=1, seed=1)


def test_a_notebook_gets_the_opened_columns_only_as_columns_of_their_types() -> None:
    granted = POLICIES.authorizations["visits-study"]
    dataset = POLICIES.datasets["small_visits"]
    document = dummy_document(granted, dataset, "visits", rows=500, seed=1)
    frame = dummy_frame(json.loads(json.dumps(document)))
    assert list(frame.columns) == ["person_id", *granted.tables["visits"]]
    assert len(frame) == 500
    assert frame["cost"].max() <= 250
    assert frame["cost"].isna().any()
    assert (
        frame["visit_date"].dt.year.between(2020, 2025).where(frame["visit_date"].notna(), other=True).all()
    )
    with pytest.raises(NotFound, match="opens"):
        dummy_document(granted, dataset, "people", rows=1, seed=1)
