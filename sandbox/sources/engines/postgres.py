"""PostgreSQL: a role that may read bounded copies and nothing else asks one question a transaction.

What keeps a question inside is the role's rights: the registrar grants it SELECT on the schemas of
copies, and refuses to make a copy while the role has any right on the raw tables. On top of that each
transaction is read-only, sees one schema, and has fixed limits of time, memory and spill.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
import sqlalchemy as sa

from sandbox.errors import StartupRefusal
from sandbox.sources.engines.protocol import Row, Value
from sandbox.sources.terms import Dialect

CONNECTIONS = 16
"""Questions one process asks at once; as many as the gateway has workers."""
SPILL = "1GB"
"""Of one question; set where the role has been granted to set it, else by the administrator."""
PINNED: Mapping[str, str] = {
    "search_path": "pg_catalog",
    "standard_conforming_strings": "on",
    "DateStyle": "ISO",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "lock_timeout": "5s",
    "client_connection_check_interval": "5s",
}
"""Settings of every connection: what a text means must not depend on the server's configuration."""
_QUESTIONS = {
    "default_transaction_read_only": "on",
    "work_mem": "64MB",
    "hash_mem_multiplier": "1",
    "max_parallel_workers_per_gather": "2",
    "jit": "off",
    "idle_in_transaction_session_timeout": "60s",
}
_BEGIN = (
    b"SELECT set_config('transaction_read_only', 'on', true), "
    b"set_config('search_path', %s, true), set_config('statement_timeout', %s, true)"
)
_LIMIT_SPILL = (
    b"SELECT set_config('temp_file_limit', %s, false) "
    b"WHERE has_parameter_privilege(current_user, 'temp_file_limit', 'SET')"
)
_HAS_PARAMETER_PRIVILEGES = 150_000


def read_key(path: Path) -> sa.URL:
    """Read a key file with one line, ``postgresql://role:password@host:port/database``.

    Raises:
        StartupRefusal: it is missing, others can read it, or it holds something else.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StartupRefusal(f"{path} can be read by others; set its mode to 0600.")
        url = sa.make_url(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError, sa.exc.ArgumentError):
        raise StartupRefusal(f"{path} must hold postgresql://role:password@host:port/database.") from None
    if url.drivername != "postgresql":
        raise StartupRefusal(f"{path} must hold postgresql://role:password@host:port/database.")
    return url.set(drivername="postgresql+psycopg")


def open_database(key_file: Path, *, settings: Mapping[str, str], connections: int) -> sa.Engine:
    """Return a pool of connections under the role of ``key_file``, made when they are needed.

    Raises:
        StartupRefusal: the key file is not fit.
    """
    pinned = {**PINNED, **settings}
    options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in pinned.items())
    return sa.create_engine(
        read_key(key_file),
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "options": options,
            "connect_timeout": 10,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )


def driver_of(connection: sa.Connection) -> psycopg.Connection[tuple[Any, ...]]:
    """Return the driver's own connection, which sends a statement as it stands, marks and all."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("psycopg is the only driver here")
    return driver


class PostgresEngine:
    """Answers from schemas of one PostgreSQL database."""

    dialect = Dialect.POSTGRES

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._lock = Lock()
        self._pool: sa.Engine | None = None

    def prepare(self) -> None:
        """Read the key file.

        Raises:
            StartupRefusal: it is not fit.
        """
        self._database()

    def run(self, location: str, sql: str, *, deadline: float) -> list[Row]:
        """Return all rows of one statement; see :class:`~sandbox.sources.engines.protocol.Engine`."""
        path = f'pg_catalog, "{location}", pg_temp'  # named last, or its tables would come first
        timeout = str(max(1, int(deadline * 1000)))  # 0 would mean none
        with self._database().connect() as connection:
            driver = driver_of(connection)
            driver.execute(_BEGIN, [path, timeout])
            found = driver.execute(sql.encode(), binary=True)  # the protocol that carries one statement only
            return [tuple(map(_plain, row)) for row in found]

    def close(self) -> None:
        """Close the connections that no question is using."""
        with self._lock:
            if self._pool is not None:
                self._pool.dispose()
                self._pool = None

    def _database(self) -> sa.Engine:
        with self._lock:
            if self._pool is None:
                self._pool = open_database(self._key_file, settings=_QUESTIONS, connections=CONNECTIONS)
                sa.event.listen(self._pool, "connect", _limit_spill)
            return self._pool


def _limit_spill(driver: psycopg.Connection[tuple[Any, ...]], _: object) -> None:
    if driver.info.server_version >= _HAS_PARAMETER_PRIVILEGES:
        driver.execute(_LIMIT_SPILL, [SPILL])
        driver.commit()


def _plain(value: object) -> Value:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)  # sums of 64-bit numbers are numeric
    if value is None or isinstance(value, Value):
        return value
    raise TypeError("a value of a type that no answer has")
