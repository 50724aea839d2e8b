"""From files to a DuckDB file: Parquet or CSV read as the policy says, nothing guessed from rows."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb

from sandbox.policy.dataset import TablePolicy
from sandbox.sources.engines.duck import open_new
from sandbox.sources.loading.files import Files
from sandbox.sources.loading.protocol import Units, unreadable
from sandbox.sources.recipe import copy_statement, profile_statement, quoted, text, unit_value


class DuckFiles(Files):
    """Source files whose copy is one DuckDB file."""

    __slots__ = ()

    def copy(self, location: str, *, seed: bytes) -> dict[str, Units]:
        """Write the bounded copy; see :class:`~sandbox.sources.loading.protocol.Source`."""
        with self.written(location) as made:
            return self._build(made, seed)

    def _build(self, made: Path, seed: bytes) -> dict[str, Units]:
        sources = sorted({self.source(name) for name in self.dataset.tables})
        counts: dict[str, Units] = {}
        with open_new(made, readable=sources, spill=made.parent / "spill") as connection:
            for name, table in self.dataset.tables.items():
                reader = _reader(self.source(name))
                unit_type = _unit_type(connection, table, reader)
                copy = copy_statement(name, table, reader=reader, unit_type=unit_type)
                connection.execute(copy, [seed.hex()])
                unit = unit_value(quoted(table.unit_column), unit_type)
                profile = profile_statement(table, reader=reader, unit=unit)
                counts[name] = Units(*(connection.execute(profile).fetchone() or (0, 0)))
            connection.execute("CHECKPOINT")
        return counts


def _unit_type(connection: duckdb.DuckDBPyConnection, table: TablePolicy, reader: str) -> str:
    described = connection.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()  # noqa: S608  # our own reader
    types = {str(row[0]).lower(): str(row[1]) for row in described}
    if not types.keys() >= table.columns.keys():
        raise unreadable()
    return types[table.unit_column]


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
