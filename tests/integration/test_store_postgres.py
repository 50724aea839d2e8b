"""PostgreSQL holds the state only where it keeps what it acknowledges; no role can change the log."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres_server import Server, programs, running
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from state_databases import STATE_OWNER, STATE_SERVICE, connect_to, postgres_state

from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.errors import StartupRefusal, Unavailable
from sandbox.settings import Settings
from sandbox.store.engine import open_state, reading, run, writing
from sandbox.store.postgres import APPEND_ONLY, check_durable
from sandbox.store.tables import budget_decision, decider_key, entry, freezing, metadata

STRONG = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
SAID = Event(kind=Kind.AUDIT_READ, actor="ana", subject="s")


@pytest.fixture
def settings(state_server: Server, tmp_path: Path) -> Settings:
    return postgres_state(state_server, tmp_path)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = open_state(settings)
    yield engine
    engine.dispose()


def log_of(engine: Engine, *, deadline: float = 5.0) -> Log:
    signer = KeySigner(SigningKey.from_seed(bytes(32)))
    return Log(engine, signer=signer, private_key=bytes(32), commit_deadline=deadline)


def test_migrations_make_exactly_the_tables_that_the_code_reads(engine: Engine) -> None:
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    # The server makes no second index for a rule that is the primary key again.
    assert [verb for verb, rule in found] == ["add_constraint"]
    assert {column.name for column in found[0][1].columns} == set(
        metadata.tables["vote"].primary_key.columns.keys()
    )


@pytest.mark.parametrize("name", list(STRONG))
def test_weaker_settings_stop_the_start(name: str) -> None:
    check_durable(STRONG)
    with pytest.raises(StartupRefusal, match=f"{name} is 'off'"):
        check_durable({**STRONG, name: "off"})


def test_a_server_that_does_not_flush_stops_the_start(tmp_path: Path) -> None:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    with running(found) as server:
        with server.connect() as owner:
            for role in (STATE_OWNER, STATE_SERVICE):
                owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'".encode())
        with pytest.raises(StartupRefusal, match="fsync is 'off'"):
            open_state(postgres_state(server, tmp_path))


def test_a_session_cannot_be_weakened_by_the_role_s_own_settings(
    settings: Settings, engine: Engine, state_server: Server
) -> None:
    engine.dispose()
    with connect_to(settings, state_server) as owner:
        owner.execute(f"ALTER ROLE {STATE_SERVICE} SET synchronous_commit = off".encode())
        try:
            again = open_state(settings)
            with reading(again) as connection:
                assert run(connection, "SHOW synchronous_commit").fetchone() == ("on",)
            again.dispose()
        finally:
            owner.execute(f"ALTER ROLE {STATE_SERVICE} RESET synchronous_commit".encode())


def test_a_missing_or_open_key_file_stops_the_start(settings: Settings) -> None:
    settings.postgresql_state.chmod(0o640)
    with pytest.raises(StartupRefusal, match="0600"):
        open_state(settings)
    settings.postgresql_state.unlink()
    with pytest.raises(StartupRefusal, match="postgresql://"):
        open_state(settings)


def test_one_role_for_both_stops_the_start(settings: Settings) -> None:
    settings.postgresql_state_owner.write_text(settings.postgresql_state.read_text())
    with pytest.raises(StartupRefusal, match="two roles"):
        open_state(settings)


def test_without_the_owner_s_key_an_older_database_stops_the_start(
    settings: Settings, state_server: Server
) -> None:
    open_state(settings).dispose()
    settings.postgresql_state_owner.unlink()
    open_state(settings).dispose()
    with connect_to(settings, state_server) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0002'")
    with pytest.raises(StartupRefusal, match="sandbox init"):
        open_state(settings)


def test_a_server_that_is_not_there_stops_the_start_without_its_password(settings: Settings) -> None:
    for path in (settings.postgresql_state, settings.postgresql_state_owner):
        path.write_text(path.read_text().replace("host=", "host=/nowhere"))
    with pytest.raises(StartupRefusal, match="cannot be opened") as refused:
        open_state(settings)
    assert STATE_SERVICE not in str(refused.value)


@pytest.mark.parametrize("role", [STATE_SERVICE, STATE_OWNER])
def test_neither_role_changes_or_removes_a_row_of_the_log(
    settings: Settings, engine: Engine, state_server: Server, role: str
) -> None:
    log_of(engine).append(SAID)
    log_of(engine).cover()
    decided = {"id": "d", "authorization": "a", "document": b"d", "signature": b"s", "seq": 0}
    with writing(engine, wait=5) as connection:  # a row in each: the triggers of an empty table are silent
        connection.execute(budget_decision.insert().values(decided))
        connection.execute(decider_key.insert().values(seq=0, name="n", public=b"k"))
        frozen = {"seq": 0, "what": "all", "name": "", "frozen": True, "final": False, "at": "now"}
        connection.execute(freezing.insert().values(frozen))
    expected = (
        psycopg.errors.InsufficientPrivilege if role == STATE_SERVICE else psycopg.errors.IntegrityError
    )
    with connect_to(settings, state_server, role) as connection:
        for table in APPEND_ONLY:
            column = metadata.tables[table].primary_key.columns[0].name
            for change in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):  # noqa: S608  # our own names
                with pytest.raises(expected):
                    connection.execute(change.encode())
            with pytest.raises(expected):
                connection.execute(f"TRUNCATE {table} CASCADE".encode())
    assert log_of(engine).check_start().size == 1


def test_nothing_is_written_beside_a_writing_transaction(engine: Engine) -> None:
    with reading(engine) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        run(connection, "INSERT INTO entry VALUES (?, ?)", (0, b"leaf"))
    with writing(engine, wait=1) as connection:
        connection.execute(entry.insert().values(seq=0, leaf=b"leaf"))
    with pytest.raises(DBAPIError, match="read-only"), reading(engine) as connection:
        connection.execute(entry.insert().values(seq=1, leaf=b"leaf"))


def test_a_writing_transaction_has_the_lock_before_it_reads(engine: Engine) -> None:
    with writing(engine, wait=1):
        started = time.monotonic()
        with pytest.raises(DBAPIError, match="lock timeout"), writing(engine, wait=0.2):
            pass
        assert 0.15 < time.monotonic() - started < 2


def test_a_writer_sees_what_the_writer_before_it_committed(engine: Engine) -> None:
    ours, rival = log_of(engine), log_of(engine)
    written = [log.append(SAID) for log in (ours, rival, rival, ours, rival, ours, ours)]
    assert written == list(range(7))
    assert ours.check_start().size == 7


def test_a_stopped_server_refuses_within_the_deadline_and_is_used_again(
    settings: Settings, state_server: Server
) -> None:
    engine = open_state(replace(settings, commit_deadline=1.0))
    log = log_of(engine, deadline=1.0)
    log.append(SAID)
    children = _backends(state_server)
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(Unavailable):
                log.append(SAID)
            assert time.monotonic() - started < 5
    finally:
        for pid in children:
            os.kill(pid, signal.SIGCONT)
    until = time.monotonic() + 10
    while True:
        try:
            log.append(SAID)
            break
        except Unavailable:
            assert time.monotonic() < until, "the log does not come back"
    assert log.check_start().size >= 2
    engine.dispose()


def test_a_connection_that_was_cut_is_replaced(
    engine: Engine, settings: Settings, state_server: Server
) -> None:
    log = log_of(engine)
    log.append(SAID)
    with connect_to(settings, state_server) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (STATE_SERVICE,)
        )
    refused = 0
    while refused < 5:
        try:
            log.append(SAID)
            break
        except Unavailable:
            refused += 1
    assert refused <= 1
    log.check_start()


def _backends(server: Server) -> list[int]:
    """Return the server's own process and all that it has started."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]
