"""The real engines with the tables of :mod:`typed_questions` in them, each on this machine only."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from postgres_server import programs, running
from typed_questions import COLUMNS, tables

from sandbox.privacy.scan import Scan
from sandbox.sources.compile import Dialect, compile_scan
from sandbox.sources.engines.spark import session_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """An engine with the tables in it, and ``dates``: every day of the years 1 to 9999."""

    dialect: Dialect
    run: Callable[[str], list[tuple[Any, ...]]]

    def result(self, scan: Scan) -> list[tuple[Any, ...]]:
        """Compile and run a scan."""
        return self.run(compile_scan(scan, self.dialect))


@contextmanager
def opened(dialect: Dialect) -> Iterator[Engine]:
    """Start an engine and fill it; skips the test where it is not installed."""
    opener = {Dialect.DUCKDB: _duckdb, Dialect.POSTGRES: _postgres, Dialect.SPARK: _spark}[dialect]
    with opener() as run:
        yield Engine(dialect=dialect, run=run)


def _schema(name: str, **types: str) -> str:
    columns = {column: kind for column, (kind, _) in COLUMNS[name].items()}
    columns |= {} if name == "places" else {"_rn": "INTEGER"}
    return ", ".join(f"{column} {types.get(kind, kind)}" for column, kind in columns.items())


def _statements(mark: str) -> Iterator[tuple[str, str, list[list[Any]]]]:
    for name, rows in tables().items():
        marks = ", ".join(mark for _ in rows[0])
        insert = f"INSERT INTO {name} VALUES ({marks})"  # noqa: S608  # the test's own names
        yield f"CREATE TABLE {name} ({_schema(name)})", insert, [list(row.values()) for row in rows]


@contextmanager
def _duckdb() -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    with duckdb.connect() as connection:
        for create, insert, rows in _statements("?"):
            connection.execute(create)
            connection.executemany(insert, rows)
        connection.execute(
            "CREATE TABLE dates AS SELECT DATE '0001-01-01' + CAST(n AS INTEGER) AS d, 1 AS _rn "
            "FROM range(3652059) AS r(n)"
        )
        yield lambda sql: connection.execute(sql).fetchall()


@contextmanager
def _postgres() -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    found = programs()
    if found is None:
        pytest.skip("needs PostgreSQL")
    with running(found) as server, server.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'")
        for create, insert, rows in _statements("%s"):
            connection.execute(create.encode())
            connection.cursor().executemany(insert.encode(), rows)
        connection.execute(
            "CREATE TABLE dates AS SELECT DATE '0001-01-01' + n AS d, 1 AS _rn "
            "FROM generate_series(0, 3652058) AS r(n)"
        )
        yield lambda sql: connection.execute(sql.encode()).fetchall()


@contextmanager
def _spark() -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    if find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("needs the extra 'spark', and Java 17")
    # Other tests share the process's Spark, so it is neither set up nor stopped here.
    session = session_of("local[2]").newSession()
    session.conf.set("spark.sql.ansi.enabled", "false")  # what overflows would come out as another number
    session.conf.set("spark.sql.session.timeZone", "America/New_York")
    session.conf.set("spark.sql.shuffle.partitions", "1")
    with TemporaryDirectory(prefix="spark", ignore_cleanup_errors=True) as directory:
        for name, rows in tables().items():
            schema = _schema(name, TEXT="STRING")
            frame = session.createDataFrame([tuple(row.values()) for row in rows], schema)
            frame.coalesce(1).write.parquet(f"{directory}/{name}")
            session.read.parquet(f"{directory}/{name}").createOrReplaceTempView(name)
        session.sql(
            "SELECT date_add(DATE '0001-01-01', CAST(id AS INT)) AS d, 1 AS _rn FROM range(3652059)"
        ).createOrReplaceTempView("dates")
        yield lambda sql: [tuple(row) for row in session.sql(sql).collect()]
