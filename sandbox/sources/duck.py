"""DuckDB, locked down: which settings hold on every connection, and in which order they are set.

The order matters: what may be read is fixed before access is closed, and the configuration is locked
last, so that no statement can open anything again. Nothing is loaded or installed while running, and
memory, spill and threads have fixed limits, because a limit that follows the machine's state would be
one more thing an answer's failure could tell about.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

THREADS = 2
"""Of one question; small, so that several questions share a machine."""
MEMORY = "2GB"
"""Of one connection."""
SPILL = "20GB"
"""Of one registration, in its own directory; a question never spills."""
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
    "allow_persistent_secrets": False,
    "memory_limit": MEMORY,
    "threads": THREADS,
}


def open_copy(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a bounded copy for one question: read-only, no other file, no spill."""
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
