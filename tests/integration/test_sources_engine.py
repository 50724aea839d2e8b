from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from questions import VISITS, dataset_of, exact, load, plan_of

from sandbox.privacy.charge import Charge
from sandbox.privacy.loss import Loss
from sandbox.privacy.noise import add_noise
from sandbox.privacy.plan import Plan
from sandbox.privacy.post import finish
from sandbox.sources import engine
from sandbox.sources.compile import Dialect, compile_scan
from sandbox.sources.engine import EngineFailure, Engines, NotPaidFor, extract
from sandbox.sources.engines.duck import open_copy
from sandbox.sources.snapshot import Snapshot

DATASET = dataset_of(VISITS, source="visits.csv", max_rows=3)
ROWS = """person_id,district,year,cost,change,day,note
a,Bei,1,10.5,-5,2025-01-01,n
a,Bei,2,20,0,2025-06-30,n
b,Dong,1,250,-70,2025-07-01,n
b,Rome,1,1,1,,n
c,O'Hara,2,,3,2025-03-03,n
"""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    directory = tmp_path_factory.mktemp("engine")
    (directory / "raw").mkdir()
    (directory / "raw" / "visits.csv").write_text(ROWS)
    return load(DATASET, directory)


def plan(select: str, dataset: object = DATASET) -> Plan:
    return plan_of(f"SELECT {select}", dataset)  # type: ignore[arg-type]  # a DatasetPolicy


@pytest.mark.parametrize(
    ("question", "cells"),
    [
        ("COUNT(*) FROM visits", [5]),
        ("COUNT(cost) FROM visits", [4]),
        ("COUNT(DISTINCT person_id) FROM visits", [3]),
        ("SUM(cost) FROM visits", [105 + 200 + 1000 + 10]),
        ("SUM(change) FROM visits", [-5 + 0 - 50 + 1 + 3]),
        ("district, COUNT(*) FROM visits GROUP BY district", [2, 1, 0]),
        ("year, district, SUM(cost) FROM visits GROUP BY year, district", [105, 1000, 0, 200, 0, 0]),
        ("COUNT(*) FROM visits WHERE cost = 10.5", [1]),
        ("COUNT(*) FROM visits WHERE cost >= 100", [1]),
        ("COUNT(*) FROM visits WHERE change < -4", [2]),
        ("COUNT(*) FROM visits WHERE NOT cost > 15", [2]),
        ("COUNT(*) FROM visits WHERE cost IS NULL", [1]),
        ("COUNT(*) FROM visits WHERE day <= '2025-06-30'", [3]),
        ("COUNT(*) FROM visits WHERE day IS NULL OR district IN ('Dong')", [2]),
        ("COUNT(*) FROM visits WHERE year NOT IN (2) AND district <> 'Bei'", [1]),
        ("SUM(cost) FROM visits WHERE year = 1 AND cost > 99999", [0]),
    ],
)
def test_cells_are_those_of_the_bounded_rows(snapshot: Snapshot, question: str, cells: list[int]) -> None:
    assert list(exact(plan(question), snapshot).measured[0]) == cells


def test_a_thousand_conditions_are_compiled_and_run(snapshot: Snapshot) -> None:
    many = " OR ".join(f"cost = {n}" for n in range(500))
    assert exact(plan(f"COUNT(*) FROM visits WHERE {many}"), snapshot).measured == ((3,),)


def test_text_reaches_the_engine_as_a_quoted_literal_only() -> None:
    dataset = dataset_of(VISITS | {"note": {"use": "filter", "type": "text"}})
    (scanned,) = plan("COUNT(*) FROM visits WHERE note = 'x'' OR 1=1 --'", dataset).scans
    sql = compile_scan(scanned.scan, Dialect.DUCKDB)
    assert sql.endswith("= 'x'' OR 1=1 --'")


