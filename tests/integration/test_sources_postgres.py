"""PostgreSQL's two hands: what the registrar writes, and that the gateway's role reads that alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from engines import Bench, postgres_bench
from postgres_server import GATEWAY, REGISTRAR, Server
from questions import SEED, VISITS, dataset_of, plan_of

from sandbox.errors import NotAnswerable, StartupRefusal
from sandbox.sources.engine import EngineFailure, Engines
from sandbox.sources.engines.postgres import PostgresEngine, read_key
from sandbox.sources.loading.postgres import PostgresTables
from sandbox.sources.register import Snapshot, look, register, unreadable

DATASET = dataset_of(VISITS, max_rows=2)
ROW: dict[str, Any] = {
    "person_id": "a", "district": "Bei", "year": 1, "cost": 10.5, "change": -5.0, "note": "a secret remark"
}  # fmt: skip
KEPT = "SELECT cost, change, district, year, day FROM visits"


@pytest.fixture
def bench(postgres: Server, tmp_path: Path) -> Iterator[Bench]:
    made = postgres_bench(postgres, tmp_path)
    yield made
    made.engines.close()


@pytest.fixture
def snapshot(bench: Bench) -> Snapshot:
    return bench.load(DATASET, {"visits": [ROW] * 3})


def server_of(bench: Bench) -> Server:
    assert bench.server is not None
    return bench.server


def visits(snapshot: Snapshot) -> str:
    return f"{snapshot.location}.visits"


def typed(bench: Bench, types: Mapping[str, str], values: Mapping[str, str]) -> Snapshot:
    """Register one raw row whose columns have the given types and whose values are SQL expressions."""
    columns = {"person_id": "text", "district": "text", "year": "int", "cost": "float8", "change": "float8",
               "day": "date", "note": "text"} | dict(types)  # fmt: skip
    given = {"person_id": "'a'", **values}
    with server_of(bench).connect() as owner:
        made = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        owner.execute(f"CREATE TABLE {bench.schema}.visits ({made})".encode())
        owner.execute(f"GRANT SELECT ON {bench.schema}.visits TO {REGISTRAR}".encode())
        names, row = ", ".join(given), ", ".join(given.values())
        owner.execute(f"INSERT INTO {bench.schema}.visits ({names}) VALUES ({row})".encode())  # noqa: S608 - own text
    policy = bench.policy(DATASET)
    return register(policy, places=bench.places, seed=SEED, policy_digest="p")


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM {raw}.visits", "SELECT count(*) FROM {raw}.visits", "CREATE TABLE {copy}.t (i int)",
     "CREATE TABLE public.t (i int)", "CREATE SCHEMA mine", "ALTER TABLE {copy}.visits ADD COLUMN i int",
     "DROP TABLE {copy}.visits", "DELETE FROM {copy}.visits", "INSERT INTO {copy}.visits DEFAULT VALUES",
     "COPY {copy}.visits TO '/tmp/visits'",
     "SELECT pg_read_file('/etc/passwd')", "SET ROLE sandbox_registrar"],
)  # fmt: skip
def test_the_gateway_s_role_is_denied_everything_but_the_copy(
    bench: Bench, snapshot: Snapshot, statement: str
) -> None:
    with server_of(bench).connect(GATEWAY, "gateway") as gateway:
        assert gateway.execute("SELECT has_table_privilege(%s, 'SELECT')", [visits(snapshot)]).fetchone() == (
            True,
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            gateway.execute(statement.format(raw=bench.schema, copy=snapshot.location).encode())


@pytest.mark.parametrize(
    "statement",
    ["CREATE TEMP TABLE visits AS SELECT 1 AS n", "SELECT 1; SELECT 2", "SET transaction_read_only = off",
     "SET statement_timeout = 0; SELECT 1", "SELECT * FROM pg_read_file('/etc/passwd')"],
)  # fmt: skip
def test_a_question_is_one_reading_statement(bench: Bench, snapshot: Snapshot, statement: str) -> None:
    with pytest.raises(psycopg.Error):
        bench.rows(snapshot, statement)
    assert bench.rows(snapshot, "SELECT count(*) FROM visits") == [(2,)]


def test_the_limits_of_a_question_are_fixed(bench: Bench, snapshot: Snapshot) -> None:
    with server_of(bench).connect() as owner:
        owner.execute(f"GRANT SET ON PARAMETER temp_file_limit TO {GATEWAY}".encode())
    found = {row[0]: row[1] for row in bench.rows(snapshot, "SELECT name, setting FROM pg_settings")}
    assert found["transaction_read_only"] == "on"
    assert found["search_path"] == f'pg_catalog, "{snapshot.location}", pg_temp'
    assert (found["statement_timeout"], found["work_mem"]) == ("60000", "65536")
    assert (found["temp_file_limit"], found["jit"]) == (str(1024 * 1024), "off")


def test_a_question_past_its_deadline_is_stopped_and_its_connection_still_good(
    bench: Bench, snapshot: Snapshot
) -> None:
    engine = bench.engines.of(bench.kind)
    with pytest.raises(psycopg.errors.QueryCanceled):
        engine.run(snapshot.location, "SELECT pg_sleep(30)", deadline=0.1)
    assert engine.run(snapshot.location, "SELECT 1", deadline=5) == [(1,)]


def test_every_failure_is_the_same_and_has_no_cause(bench: Bench, snapshot: Snapshot, tmp_path: Path) -> None:
    plan = plan_of("SELECT COUNT(*) FROM visits", bench.policy(DATASET))
    nowhere = replace(bench, engines=Engines(postgresql=PostgresEngine(tmp_path / "none")))
    without = replace(bench, engines=Engines())
    for where, copy in (
        (bench, replace(snapshot, location="nothing")),
        (nowhere, snapshot),
        (without, snapshot),
    ):
        with pytest.raises(EngineFailure) as failure:
            where.exact(plan, copy)
        assert failure.value.__cause__ is None


@pytest.mark.parametrize(
    ("types", "values", "kept"),
    [
        ({}, {"cost": "'NaN'", "change": "'Infinity'", "day": "'infinity'"}, (None, None, None, None, None)),
        ({}, {"cost": "1e308", "change": "-1e308"}, (1000, -50, None, None, None)),
        ({"cost": "numeric"}, {"cost": "'NaN'"}, (None,) * 5),
        ({"cost": "numeric"}, {"cost": "'-Infinity'"}, (None,) * 5),
        ({"cost": "numeric"}, {"cost": "1e1000"}, (1000, None, None, None, None)),
        ({"cost": "numeric"}, {"cost": "1e-1000"}, (0, None, None, None, None)),
        ({"cost": "numeric"}, {"cost": "12.25"}, (123, None, None, None, None)),
        ({"cost": "real"}, {"cost": "12.25"}, (123, None, None, None, None)),
        ({}, {"cost": "12.25", "change": "-2.5"}, (123, -3, None, None, None)),
        ({"cost": "bigint"}, {"cost": "9223372036854775807"}, (1000, None, None, None, None)),
        ({"year": "float8"}, {"year": "'NaN'"}, (None,) * 5),
        ({"year": "float8"}, {"year": "9223372036854775808"}, (None,) * 5),
        ({"year": "numeric"}, {"year": "2.000"}, (None, None, None, 2, None)),
        ({"year": "numeric"}, {"year": "1.5"}, (None,) * 5),
        ({"year": "numeric"}, {"year": "'Infinity'"}, (None,) * 5),
        ({"day": "timestamp"}, {"day": "'-infinity'"}, (None,) * 5),
        ({}, {"day": "'0044-03-15 BC'"}, (None,) * 5),
        ({}, {"day": "'12025-01-01'"}, (None,) * 5),
        ({"district": "varchar(9)"}, {"district": "'Bei'"}, (None, None, "Bei", None, None)),
        ({}, {"district": "'bei'"}, (None,) * 5),
    ],
)
def test_no_raw_value_makes_a_registration_fail(
    bench: Bench, types: Mapping[str, str], values: Mapping[str, str], kept: tuple[object, ...]
) -> None:
    assert bench.rows(typed(bench, types, values), KEPT) == [kept]


@pytest.mark.parametrize(
    "types",
    [{"cost": "text"}, {"year": "text"}, {"day": "text"}, {"day": "timestamptz"}, {"district": "int"},
     {"person_id": "float8"}, {"person_id": "numeric"}, {"district": "bytea"}, {"change": "money"}],
)  # fmt: skip
def test_a_column_of_a_type_that_does_not_fit_is_refused(bench: Bench, types: Mapping[str, str]) -> None:
    with pytest.raises(NotAnswerable) as refusal:
        typed(bench, types, {"person_id": "'1'"})
    assert str(refusal.value) == str(unreadable())
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    "grant",
    ["GRANT SELECT ON {raw}.visits TO {gateway}", "GRANT SELECT (note) ON {raw}.visits TO {gateway}",
     "GRANT SELECT ON {raw}.visits TO PUBLIC", "GRANT pg_read_all_data TO {gateway}",
     "GRANT {registrar} TO {gateway}"],
)  # fmt: skip
def test_no_copy_is_made_while_the_gateway_could_read_the_raw_table(bench: Bench, grant: str) -> None:
    names = {"raw": bench.schema, "gateway": GATEWAY, "registrar": REGISTRAR}
    before = bench.load(DATASET, {"visits": [ROW]})
    with server_of(bench).connect() as owner:
        owner.execute(grant.format(**names).encode())
        try:
            with pytest.raises(NotAnswerable):
                register(bench.policy(DATASET), places=bench.places, seed=SEED, policy_digest="p")
        finally:
            owner.execute(grant.replace("GRANT", "REVOKE").replace(" TO ", " FROM ").format(**names).encode())
    assert (
        register(bench.policy(DATASET), places=bench.places, seed=SEED, policy_digest="p").digest
        == before.digest
    )


def test_nobody_but_the_registrar_and_the_gateway_has_a_right_on_a_copy(
    bench: Bench, snapshot: Snapshot
) -> None:
    with server_of(bench).connect() as owner:
        found = owner.execute(
            "SELECT relacl::text FROM pg_class WHERE oid = to_regclass(%s) UNION ALL "
            "SELECT nspacl::text FROM pg_namespace WHERE nspname = %s",
            [visits(snapshot), snapshot.location],
        ).fetchall()
    table = f"{{{REGISTRAR}=arwdDxt/{REGISTRAR},{GATEWAY}=r/{REGISTRAR}}}"
    assert found == [(table,), (f"{{{REGISTRAR}=UC/{REGISTRAR},{GATEWAY}=U/{REGISTRAR}}}",)]


def test_hidden_columns_and_the_seed_are_nowhere_in_the_copy(bench: Bench, snapshot: Snapshot) -> None:
    rows = bench.rows(snapshot, "SELECT v::text FROM visits v")
    assert rows == [("(a,Bei,1,105,-5,,1)",), ("(a,Bei,1,105,-5,,2)",)]


def test_a_registration_that_fails_leaves_nothing_of_itself(
    bench: Bench, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def schemas() -> set[str]:
        with server_of(bench).connect() as owner:
            found = owner.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pds\\_%'")
            return {name for (name,) in found}

    before = schemas()
    monkeypatch.setattr(PostgresTables, "_write", lambda *_: 1 / 0)
    with pytest.raises(NotAnswerable):
        bench.load(DATASET, {"visits": [ROW, ROW | {"person_id": "b"}]})
    assert schemas() == before
    assert bench.rows(snapshot, "SELECT count(*) FROM visits") == [(2,)]


def test_the_same_rows_in_another_order_are_the_same_copy_and_a_lost_one_comes_back(
    bench: Bench, snapshot: Snapshot
) -> None:
    other = bench.load(DATASET, {"visits": [ROW | {"note": "x"}, ROW, ROW]}, known=snapshot)
    assert other == snapshot  # hidden columns are no part of it
    assert look(bench.policy(DATASET), places=bench.places, seed=SEED).stands
    with server_of(bench).connect() as owner:
        owner.execute(f"DROP TABLE {snapshot.location}.visits".encode())
    assert not look(bench.policy(DATASET), places=bench.places, seed=SEED).stands
    assert bench.load(DATASET, {"visits": [ROW] * 3}, known=snapshot) == snapshot
    assert bench.rows(snapshot, "SELECT count(*) FROM visits") == [(2,)]


def test_a_key_file_that_others_can_read_or_that_holds_no_address_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    for mode, content in ((0o640, "postgresql://a:b@/c"), (0o600, "mysql://a:b@/c"), (0o600, "hunter2")):
        key.write_text(content)
        key.chmod(mode)
        with pytest.raises(StartupRefusal) as refusal:
            read_key(key)
        assert content not in str(refusal.value)
    with pytest.raises(StartupRefusal):
        read_key(tmp_path / "none")
