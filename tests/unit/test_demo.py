"""The generated register is the same each time and as awkward as a real one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from sandbox.demo import AGE_GROUPS, DISTRICTS, ROWS, SERVICES, SEXES, write_register
from sandbox.policy.dataset import Use
from sandbox.policy.load import load


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_register(tmp_path_factory.mktemp("raw") / "made")


@pytest.fixture(scope="module")
def visits(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path)


def test_two_runs_write_the_same_bytes(path: Path, tmp_path: Path) -> None:
    assert write_register(tmp_path).read_bytes() == path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["visits.parquet"]


def test_another_seed_writes_other_rows(path: Path, tmp_path: Path) -> None:
    assert write_register(tmp_path, seed=1).read_bytes() != path.read_bytes()


def test_the_rows_of_the_default_seed_do_not_change_between_versions(visits: pd.DataFrame) -> None:
    # Of the content, because the bytes of a Parquet file change with the library that writes it.
    text = visits.to_csv(index=False).encode()
    assert (
        hashlib.sha256(text).hexdigest() == "8138d9b97dc664975e6f64c7c17fd84b417b06b3af122c6804c76f7352072cf7"
    )


def test_contributions_are_skewed_and_some_rows_belong_to_nobody(visits: pd.DataFrame) -> None:
    rows = visits["person_id"].value_counts()
    assert len(visits) == ROWS
    assert len(rows) > 20_000
    assert rows.median() < 10
    assert (rows > 200).sum() >= 10
    assert 0 < visits["person_id"].isna().sum() < 1_000


def test_costs_have_two_decimals_a_heavy_tail_and_gaps(visits: pd.DataFrame) -> None:
    cost = visits["cost"].dropna()
    assert (cost == cost.round(2)).all()
    assert cost.max() > 20 * cost.median()
    assert 0.02 < visits["cost"].isna().mean() < 0.04


def test_the_shipped_policy_fits_the_register(visits: pd.DataFrame) -> None:
    policies = load(Path(__file__).parents[2] / "policies")
    columns = policies.datasets["health_visits"].tables["visits"].columns
    assert set(columns) == set(visits.columns)
    for name, column in columns.items():
        if column.use is Use.GROUP_KEY:
            assert set(column.domain) == set(visits[name]), name
    assert set(columns["district"].domain) == set(DISTRICTS)
    assert set(columns["service"].domain) == set(SERVICES)
    assert (columns["age_group"].domain, columns["sex"].domain) == (AGE_GROUPS, SEXES)
