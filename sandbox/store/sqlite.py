"""SQLite as the state database: a local file, opened only with options that survive a power cut."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from sandbox.errors import StartupRefusal
from sandbox.store.places import WRITE_WAIT

SYNCHRONOUS_FULL = 2
"""What ``PRAGMA synchronous`` reports for FULL; NORMAL (1) loses acknowledged rows in a power cut."""


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Make the file and its directory, private to this user, while no other process does the same.

    Raises:
        StartupRefusal: file or directory are open to others.
        OSError: they cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        _own_file(path)
        yield
    finally:
        os.close(handle)


def make_engine(path: Path, *, wait: float) -> Engine:
    """Return an engine whose every connection keeps what it acknowledges, or is refused."""
    engine = create_engine(
        f"sqlite:///{path}",
        # One transaction is written by several threads in turn, never by two at once.
        connect_args={"timeout": wait, "check_same_thread": False},
        pool_size=8,
        max_overflow=56,  # readers of one process; writers queue in the log before they take one
        pool_timeout=wait,
        pool_use_lifo=True,  # the connection used last still has the pages and statements of the last write
        hide_parameters=True,  # an error's text may reach a trace; parameters may hold people's questions
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


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


def _configure(dbapi_connection: Any, _record: object) -> None:
    # The driver must not begin transactions by itself: it would begin them DEFERRED, and late.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    found = {
        name: cursor.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    cursor.close()
    check_durable(found)


def _begin(connection: Connection) -> None:
    wait = connection.get_execution_options().get(WRITE_WAIT)
    settings = connection.connection.driver_connection
    assert settings is not None  # noqa: S101  # SQLAlchemy's type allows for a connection that was closed
    if wait is None:
        settings.execute("PRAGMA query_only=ON")
        settings.execute("BEGIN")
        return
    settings.execute("PRAGMA query_only=OFF")
    settings.execute(f"PRAGMA busy_timeout={int(wait * 1000)}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # the one that may fail, so its error is SQLAlchemy's
