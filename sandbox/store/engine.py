"""The state database, opened only with options under which a committed row survives a power cut.

What holds for every connection this module hands out, read back from SQLite and not assumed:

1. ``journal_mode=WAL`` and ``synchronous=FULL``: a commit returns after its fsync;
2. ``foreign_keys=ON``;
3. a transaction that was not opened by :func:`writing` cannot write (``query_only``), so no row
   changes beside the one way that also writes the log;
4. a writing transaction takes the write lock when it begins (``BEGIN IMMEDIATE``), so whatever it
   reads is still true when it writes.

Only SQLite is accepted: its lock, its options and its migrations are what the tests run on.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from sandbox.errors import StartupRefusal
from sandbox.settings import Settings

SYNCHRONOUS_FULL = 2
"""What ``PRAGMA synchronous`` reports for FULL; NORMAL (1) loses acknowledged rows in a power cut."""

_WRITE_WAIT = "sandbox_write_wait"


def open_state(settings: Settings) -> Engine:
    """Open the state database of ``settings``, create or migrate it, and check its options.

    Safe to call from several processes at once: creation and migration are serialized by a lock on
    the directory.

    Raises:
        StartupRefusal: another database than SQLite is named, the file is readable or writable by
            others, it cannot be opened or migrated, or it reports weaker options.
    """
    path = _state_file(settings.database_url)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.parent):
            _own_file(path)
            engine = _engine(path, wait=settings.commit_deadline)
            try:
                migrate(engine)
            except BaseException:
                engine.dispose()
                raise
    except OSError as error:
        raise StartupRefusal(f"The state database {path} cannot be opened: {error.strerror}.") from error
    except SQLAlchemyError as error:
        raise StartupRefusal(f"The state database {path} cannot be opened or migrated.") from error
    return engine


@contextmanager
def writing(engine: Engine, *, wait: float) -> Iterator[Connection]:
    """Give the connection of one transaction that holds the write lock; commit at the end.

    Args:
        engine: from :func:`open_state`.
        wait: seconds to wait for the lock before SQLAlchemy's OperationalError.
    """
    options = {_WRITE_WAIT: max(1, int(wait * 1000))}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[sqlite3.Connection]:
    """Give the driver's own connection of one transaction that reads one state and changes nothing.

    For the few statements that every question runs; see :func:`driver`.
    """
    with engine.connect() as connection, connection.begin():
        yield driver(connection)


def driver(connection: Connection) -> sqlite3.Connection:
    """Return the driver's own connection of an open transaction.

    For the few statements that every question runs: a statement costs about 1 µs here and 20 to 90 µs
    by way of SQLAlchemy. Its errors are ``sqlite3``'s own.
    """
    found = connection.connection.driver_connection
    if not isinstance(found, sqlite3.Connection) or not connection.in_transaction():
        raise TypeError("only an open transaction of SQLite's own driver is meant")
    return found


def insert_sql(table: Table) -> str:
    """Return the INSERT of a whole row of ``table``, its values in the order of the columns."""
    return str(table.insert().compile(dialect=sqlite.dialect()))


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest version, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with writing(engine, wait=30) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _state_file(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StartupRefusal("SANDBOX_STATE_URL is not a database URL.") from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise StartupRefusal(
            "SANDBOX_STATE_URL must be empty or name a SQLite file, as in sqlite:////srv/sandbox/state.sqlite."
        )
    return Path(parsed.database)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _own_file(path: Path) -> None:
    # O_EXCL and stat, never a plain open: closing any descriptor of a SQLite file drops the locks
    # that other connections of this process hold on it.
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    for place, forbidden in ((path, 0o037), (path.parent, 0o022)):
        mode = stat.S_IMODE(place.stat().st_mode)
        if mode & forbidden:
            raise StartupRefusal(
                f"{place} has mode {mode:04o}; others must not have the bits {forbidden:04o}."
            )


def _engine(path: Path, *, wait: float) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": wait},
        pool_size=8,
        max_overflow=56,  # readers of one process; writers queue in the log before they take one
        pool_timeout=wait,
        pool_use_lifo=True,  # the connection used last still has the pages and statements of the last write
        hide_parameters=True,  # an error's text may reach a trace; parameters may hold people's questions
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(dbapi_connection: Any, _record: object) -> None:
    # The driver must not begin transactions by itself: it would begin them DEFERRED, and late.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    found = {
        name: cursor.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    cursor.close()
    check_durable(found)


def check_durable(found: dict[str, object]) -> None:
    """Compare what the engine reports with what the promises need.

    Raises:
        StartupRefusal: an option is weaker.
    """
    needed = {"journal_mode": "wal", "synchronous": SYNCHRONOUS_FULL, "foreign_keys": 1}
    weaker = [f"{name} is {found.get(name)!r}" for name, value in needed.items() if found.get(name) != value]
    if weaker:
        raise StartupRefusal(
            f"The state database does not keep what it acknowledges: {', '.join(weaker)}; "
            "it needs a local file system with WAL, synchronous=FULL and foreign keys."
        )


def _begin(connection: Connection) -> None:
    wait = connection.get_execution_options().get(_WRITE_WAIT)
    settings = connection.connection.driver_connection
    assert settings is not None  # noqa: S101  # SQLAlchemy's type allows for a connection that was closed
    if wait is None:
        settings.execute("PRAGMA query_only=ON")
        settings.execute("BEGIN")
        return
    settings.execute("PRAGMA query_only=OFF")
    settings.execute(f"PRAGMA busy_timeout={int(wait)}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # the one that may fail, so its error is SQLAlchemy's
