"""Two real studies, registered and asked; exact cells are compared with pandas."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from questions import SEED, dataset_of, exact, plan_of

from sandbox.privacy.noise import add_noise
from sandbox.privacy.post import finish
from sandbox.sources.register import Places, register
from sandbox.sources.snapshot import Snapshot
from sandbox.sources.truncation import truncation_warnings

DATA = os.environ.get("SANDBOX_TEST_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="SANDBOX_TEST_DATA names no directory with the real studies")
ALL: dict[str, Any] = {"use": "measure", "functions": ["count", "sum", "avg"]}
LAB = dataset_of(
    {
        "id": {"use": "unit_id"},
        "test": {"use": "group_key", "domain": ["chol", "dbp", "fib4", "hdl", "sbp", "smoke"]},
        "value": ALL | {"bounds": ["0", "400"], "decimals": 2},
    },
    source="nafld_lab.parquet",
    max_rows=71,
)
HEALTH_COLUMNS: dict[str, dict[str, Any]] = {
    "person_id": {"use": "unit_id"},
    "site": {"use": "group_key", "domain": [1, 2, 3, 4, 5, 6]},
    "plan": {"use": "group_key", "domain": list(range(1, 20))},
    "year": {"use": "group_key", "domain": [1, 2, 3, 4, 5]},
    "meddol": ALL | {"bounds": ["0", "2000"], "decimals": 2},
}
HEALTH = dataset_of(HEALTH_COLUMNS, source="randhie_person_year.parquet", max_rows=3)


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Snapshot]:
    places = Places(raw=Path(DATA), target=tmp_path_factory.mktemp("bounded"))
    return {
        name: register(dataset, places=places, seed=SEED, policy_digest="p")
        for name, dataset in (("lab", LAB), ("health", HEALTH))
    }


def raw(name: str) -> pd.DataFrame:
    return pd.read_parquet(Path(DATA) / name)


def fixed(values: pd.Series, high: float) -> pd.Series:
    """The rule in pandas: not finite is missing, the rest clamped and rounded half away from zero."""
    known = values.where(np.isfinite(values))
    rounded: pd.Series = np.floor(known.clip(0, high) * 100 + 0.5)
    return rounded


def test_of_each_person_at_most_the_bound_is_kept_and_all_where_there_are_fewer(
    bounded: dict[str, Snapshot],
) -> None:
    counts = raw("nafld_lab.parquet").groupby("id").size().clip(upper=71)
    with duckdb.connect(bounded["lab"].location, read_only=True) as connection:
        kept = connection.execute("SELECT id, count(*) FROM visits GROUP BY id").fetchall()
    assert dict(kept) == counts.to_dict()


def test_answers_about_persons_within_the_bound_are_those_of_pandas(bounded: dict[str, Snapshot]) -> None:
    frame = raw("randhie_person_year.parquet")
    wide = dataset_of(HEALTH_COLUMNS, source="randhie_person_year.parquet", max_rows=5)
    places = Places(raw=Path(DATA), target=Path(bounded["health"].location).parent)
    copy = register(wide, places=places, seed=SEED, policy_digest="p")
    plan = plan_of(
        "SELECT site, year, COUNT(*), COUNT(meddol), SUM(meddol), COUNT(DISTINCT person_id) FROM visits "
        "WHERE plan <= 11 GROUP BY site, year",
        wide,
    )
    chosen = frame[frame["plan"] <= 11].assign(fixed=lambda f: fixed(f["meddol"], 2000))
    cells = chosen.groupby(["site", "year"])
    expected = [cells.size(), cells["fixed"].count(), cells["fixed"].sum(), cells["person_id"].nunique()]
    for found, right in zip(exact(plan, copy).measured, expected, strict=True):
        assert found == tuple(int(right.get(cell, 0)) for cell in plan.cells)


@pytest.mark.parametrize("name", ["lab", "health"])
def test_sums_over_kept_rows_are_those_of_pandas_over_the_same_rows(
    bounded: dict[str, Snapshot], name: str
) -> None:
    key, measure, dataset = {"lab": ("test", "value", LAB), "health": ("site", "meddol", HEALTH)}[name]
    with duckdb.connect(bounded[name].location, read_only=True) as connection:
        rows = connection.execute("SELECT * FROM visits").df()
    plan = plan_of(f"SELECT {key}, COUNT({measure}), SUM({measure}) FROM visits GROUP BY {key}", dataset)  # noqa: S608 - parsed, never run
    groups = rows.groupby(key)[measure]
    counts, sums = exact(plan, bounded[name]).measured
    assert counts == tuple(int(groups.count().get(cell[0], 0)) for cell in plan.cells)
    assert sums == tuple(int(groups.sum().get(cell[0], 0)) for cell in plan.cells)


def test_kept_values_are_the_persons_own_raw_values_by_the_rule(bounded: dict[str, Snapshot]) -> None:
    frame = raw("nafld_lab.parquet")
    with duckdb.connect(bounded["lab"].location, read_only=True) as connection:
        kept = connection.execute("SELECT id, test, value FROM visits").df()
    source = set(zip(frame["id"], frame["test"], fixed(frame["value"], 400), strict=True))
    assert set(zip(kept["id"], kept["test"], kept["value"], strict=True)) <= source


def test_a_noisy_answer_is_near_the_bounded_value_and_says_what_is_missing(
    bounded: dict[str, Snapshot],
) -> None:
    plan = plan_of("SELECT test, COUNT(*) AS n, AVG(value) AS mean FROM visits GROUP BY test", LAB)
    table = finish(add_noise(exact(plan, bounded["lab"])))
    hdl = dict(zip(table.columns, table.rows[3], strict=True))
    assert hdl["test"] == "hdl"
    assert Decimal(str(hdl["mean_low"])) <= Decimal(str(hdl["mean"])) <= Decimal(str(hdl["mean_high"]))
    assert Decimal(str(hdl["mean_high"])) - Decimal(str(hdl["mean_low"])) < 10
    (warning,) = truncation_warnings(plan, bounded["lab"])
    assert "of the rows of visits are not counted" in warning