def test_the_whole_way_ends_in_a_table_near_the_truth(snapshot: Snapshot) -> None:
    asked = plan_of("SELECT district, COUNT(*) AS n FROM visits GROUP BY district", DATASET, epsilon="10")
    table = finish(add_noise(exact(asked, snapshot)))
    assert table.columns == ("district", "n", "n_low", "n_high")
    assert [row[0] for row in table.rows] == ["Bei", "Dong", "Nan"]
    assert all(abs(int(str(row[1])) - true) < 20 for row, true in zip(table.rows, (2, 1, 0), strict=True))


def test_a_charge_for_another_plan_reads_nothing(snapshot: Snapshot) -> None:
    asked, other = plan("COUNT(*) FROM visits"), plan("COUNT(cost) FROM visits")
    nowhere = replace(snapshot, location="/nonexistent")
    for digest, loss in ((other.digest, asked.loss), (asked.digest, Loss(asked.loss.picorho - 1))):
        charge = Charge(request_id="r", plan_digest=digest, loss=loss, intent=0)
        with pytest.raises(NotPaidFor):
            extract(asked, charge, snapshot=nowhere, engines=Engines(), deadline=5)


def test_a_copy_made_under_another_policy_is_not_asked(snapshot: Snapshot) -> None:
    narrower = dataset_of(VISITS, source="visits.csv", max_rows=1)
    with pytest.raises(NotPaidFor):
        exact(plan("COUNT(*) FROM visits", narrower), snapshot)


def test_every_engine_error_is_the_same_and_has_no_cause(snapshot: Snapshot, tmp_path: Path) -> None:
    garbled = tmp_path / "garbled.duckdb"
    garbled.write_bytes(b"Anna Secret" * 1000)
    for path in (garbled, tmp_path / "missing.duckdb"):
        with pytest.raises(EngineFailure) as failure:
            exact(plan("COUNT(*) FROM visits"), replace(snapshot, location=str(path)))
        assert str(failure.value) == "The question could not be completed."
        assert failure.value.__cause__ is None


def test_a_question_past_its_deadline_is_stopped(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = (
        "SELECT count(*) FROM range(10000000000) a, range(10000000000) b WHERE hash(a.range, b.range) = 7"
    )
    monkeypatch.setattr(engine, "compile_scan", lambda *_: endless)
    with pytest.raises(EngineFailure):
        exact(plan("COUNT(*) FROM visits"), snapshot, deadline=0.2)


def test_an_answer_that_comes_after_the_deadline_is_not_given(snapshot: Snapshot) -> None:
    with pytest.raises(EngineFailure):
        exact(plan("COUNT(*) FROM visits"), snapshot, deadline=0)


@pytest.mark.parametrize(
    "statement",
    [
        "SET threads = 4",
        "SET enable_external_access = true",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "CREATE TABLE t (i INTEGER)",
        "DELETE FROM visits",
        "ATTACH '/tmp/other.duckdb'",
        "COPY visits TO '/tmp/visits.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
    ],
)
def test_a_connection_to_a_copy_reads_that_copy_and_nothing_else(snapshot: Snapshot, statement: str) -> None:
    with open_copy(Path(snapshot.location)) as connection, pytest.raises(duckdb.Error):
        connection.execute(statement)


def test_the_limits_of_a_connection_are_fixed(snapshot: Snapshot) -> None:
    with open_copy(Path(snapshot.location)) as connection:
        found = dict(connection.execute("SELECT name, value FROM duckdb_settings()").fetchall())
    assert found["access_mode"] == "read_only"
    assert found["lock_configuration"] == "true"
    assert found["enable_external_access"] == "false"
    assert found["allow_community_extensions"] == "false"
    assert found["autoload_known_extensions"] == found["autoinstall_known_extensions"] == "false"
    assert (found["temp_directory"], found["max_temp_directory_size"]) == ("", "0 bytes")
    assert (found["threads"], found["memory_limit"]) == ("2", "1.8 GiB")


def test_epsilon_is_a_decimal_all_the_way(snapshot: Snapshot) -> None:
    asked = plan("COUNT(*) FROM visits")
    assert add_noise(exact(asked, snapshot)).plan.epsilon == Decimal(1)
