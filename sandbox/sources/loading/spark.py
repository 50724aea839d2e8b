"""From files or directories of files to a directory of Parquet, by Spark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sandbox.policy.dataset import TablePolicy
from sandbox.sources.engines.spark import session_of
from sandbox.sources.loading.files import Files
from sandbox.sources.loading.protocol import Units, unreadable
from sandbox.sources.profile import profile_statement, units_by_bin
from sandbox.sources.recipe_spark import copy_statement, fits_unit, quoted, unit_value

WRITTEN = "_SUCCESS"
"""File that Spark leaves in a directory it has written to the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SparkFiles(Files):
    """Source files whose copy is a directory with one directory of Parquet for each table."""

    master: str
    """Where Spark runs: ``local[2]``, or a cluster that shares the directories."""

    def stands(self, location: str) -> bool:
        """Return whether every table was written to the end."""
        return all((Path(location) / name / WRITTEN).exists() for name in self.dataset.tables)

    def copy(self, location: str, *, seed: bytes) -> dict[str, Units]:
        """Write the bounded copy; see :class:`~sandbox.sources.loading.protocol.Source`."""
        with self.written(location) as made:
            session = session_of(self.master).newSession()
            tables = self.dataset.tables.items()
            return {name: self._table(session, made / name, table, seed) for name, table in tables}

    def _table(self, session: Any, made: Path, table: TablePolicy, seed: bytes) -> Units:
        raw, reader = _read(session, self.raw.resolve() / table.source), f"raw_{uuid4().hex}"
        raw.createOrReplaceTempView(reader)
        types = {name.lower(): str(kind) for name, kind in raw.dtypes}
        unit = table.unit_column
        if not types.keys() >= table.columns.keys() or not fits_unit(types[unit]):
            raise unreadable()
        copy = copy_statement(table, reader=reader, types=types)
        session.sql(copy, args={"seed": seed.hex()}).write.parquet(str(made))
        profile = profile_statement(table, reader=reader, unit=unit_value(quoted(unit), types[unit]))
        return Units(units_by_bin(table, session.sql(profile).collect()))


def _read(session: Any, source: Path) -> Any:
    if source.suffix == ".parquet":
        return session.read.parquet(str(source))
    return session.read.csv(
        str(source), header=True, mode="FAILFAST", multiLine=True, quote='"', escape='"', nullValue=""
    )
