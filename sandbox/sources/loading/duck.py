"""From files to a DuckDB file: Parquet or CSV read as the policy says, nothing guessed from rows."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from sandbox.policy.dataset import TablePolicy
from sandbox.sources.classes import classes_statement, counts_by_class, surveyed
from sandbox.sources.engines.duck import open_new
from sandbox.sources.loading.files import Files
from sandbox.sources.loading.protocol import Counted, Units, require_one_kind, unreadable
from sandbox.sources.profile import profile_statement, units_by_bin
from sandbox.sources.recipe import (
    copy_statement,
    public_rows,
    quoted,
    reading,
    text,
    unit_kind,
    unit_value,
)
from sandbox.sources.recipe_public import doubled_statement, single_statement


class DuckFiles(Files):
    """Source files whose copy is one DuckDB file."""

    __slots__ = ()

    def copy(self, location: str, *, seed: bytes) -> dict[str, Units]:
        """Write the bounded copy; see :class:`~sandbox.sources.loading.protocol.Source`."""
        with self.written(location) as made:
            return self._build(made, seed)

    def count(self, *, seed: bytes) -> dict[str, Counted]:
        """Count for a survey; see :class:`~sandbox.sources.loading.protocol.Source`."""
        counted: dict[str, Counted] = {}
        sources = sorted({self.source(name) for name in self.dataset.tables})
        with (
            TemporaryDirectory(dir=self.target, prefix=".survey-") as directory,
            open_new(
                Path(directory) / "survey", readable=sources, spill=Path(directory) / "spill"
            ) as connection,
        ):
            for name, table in self.dataset.private_tables.items():
                reader = _reader(self.source(name))
                unit = unit_value(
                    quoted(table.unit_column), _types(connection, table, reader)[table.unit_column]
                )
                counted[name] = _count(connection, table, reader=reader, unit=unit, seed=seed)
        return counted

    def _build(self, made: Path, seed: bytes) -> dict[str, Units]:
        sources = sorted({self.source(name) for name in self.dataset.tables})
        counts: dict[str, Units] = {}
        with open_new(made, readable=sources, spill=made.parent / "spill") as connection:
            require_one_kind(
                unit_kind(_types(connection, table, _reader(self.source(name)))[table.unit_column])
                for name, table in self.dataset.private_tables.items()
            )
            for name, table in self.dataset.tables.items():
                reader = _reader(self.source(name))
                if table.public:
                    _copy_public(connection, name, table, reader)
                else:
                    counts[name] = _copy_private(connection, name, table, reader, seed)
            connection.execute("CHECKPOINT")
        return counts


def _copy_private(
    connection: duckdb.DuckDBPyConnection, name: str, table: TablePolicy, reader: str, seed: bytes
) -> Units:
    unit_type = _types(connection, table, reader)[table.unit_column]
    connection.execute(copy_statement(name, table, reader=reader, unit_type=unit_type), [seed.hex()])
    profile = profile_statement(table, reader=reader, unit=unit_value(quoted(table.unit_column), unit_type))
    return Units(units_by_bin(table, connection.execute(profile).fetchall()))


def _copy_public(connection: duckdb.DuckDBPyConnection, name: str, table: TablePolicy, reader: str) -> None:
    _types(connection, table, reader)
    rows = public_rows(table, reader=reader)
    if connection.execute(doubled_statement(rows)).fetchone() != (0,):
        raise unreadable()
    connection.execute(f"CREATE TABLE {quoted(name)} AS {single_statement(rows)}")


def _count(
    connection: duckdb.DuckDBPyConnection, table: TablePolicy, *, reader: str, unit: str, seed: bytes
) -> Counted:
    """Count what a survey says of one table; the one ``?`` of the second statement stands for the seed."""
    profile = connection.execute(profile_statement(table, reader=reader, unit=unit)).fetchall()
    if not surveyed(table):
        return Counted(Units(units_by_bin(table, profile)), {})
    readings = {name: reading(quoted(name), column) for name, column in surveyed(table).items()}
    statement = classes_statement(
        table,
        reader=reader,
        unit=unit,
        readings=readings,
        hashed=lambda columns: f"hash({', '.join(columns)}, ?)",
    )
    classes = connection.execute(statement, [seed.hex()]).fetchall()
    return Counted(Units(units_by_bin(table, profile)), counts_by_class(table, classes))


def _types(connection: duckdb.DuckDBPyConnection, table: TablePolicy, reader: str) -> dict[str, str]:
    described = connection.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()  # noqa: S608  # our own reader
    types = {str(row[0]).lower(): str(row[1]) for row in described}
    if not types.keys() >= table.columns.keys():
        raise unreadable()
    return types


def _reader(path: Path) -> str:
    """Return the table function over ``path``."""
    if path.suffix == ".parquet":
        return f"read_parquet({text(str(path))})"
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = next(csv.reader(file), [])
    columns = ", ".join(f"{text(name)}: 'VARCHAR'" for name in header)
    return (
        f"read_csv({text(str(path))}, auto_detect = false, header = true, delim = ',', quote = '\"', "
        f"escape = '\"', nullstr = '', columns = {{{columns}}})"
    )
