"""The benchmark's register is drawn by the law from which its bounds are chosen."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import duckdb
import pytest
from benchmark_modules import load

ROWS = 100_000


@pytest.fixture(scope="module")
def data() -> ModuleType:
    return load("data")


@pytest.fixture(scope="module")
def register(data: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = data.write_register(tmp_path_factory.mktemp("register") / "register.parquet", ROWS)
    return path


def one(sql: str, register: Path) -> float:
    """Return the one value of a query of ``rows``."""
    with duckdb.connect() as connection:
        connection.read_parquet(str(register)).create_view("rows")
        found = connection.execute(sql).fetchone()
    assert found is not None
    return float(found[0])


def test_a_hundred_thousand_rows_are_of_about_18700_persons_and_some_have_hundreds(register: Path) -> None:
    assert one("SELECT count(*) FROM rows", register) == ROWS
    assert 18_500 < one("SELECT count(DISTINCT person_id) FROM rows", register) < 19_000
    most = "SELECT max(n) FROM (SELECT count(*) AS n FROM rows GROUP BY person_id)"
    assert 300 < one(most, register) < 1_500


@pytest.mark.parametrize("bound", [10, 20, 50, 100, 200])
def test_a_bound_keeps_the_share_of_rows_that_the_law_says(
    data: ModuleType, register: Path, bound: int
) -> None:
    kept = one(
        f"SELECT sum(least(n, {bound})) FROM (SELECT count(*) AS n FROM rows GROUP BY person_id)",  # noqa: S608  # a number
        register,
    )
    assert kept / ROWS == pytest.approx(data.kept_share(bound), abs=0.02)


def test_columns_are_drawn_independently_of_the_person(register: Path) -> None:
    for column in ("region", "tile_x", "tile_y", "cost"):
        assert abs(one(f"SELECT corr(person_id, {column}) FROM rows", register)) < 0.02  # noqa: S608  # names above
    assert one("SELECT count(DISTINCT (tile_x, tile_y)) FROM rows", register) > 9_900


def test_the_bound_for_counts_is_where_truncation_and_noise_together_err_least(data: ModuleType) -> None:
    def squared_error(bound: int) -> float:
        lost = (1 - data.kept_share(bound)) * ROWS / 8
        return float(lost**2 + 2 * bound**2)

    best = data.bound_for_counts(ROWS, groups=8)
    assert squared_error(best) == pytest.approx(min(map(squared_error, range(3, 1_000))), rel=1e-3)


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    data: ModuleType, tmp_path: Path
) -> None:
    assert data.lacking_bytes(tmp_path, 1_000) == 0
    free = shutil.disk_usage(tmp_path).free
    assert data.lacking_bytes(tmp_path, free) > free
