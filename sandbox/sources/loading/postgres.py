"""From raw tables of a PostgreSQL database to a schema of their bounded copies beside them.

All of a registration is one transaction that sees one moment: fingerprints, copy, counts and grants
belong together, and either all of it is there afterwards or nothing. A copy is refused while the role
that answers questions could read a raw table itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from sandbox.policy.dataset import DatasetPolicy, TablePolicy, Use
from sandbox.sources.classes import classes_statement, counts_by_class, surveyed
from sandbox.sources.compile import ROW_NUMBER
from sandbox.sources.engines.postgres import driver_of, open_database
from sandbox.sources.loading.files import DIGEST_CHARS
from sandbox.sources.loading.protocol import Counted, Units, require_one_kind, unreadable
from sandbox.sources.profile import profile_statement, units_by_bin
from sandbox.sources.recipe import quoted
from sandbox.sources.recipe_postgres import (
    SEED_SETTING,
    copy_statement,
    fits,
    hashed,
    public_rows,
    reading,
    unit_kind,
    unit_value,
)
from sandbox.sources.recipe_public import doubled_statement, single_statement

OLDEST_SERVER = 140_000
"""The first whose numeric type knows infinity, which the recipe names."""
NAME_CHARS = 40
"""Of a dataset's name in its schema's, so that the whole fits into PostgreSQL's 63."""
_REGISTRATION = {
    "default_transaction_isolation": "repeatable read",
    "work_mem": "256MB",
    "maintenance_work_mem": "256MB",
    "jit": "off",
}
_KINDS = "rpm"
"""Tables, partitioned tables, materialized views: what a second look in one transaction finds the same."""
_COLUMNS = (
    b"SELECT a.attname, CASE WHEN t.typtype = 'e' THEN 'enum' ELSE format_type(t.oid, NULL) END "
    b"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    b"JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    b"JOIN pg_type t ON t.oid = a.atttypid "
    b"WHERE n.nspname = %s AND c.relname = %s AND c.relkind = ANY(string_to_array(%s, NULL))"
)
_READER_IS_HARMLESS = (
    b"SELECT NOT rolsuper AND NOT pg_has_role(oid, current_user, 'MEMBER') FROM pg_roles WHERE rolname = %s"
)


@contextmanager
def opened_tables(dataset: DatasetPolicy, *, key_file: Path, reader: str) -> Iterator[PostgresTables]:
    """Open the raw tables of ``dataset`` in one transaction, committed if the block ends well.

    Args:
        dataset: the policy.
        key_file: the registrar's way into the database.
        reader: role that may read the copy.

    Raises:
        NotAnswerable: the server is too old or not in UTF-8, or ``reader`` is not harmless.
    """
    database = open_database(key_file, settings=_REGISTRATION, connections=1)
    try:
        with database.connect() as connection, driver_of(connection).transaction():
            tables = PostgresTables(dataset, driver_of(connection), reader)
            tables.require_fit()
            yield tables
    finally:
        database.dispose()


