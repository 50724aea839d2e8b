"""DuckDB, locked down: which settings hold on every connection, and in which order they are set.

The order matters: what may be read is fixed before access is closed, and the configuration is locked
last, so that no statement can open anything again. Nothing is loaded or installed while running, and
memory, spill and threads have fixed limits.

Opening a copy takes far longer than a small question, so :class:`DuckEngine` keeps the last few open.
A lock belongs to the opened database, so each question's own connection to it is born locked.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import duckdb

from sandbox.sources.engines.protocol import Row
from sandbox.sources.engines.watchdog import Watchdog
from sandbox.sources.terms import Dialect

THREADS = 2
"""Of one opened copy, whose questions share them."""
MEMORY = "2GB"
"""Of one opened copy or one registration."""
SPILL = "20GB"
"""Of one registration, in its own directory; a question never spills."""
KEPT_OPEN = 4
"""Copies one process keeps open; the one asked longest ago is closed for the next."""
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
    "allow_persistent_secrets": False,
    "memory_limit": MEMORY,
    "threads": THREADS,
}
_DEADLINES = Watchdog()
_FileState = tuple[int, int, int, int]


def open_copy(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a bounded copy for questions: read-only, no other file, no spill."""
    connection = duckdb.connect(str(path), read_only=True, config=_CLOSED)
    return _lock(connection, spill="", spill_limit="0KiB", readable=())


def open_new(path: Path, *, readable: Sequence[Path], spill: Path) -> duckdb.DuckDBPyConnection:
    """Open a new database for one registration, which reads ``readable`` and spills under ``spill``."""
    connection = duckdb.connect(str(path), config=_CLOSED)
    return _lock(connection, spill=str(spill), spill_limit=SPILL, readable=readable)


def _lock(
    connection: duckdb.DuckDBPyConnection, *, spill: str, spill_limit: str, readable: Sequence[Path]
) -> duckdb.DuckDBPyConnection:
    try:
        connection.execute("SET temp_directory = ?", [spill])
        connection.execute("SET max_temp_directory_size = ?", [spill_limit])
        connection.execute("SET allowed_paths = ?", [[str(path) for path in readable]])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error:
        connection.close()
        raise
    return connection


@dataclass(slots=True)
class _Copy:
    connection: duckdb.DuckDBPyConnection
    state: _FileState
    """Of the file when it was opened; another one means that the copy was replaced."""
    running: int = 0
    """Questions on it now. A copy is closed between questions only: one process gets one database a
    file, so opening it again beside a running question would give the old one, locked already."""


class DuckEngine:
    """Answers from DuckDB files, keeping the last few of them open."""

    dialect = Dialect.DUCKDB

    def __init__(self, *, keep: int = KEPT_OPEN) -> None:
        self._keep = keep
        self._process = os.getpid()
        self._lock = Lock()
        self._copies: OrderedDict[Path, _Copy] = OrderedDict()

    def prepare(self) -> None:
        """Nothing: a copy is opened by its first question in some 30 ms."""

    def run(self, location: str, sql: str, *, deadline: float) -> list[Row]:
        """Return all rows of one statement; see :class:`~sandbox.sources.engines.protocol.Engine`."""
        with (
            self._connection(Path(location)) as connection,
            _DEADLINES.watch(connection.interrupt, after=deadline),
        ):
            return connection.execute(sql).fetchall()

    def close(self) -> None:
        """Close every copy; a question that is running ends first, on its own connection."""
        with self._lock:
            while self._copies:
                self._copies.popitem()[1].connection.close()

    @contextmanager
    def _connection(self, path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give one question a connection of its own to the copy at ``path``."""
        if self._process != os.getpid():  # DuckDB's threads and locks do not survive a fork
            raise RuntimeError("an engine belongs to the process that made it")
        with self._lock:
            copy = self._copy(path)
            connection = copy.connection.cursor()
            copy.running += 1
            self._drop_the_oldest()
        try:
            yield connection
        finally:
            connection.close()
            with self._lock:
                copy.running -= 1
                self._drop_the_oldest()

    def _copy(self, path: Path) -> _Copy:
        known = self._copies.get(path)
        try:
            state = _state(path)
        except OSError:
            self._drop(path)
            raise
        if known is not None and known.state != state:
            self._drop(path)
        if path not in self._copies:
            self._copies[path] = _Copy(open_copy(path), state)
        self._copies.move_to_end(path)
        return self._copies[path]

    def _drop_the_oldest(self) -> None:
        for path in [path for path, copy in self._copies.items() if not copy.running]:
            if len(self._copies) > self._keep:
                self._drop(path)

    def _drop(self, path: Path) -> None:
        copy = self._copies.get(path)
        if copy is None:
            return
        if copy.running:
            raise RuntimeError("the copy was replaced while a question runs on it")
        del self._copies[path]
        copy.connection.close()


def _state(path: Path) -> _FileState:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
