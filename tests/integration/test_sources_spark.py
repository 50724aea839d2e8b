"""Spark: what a question may be there, and that nothing of a failure is printed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engines import Bench, spark_bench
from questions import SEED, VISITS, dataset_of, plan_of

from sandbox.errors import NotAnswerable, StartupRefusal
from sandbox.sources.engine import EngineFailure
from sandbox.sources.engines import spark as spark_module
from sandbox.sources.engines.spark import SparkEngine
from sandbox.sources.register import Snapshot, look, register

COLUMNS = VISITS | {"district": {"use": "group_key", "domain": ["Bei", "O'Hara", "a\\b"]}}
DATASET = dataset_of(COLUMNS, max_rows=2)
ROW: dict[str, Any] = {
    "person_id": "a",
    "district": "a\\b",
    "year": 1,
    "cost": 10.5,
    "change": -5.0,
    "note": "n",
}
ENDLESS = "SELECT count(*) FROM range(100000000) a CROSS JOIN range(100000000) b WHERE hash(a.id, b.id) = 7"


@pytest.fixture
def bench(spark: SparkEngine, tmp_path: Path) -> Iterator[Bench]:
    made = spark_bench(spark, tmp_path / "spark")
    yield made
    made.close()


@pytest.fixture(scope="module")
def loaded(spark: SparkEngine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Snapshot]:
    made = spark_bench(spark, tmp_path_factory.mktemp("spark") / "spark")
    return made, made.load(DATASET, {"visits": [ROW] * 3 + [ROW | {"person_id": "b", "district": "O'Hara"}]})


def test_keys_with_quotes_and_backslashes_are_kept_and_found(loaded: tuple[Bench, Snapshot]) -> None:
    bench, snapshot = loaded
    plan = plan_of("SELECT district, COUNT(*) FROM visits GROUP BY district", bench.policy(DATASET))
    assert bench.exact(plan, snapshot).measured == ((0, 1, 2),)


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE t (i INT)", "DROP VIEW visits", "INSERT INTO visits SELECT * FROM visits", "SET a = b",
     "INSERT OVERWRITE DIRECTORY '/tmp/out' USING parquet SELECT 1", "SELECT 1) ; SELECT (2",
     "SELECT * FROM text.`/etc/passwd`", "SELECT CAST('Anna Secret' AS INT)",
     "SELECT sum(9223372036854775807) FROM range(2)", "SELECT 1 / (count(*) - 3) FROM visits"],
)  # fmt: skip
def test_what_is_no_query_over_the_copy_fails_and_prints_nothing(
    loaded: tuple[Bench, Snapshot], statement: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bench, snapshot = loaded
    failures = (Exception,)  # of Spark's many families; the caller lets none of them out
    with pytest.raises(failures):
        bench.rows(snapshot, statement)
    assert capfd.readouterr() == ("", "")


def test_a_question_past_its_deadline_is_cancelled_and_the_next_one_answered(
    loaded: tuple[Bench, Snapshot],
) -> None:
    bench, snapshot = loaded
    before = time.monotonic()
    with pytest.raises(Exception, match="cancelled"):
        bench.engines.of(bench.kind).run(snapshot.location, ENDLESS, deadline=1)
    assert time.monotonic() - before < 20
    assert bench.rows(snapshot, "SELECT count(*) FROM visits") == [(3,)]


def test_a_spark_that_cannot_start_refuses_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_module, "session_of", lambda _: 1 / 0)
    with pytest.raises(StartupRefusal, match="Spark does not start at nowhere"):
        SparkEngine("nowhere").prepare()


def test_a_copy_that_is_not_there_is_the_one_failure(loaded: tuple[Bench, Snapshot], tmp_path: Path) -> None:
    bench, _ = loaded
    plan = plan_of("SELECT COUNT(*) FROM visits", bench.policy(DATASET))
    empty = spark_bench(bench.engines.of(bench.kind), tmp_path / "x")  # type: ignore[arg-type]  # it is Spark's
    snapshot = empty.load(DATASET, {"visits": [ROW]})
    shutil.rmtree(snapshot.location)
    with pytest.raises(EngineFailure) as failure:
        empty.exact(plan, snapshot)
    assert failure.value.__cause__ is None


def test_a_directory_of_files_is_one_table_and_a_damaged_copy_is_made_anew(bench: Bench) -> None:
    first = bench.load(DATASET, {"visits": [ROW]})
    raw = bench.places.raw / "visits.parquet"
    raw.rename(raw.with_suffix(".one"))
    raw.mkdir()
    for part in ("a", "b", "_ignored"):
        shutil.copy(raw.with_suffix(".one"), raw / f"{part}.parquet")
    policy = bench.policy(DATASET)
    both = register(policy, places=bench.places, seed=SEED, policy_digest="p")
    assert both.digest != first.digest
    (Path(both.location) / "visits" / "_SUCCESS").unlink()
    assert not look(policy, places=bench.places, seed=SEED).stands
    again = register(policy, places=bench.places, seed=SEED, policy_digest="p", known=both)
    assert bench.rows(again, "SELECT count(*) FROM visits") == [(2,)]


def test_raw_text_of_any_kind_becomes_a_value_or_nothing(bench: Bench) -> None:
    columns = "person_id,district,year,cost,change,day,note"
    lines = [
        "a,Bei,1.0,nan,-inf,2025-02-30,n",
        "b,bei,1.5,1e999,x,infinity,n",
        'c,"O\'Hara",2,12.25,-2.5,2025-01-31,n',
        ",Bei,1,1,1,2025-01-01,n",
    ]
    (bench.places.raw / "visits.csv").write_text("\n".join([columns, *lines]) + "\n")
    tables = {"visits": DATASET.tables["visits"].model_copy(update={"source": "visits.csv"})}
    policy = bench.policy(DATASET).model_copy(update={"tables": tables})
    snapshot = register(policy, places=bench.places, seed=SEED, policy_digest="p")
    kept = "person_id, district, year, cost, change, CAST(day AS STRING) AS day"
    asked = f"SELECT {kept} FROM visits ORDER BY person_id"  # noqa: S608 - own text
    assert bench.rows(snapshot, asked) == [
        ("a", "Bei", 1, None, None, None),
        ("b", None, None, None, None, None),
        ("c", "O'Hara", 2, 123, -3, "2025-01-31"),
    ]


def test_what_cannot_be_read_is_one_refusal_and_prints_nothing(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.load(DATASET, {"visits": [ROW]})
    capfd.readouterr()
    (bench.places.raw / "visits.parquet").write_bytes(b"Anna Secret" * 100)
    with pytest.raises(NotAnswerable) as refusal:
        register(bench.policy(DATASET), places=bench.places, seed=SEED, policy_digest="p")
    assert refusal.value.__cause__ is None
    assert capfd.readouterr() == ("", "")