@dataclass(frozen=True, slots=True)
class PostgresTables:
    """Raw tables as one transaction sees them."""

    dataset: DatasetPolicy
    driver: psycopg.Connection[tuple[Any, ...]]
    reader: str
    """Role that may read the copy."""

    def require_fit(self) -> None:
        """Make sure that the server understands the recipe and that the reader could not do without a copy.

        Raises:
            NotAnswerable: it does not, or the reader has a right on a raw table.
        """
        info = self.driver.info
        if info.server_version < OLDEST_SERVER or info.parameter_status("server_encoding") != "UTF8":
            raise unreadable()
        if self._one(_READER_IS_HARMLESS, self.reader) is not True:
            raise unreadable()
        for table in self.dataset.tables.values():
            asked = b"SELECT has_any_column_privilege(%s, %s, 'SELECT, INSERT, UPDATE, REFERENCES')"
            if self._one(asked, self.reader, _raw(table)) is not False:
                raise unreadable()

    def fingerprints(self) -> dict[str, str]:
        """Return, by table, two 64-bit hashes of each row, added up: the order of rows is nobody's."""
        return {name: self._fingerprint(table) for name, table in self.dataset.tables.items()}

    def location(self, digest: str) -> str:
        """Return the schema of the copy with this digest."""
        return f"pds_{self.dataset.name[:NAME_CHARS]}_{digest.removeprefix('sha256:')[:DIGEST_CHARS]}"

    def stands(self, location: str) -> bool:
        """Return whether every table of the copy is there."""
        asked = b"SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = ANY(%s)"
        return bool(self._one(asked, location, list(self.dataset.tables)) == len(self.dataset.tables))

    def copy(self, location: str, *, seed: bytes) -> dict[str, Units]:
        """Write the bounded copy; see :class:`~sandbox.sources.loading.protocol.Source`."""
        schema, reader = quoted(location), quoted(self.reader)
        self._set_seed(seed)
        private = self.dataset.private_tables.values()
        require_one_kind(unit_kind(self._types(table)[table.unit_column]) for table in private)
        self._do(f"DROP SCHEMA IF EXISTS {schema} CASCADE")  # of which somebody removed a table
        self._do(f"CREATE SCHEMA {schema}")
        for name, table in self.dataset.tables.items():
            self._write(location, name, table)
        counts = {name: self._units(table) for name, table in self.dataset.private_tables.items()}
        self._do(f"GRANT USAGE ON SCHEMA {schema} TO {reader}")
        self._do(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader}")
        return counts

    def _write(self, schema: str, name: str, table: TablePolicy) -> None:
        raw, types, made = _raw(table), self._types(table), f"{quoted(schema)}.{quoted(name)}"
        if table.public:
            rows = public_rows(table, reader=raw, types=types)
            if self._one(doubled_statement(rows).encode()) != 0:
                raise unreadable()
            self._do(f"CREATE TABLE {made} AS {single_statement(rows)}")
        else:
            self._do(copy_statement(schema, name, table, reader=raw, types=types))
            # In the order of row numbers, so that a narrower bound reads the first blocks only.
            self._do(f"CREATE INDEX ON {made} USING brin ({quoted(ROW_NUMBER)})")
        self._do(f"ANALYZE {made}")

    def count(self, *, seed: bytes) -> dict[str, Counted]:
        """Count for a survey; see :class:`~sandbox.sources.loading.protocol.Source`."""
        self._set_seed(seed)
        return {name: self._count(table) for name, table in self.dataset.private_tables.items()}

    def _count(self, table: TablePolicy) -> Counted:
        units, types = self._units(table), self._types(table)
        if not surveyed(table):
            return Counted(units, {})
        readings = {
            name: reading(quoted(name), column, types[name]) for name, column in surveyed(table).items()
        }
        unit = unit_value(quoted(table.unit_column), types[table.unit_column])
        statement = classes_statement(table, reader=_raw(table), unit=unit, readings=readings, hashed=hashed)
        return Counted(units, counts_by_class(table, self.driver.execute(statement.encode()).fetchall()))

    def _units(self, table: TablePolicy) -> Units:
        unit = unit_value(quoted(table.unit_column), self._types(table)[table.unit_column])
        statement = profile_statement(table, reader=_raw(table), unit=unit)
        return Units(units_by_bin(table, self.driver.execute(statement.encode()).fetchall()))

    def _set_seed(self, seed: bytes) -> None:
        self.driver.execute(b"SELECT set_config(%s, %s, true)", [SEED_SETTING, seed.hex()])

    def _types(self, table: TablePolicy) -> dict[str, str]:
        schema, name = table.source.split(".")
        types = dict(self.driver.execute(_COLUMNS, [schema, name, _KINDS]).fetchall())
        for column, policy in table.columns.items():
            if column not in types or not fits(policy, types[column]):
                raise unreadable()
        return types

    def _fingerprint(self, table: TablePolicy) -> str:
        listed = [name for name, policy in table.columns.items() if policy.use is not Use.HIDDEN]
        self._types(table)
        row = f"ROW({', '.join(map(quoted, sorted(listed)))})::text"
        hashes = ", ".join(f"sum(hashtextextended(line, {which}))" for which in (1, 2))
        found = self.driver.execute(
            f"SELECT count(*), {hashes} FROM (SELECT {row} AS line FROM {_raw(table)}) AS lines".encode()  # noqa: S608  # names are the policy's, quoted
        ).fetchone()
        return hashlib.sha256(repr([str(part) for part in found or ()]).encode()).hexdigest()

    def _do(self, statement: str) -> None:
        self.driver.execute(statement.encode())

    def _one(self, statement: bytes, *given: object) -> object:
        # With nothing given the driver must look for no %: a public value may hold one.
        found = self.driver.execute(statement, given or None).fetchone()
        return None if found is None else found[0]


def _raw(table: TablePolicy) -> str:
    return ".".join(map(quoted, table.source.split(".")))
