"""The same rows on every engine: written as its raw tables, registered for real, ready to be asked.

``bench`` is a fixture that runs its test once per engine. A test that compares engines asks for
``benches``, all of them at once.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest
from postgres_server import REGISTRAR, Server, programs, running
from questions import SEED, exact, write_rows

from sandbox.policy.dataset import ColumnType, DatasetPolicy, EngineKind, TablePolicy, Use
from sandbox.privacy.cells import ExactCells
from sandbox.privacy.plan import Plan
from sandbox.sources.engine import Engines
from sandbox.sources.engines.postgres import PostgresEngine
from sandbox.sources.engines.protocol import Row
from sandbox.sources.engines.spark import SparkEngine
from sandbox.sources.register import Places, register
from sandbox.sources.snapshot import Snapshot, shape_of

Rows = Sequence[Mapping[str, Any]]
_NUMBERS = itertools.count(1)
_ARROW = {
    None: pa.string(),
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.float64(),
    ColumnType.DECIMAL: pa.float64(),
    ColumnType.DATE: pa.date32(),
    ColumnType.BOOLEAN: pa.bool_(),
}
_POSTGRES = {
    pa.string(): "text",
    pa.float64(): "double precision",
    pa.int64(): "bigint",
    pa.date32(): "date",
    pa.bool_(): "boolean",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """One engine: where its raw tables and copies are, and what asks them."""

    kind: EngineKind
    engines: Engines
    places: Places
    server: Server | None = None
    schema: str = ""
    """Of the raw tables, with PostgreSQL."""

    def policy(self, dataset: DatasetPolicy) -> DatasetPolicy:
        """Return ``dataset`` as it is described on this engine; questions are planned under it."""
        tables = {
            name: table.model_copy(update={"source": self._source(name)})
            for name, table in dataset.tables.items()
        }
        written = dataset.model_copy(update={"engine": self.kind, "tables": tables})
        return DatasetPolicy.model_validate(written.model_dump(exclude_unset=True))

    def load(
        self, dataset: DatasetPolicy, tables: Mapping[str, Rows], *, known: Snapshot | None = None
    ) -> Snapshot:
        """Write the rows of each table as raw tables and register what :meth:`policy` returns."""
        policy = self.policy(dataset)
        for name, rows in tables.items():
            self._write(name, rows, schema_of(policy.tables[name], rows))
        return register(policy, places=self.places, seed=SEED, policy_digest=shape_of(policy), known=known)

    def exact(self, plan: Plan, snapshot: Snapshot, *, deadline: float = 60) -> ExactCells:
        """Return the exact cells of ``plan``, as if it had been charged."""
        return exact(plan, snapshot, engines=self.engines, deadline=deadline)

    def close(self) -> None:
        """Give back what is open; Spark goes on, since starting it takes long."""
        replace(self.engines, spark=None).close()

    def rows(self, snapshot: Snapshot, statement: str) -> list[Row]:
        """Return what one statement finds in a copy, asked the way the product asks."""
        return self.engines.of(self.kind).run(snapshot.location, statement, deadline=60)

    def _source(self, table: str) -> str:
        return f"{self.schema}.{table}" if self.kind is EngineKind.POSTGRESQL else f"{table}.parquet"

    def _write(self, table: str, rows: Rows, schema: pa.Schema) -> None:
        if self.server is None:
            write_rows(self.places.raw / self._source(table), [dict(row) for row in rows], schema)
            return
        columns = ", ".join(f'"{field.name}" {_POSTGRES[field.type]}' for field in schema)
        names = ", ".join(f'"{name}"' for name in schema.names)
        with self.server.connect() as connection:
            connection.execute(f"DROP TABLE IF EXISTS {self._source(table)}".encode())
            connection.execute(f"CREATE TABLE {self._source(table)} ({columns})".encode())
            connection.execute(f"GRANT SELECT ON {self._source(table)} TO {REGISTRAR}".encode())
            with connection.cursor().copy(
                f"COPY {self._source(table)} ({names}) FROM STDIN".encode()
            ) as copy:
                for row in rows:
                    copy.write_row([row.get(name) for name in schema.names])


def schema_of(table: TablePolicy, rows: Rows) -> pa.Schema:
    """Return the types of the columns, from the rows or, where these hold nothing, from the policy."""
    fields = []
    for name, column in table.columns.items():
        found = pa.array([row.get(name) for row in rows]).type
        if found == pa.null() or column.use is Use.MEASURE:
            found = _ARROW[column.type]
        fields.append(pa.field(name, found))
    return pa.schema(fields)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for the whole run."""
    found = programs()
    if found is None:
        _missing("PostgreSQL is not installed (Debian package postgresql)")
    else:
        with running(found) as server:
            yield server


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkEngine]:
    """Spark for the whole run; it starts at the first question or registration."""
    if find_spec("pyspark") is None or shutil.which("java") is None:
        _missing("Spark is not installed (the extra 'spark', and Java 17)")
    engine = SparkEngine("local[2]")
    yield engine
    engine.close()


def postgres_bench(server: Server, directory: Path) -> Bench:
    """Return a bench with a raw schema of its own."""
    schema = f"raw_{next(_NUMBERS)}"
    with server.connect() as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {REGISTRAR}".encode())
    return Bench(
        kind=EngineKind.POSTGRESQL,
        engines=Engines(postgresql=PostgresEngine(server.gateway)),
        places=Places(raw=directory, target=directory, postgresql=server.registrar),
        server=server,
        schema=schema,
    )


def duck_bench(directory: Path) -> Bench:
    """Return a bench of files under ``directory``."""
    return Bench(kind=EngineKind.DUCKDB, engines=Engines(), places=_places(directory))


def spark_bench(engine: SparkEngine, directory: Path) -> Bench:
    """Return a bench of files under ``directory``, read by Spark."""
    return Bench(kind=EngineKind.SPARK, engines=Engines(spark=engine), places=_places(directory))


def _places(directory: Path) -> Places:
    places = Places(raw=directory / "raw", target=directory / "bounded")
    for path in (places.raw, places.target):
        path.mkdir(parents=True)
    return places


def make_bench(kind: EngineKind, request: pytest.FixtureRequest, directory: Path) -> Bench:
    """Return a bench of one kind; starts what it needs."""
    match kind:
        case EngineKind.DUCKDB:
            return duck_bench(directory / "duckdb")
        case EngineKind.POSTGRESQL:
            return postgres_bench(request.getfixturevalue("postgres"), directory)
        case EngineKind.SPARK:
            return spark_bench(request.getfixturevalue("spark"), directory / "spark")


KINDS = [
    EngineKind.DUCKDB,
    EngineKind.POSTGRESQL,
    pytest.param(EngineKind.SPARK, marks=pytest.mark.spark),
]
"""Every engine; tests of single cases on Spark take minutes and have a target of their own."""


@pytest.fixture(params=KINDS, ids=str)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """One engine after the other."""
    made = make_bench(request.param, request, tmp_path)
    yield made
    made.close()


@pytest.fixture
def benches(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Bench]]:
    """All engines at once."""
    made = [make_bench(kind, request, tmp_path) for kind in EngineKind]
    yield made
    for one in made:
        one.close()


def _missing(what: str) -> None:
    """Skip, or fail where everything must be there."""
    if os.environ.get("SANDBOX_TEST_COMPLETE"):
        pytest.fail(what)
    pytest.skip(what)
