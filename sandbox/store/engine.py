"""The state database, opened only where a committed row survives a power cut.

What holds for every connection this module hands out, read back from the database and not assumed:

1. a commit returns after it is on disk (SQLite: WAL and ``synchronous=FULL``; PostgreSQL:
   ``synchronous_commit``, ``fsync`` and ``full_page_writes``);
2. a transaction that was not opened by :func:`writing` cannot write, so no row changes beside the one
   way that also writes the log;
3. a writing transaction holds the one write lock of the database from its beginning (SQLite: ``BEGIN
   IMMEDIATE``; PostgreSQL: an advisory lock), so whatever it reads is still true when it writes;
4. no row of the log can be changed or removed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import Connection, Engine, Table, inspect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from sandbox.errors import StartupRefusal
from sandbox.settings import Settings
from sandbox.store import postgres, sqlite
from sandbox.store.migrations import NEWEST
from sandbox.store.places import WRITE_WAIT, PostgresPlace, place_of

FAILURES = (SQLAlchemyError, sqlite3.Error, psycopg.Error)
"""Whatever the database or the way to it may raise."""
CONTRADICTIONS = (IntegrityError, sqlite3.IntegrityError, psycopg.errors.IntegrityError)
"""Of these, the ones that say that a rule of the tables was broken."""
_MIGRATION_WAIT = 30.0


class Cursor(Protocol):
    """What both drivers give back of a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows an UPDATE changed."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""


def open_state(settings: Settings) -> Engine:
    """Open the state database of ``settings``, create or migrate it, and check its options.

    Safe to call from several processes at once: creation and migration are serialized.

    Raises:
        StartupRefusal: it cannot be opened or migrated, is open to others, or reports weaker options.
    """
    place = place_of(settings)
    try:
        if isinstance(place, PostgresPlace):
            return _open_postgres(place, wait=settings.commit_deadline)
        return _open_sqlite(place, wait=settings.commit_deadline)
    except OSError as error:
        raise StartupRefusal(f"The state database {place} cannot be opened: {error.strerror}.") from error
    except FAILURES as error:
        where = "in PostgreSQL" if isinstance(place, PostgresPlace) else str(place)
        raise StartupRefusal(f"The state database {where} cannot be opened or migrated.") from error


@contextmanager
def writing(engine: Engine, *, wait: float) -> Iterator[Connection]:
    """Give the connection of one transaction that holds the write lock; commit at the end.

    Args:
        engine: from :func:`open_state`.
        wait: seconds to wait for the lock before SQLAlchemy's OperationalError.
    """
    options = {WRITE_WAIT: max(0.001, wait)}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give the connection of one transaction that reads one state and changes nothing."""
    with engine.connect() as connection, connection.begin():
        yield connection


def run(connection: Connection, statement: str, values: Sequence[object] = ()) -> Cursor:
    """Run one statement of an open transaction by the driver's own connection.

    For the few statements that every question runs: a statement costs about 1 µs of SQLite here, and 20
    to 90 µs by way of SQLAlchemy.

    Args:
        connection: of :func:`writing` or :func:`reading`.
        statement: SQL that both databases read, with a ``?`` for each value and for nothing else.
        values: in their order.

    Raises:
        sqlite3.Error, psycopg.Error: see :data:`FAILURES`.
    """
    driver = _driver(connection)
    if isinstance(driver, sqlite3.Connection):
        return driver.execute(statement, values)
    return driver.execute(_percent(statement), values)


def run_many(connection: Connection, statement: str, rows: Sequence[Sequence[object]]) -> None:
    """Run one statement once for each row; see :func:`run`."""
    if not rows:
        return
    driver = _driver(connection)
    if isinstance(driver, sqlite3.Connection):
        driver.executemany(statement, rows)
    else:
        driver.cursor().executemany(_percent(statement), rows)


def insert_sql(table: Table) -> str:
    """Return the INSERT of a whole row of ``table``, its values in the order of the columns."""
    return str(table.insert().compile(dialect=DefaultDialect(paramstyle="qmark")))


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest version, in one transaction.

    Raises:
        StartupRefusal: they have a version that this program does not know.
    """
    if version(engine) == NEWEST:
        return
    from sandbox.store import migrating  # noqa: PLC0415  # Alembic takes a quarter of a command's start

    with writing(engine, wait=_MIGRATION_WAIT) as connection:
        migrating.upgrade(connection)


def version(engine: Engine) -> str | None:
    """Return the version of the tables, None before they were made."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _open_sqlite(path: Path, *, wait: float) -> Engine:
    with sqlite.opening(path):
        engine = sqlite.make_engine(path, wait=wait)
        try:
            migrate(engine)
        except BaseException:
            engine.dispose()
            raise
    return engine


def _open_postgres(place: PostgresPlace, *, wait: float) -> Engine:
    if place.owner is not None:
        owner = postgres.make_engine(place.owner, wait=_MIGRATION_WAIT)
        try:
            migrate(owner)
            with writing(owner, wait=wait) as connection:
                postgres.grant(connection, str(place.service.username))
        finally:
            owner.dispose()
    engine = postgres.make_engine(place.service, wait=wait)
    try:
        with reading(engine) as connection:
            postgres.check_version(connection, NEWEST)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _driver(connection: Connection) -> sqlite3.Connection | psycopg.Connection[tuple[Any, ...]]:
    found = connection.connection.driver_connection
    if not isinstance(found, sqlite3.Connection | psycopg.Connection) or not connection.in_transaction():
        raise TypeError("only an open transaction of one of the two drivers is meant")
    return found


@lru_cache(maxsize=256)
def _percent(statement: str) -> str:
    return statement.replace("%", "%%").replace("?", "%s")
