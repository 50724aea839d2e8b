"""The state database opens only with options under which a committed row survives."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from sandbox.errors import StartupRefusal
from sandbox.settings import Settings
from sandbox.store.engine import open_state, writing
from sandbox.store.sqlite import check_durable
from sandbox.store.tables import answer, checkpoint, entry, metadata, node

STRONG: dict[str, object] = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def state_file(home: Path) -> Path:
    return home / "state" / "state.sqlite"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_state(Settings(home=tmp_path, commit_deadline=0.3))
    yield engine
    engine.dispose()


def test_migrations_make_exactly_the_tables_that_the_code_reads(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        budget = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'budget'").scalar()
    assert "CHECK (spent >= 0 AND spent <= cap)" in str(budget)


def test_a_database_of_the_first_version_is_migrated_and_keeps_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, upgrade = Settings(home=tmp_path), command.upgrade
    with monkeypatch.context() as older:
        older.setattr(command, "upgrade", lambda config, _: upgrade(config, "0001"))
        first = open_state(settings)
    with writing(first, wait=1) as connection:
        connection.execute(entry.insert().values(seq=0, leaf=b"leaf"))
    first.dispose()
    again = open_state(settings)
    with again.connect() as connection:
        assert connection.execute(entry.select()).all() == [(0, b"leaf")]
        assert connection.execute(answer.select()).all() == []
    again.dispose()


def test_a_database_of_a_newer_program_is_not_opened(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    newer = open_state(settings)
    with writing(newer, wait=1) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    newer.dispose()
    with pytest.raises(StartupRefusal, match="newer version of this program"):
        open_state(settings)


def test_every_connection_reports_the_strong_options(engine: Engine) -> None:
    connections = [engine.connect() for _ in range(4)]
    for connection in connections:
        for name, value in STRONG.items():
            assert connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value
        connection.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [("journal_mode", "delete"), ("journal_mode", "memory"), ("synchronous", 1), ("synchronous", 0)],
)
def test_weaker_options_stop_the_start(name: str, value: object) -> None:
    check_durable(STRONG)
    with pytest.raises(StartupRefusal, match=f"{name} is {value!r}"):
        check_durable({**STRONG, name: value})


def test_a_database_that_cannot_take_wal_stops_the_start(tmp_path: Path) -> None:
    state_file(tmp_path).parent.mkdir(mode=0o700)
    holder = sqlite3.connect(state_file(tmp_path), isolation_level=None)
    state_file(tmp_path).chmod(0o600)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StartupRefusal, match="cannot be opened"):
        open_state(Settings(home=tmp_path, commit_deadline=0.1))
    holder.close()


def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path) -> None:
    state_file(tmp_path).parent.mkdir(mode=0o700)
    state_file(tmp_path).write_bytes(b"not a database" * 1000)
    state_file(tmp_path).chmod(0o600)
    with pytest.raises(StartupRefusal, match="cannot be opened"):
        open_state(Settings(home=tmp_path))


@pytest.mark.parametrize(
    "url", ["postgresql://localhost/x", "sqlite://", "sqlite:///:memory:", "nonsense", "mysql://h/x"]
)
def test_another_database_stops_the_start_with_a_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(StartupRefusal, match="SANDBOX_STATE_URL"):
        open_state(Settings(home=tmp_path, state_url=url))


def test_state_is_private_to_its_owner(engine: Engine, tmp_path: Path) -> None:
    with writing(engine, wait=1) as connection:
        connection.execute(entry.insert().values(seq=0, leaf=b""))
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    for path in (tmp_path / "state").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_state_that_others_may_read_stops_the_start(engine: Engine, tmp_path: Path) -> None:
    engine.dispose()
    state_file(tmp_path).chmod(0o644)
    with pytest.raises(StartupRefusal, match="mode 0644"):
        open_state(Settings(home=tmp_path))


def test_nothing_is_written_beside_a_writing_transaction(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.execute(entry.insert().values(seq=0, leaf=b""))
    with writing(engine, wait=1) as connection:
        connection.execute(entry.insert().values(seq=0, leaf=b""))
    with engine.begin() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.execute(entry.insert().values(seq=1, leaf=b""))


def test_a_writing_transaction_has_the_lock_before_it_reads(engine: Engine) -> None:
    with writing(engine, wait=1):
        started = time.monotonic()
        with pytest.raises(OperationalError, match="locked"), writing(engine, wait=0.2):
            pass
        assert 0.15 < time.monotonic() - started < 2


def test_readers_do_not_wait_for_a_writer(engine: Engine) -> None:
    with writing(engine, wait=1) as writer:
        writer.execute(entry.insert().values(seq=0, leaf=b""))
        with engine.connect() as reader:
            assert reader.execute(entry.select()).all() == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {table} SET {column} = x'00'",
        "DELETE FROM {table}",
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        "INSERT INTO {table} SELECT * FROM {table} WHERE TRUE ON CONFLICT DO UPDATE SET {column} = x'00'",
    ],
)
@pytest.mark.parametrize(("table", "column"), [("entry", "leaf"), ("node", "hash"), ("checkpoint", "note")])
def test_no_statement_changes_a_row_of_the_log(engine: Engine, table: str, column: str, change: str) -> None:
    with writing(engine, wait=1) as connection:
        connection.execute(entry.insert().values(seq=0, leaf=b"leaf"))
        connection.execute(node.insert().values(level=0, idx=0, hash=b"hash"))
        connection.execute(checkpoint.insert().values(size=1, note=b"note"))
    with pytest.raises(IntegrityError, match="append-only"), writing(engine, wait=1) as connection:
        connection.exec_driver_sql(change.format(table=table, column=column))
    with engine.connect() as connection:
        assert connection.execute(entry.select()).all() == [(0, b"leaf")]


def test_processes_that_start_together_make_one_database(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from sandbox.settings import Settings; "
        "from sandbox.store.engine import open_state; open_state(Settings(home=Path(sys.argv[1])))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [(process.communicate()[1], process.returncode) for process in started] == [("", 0)] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write another user's state")
def test_root_leaves_the_state_to_its_owner(engine: Engine, tmp_path: Path) -> None:
    owner = 64_802
    engine.dispose()
    for path in (tmp_path / "state", state_file(tmp_path)):
        os.chown(path, owner, owner)
    again = open_state(Settings(home=tmp_path))
    with writing(again, wait=1) as connection:
        connection.execute(entry.insert().values(seq=0, leaf=b""))
    assert {path.stat().st_uid for path in (tmp_path / "state").iterdir()} == {owner}
    again.dispose()
