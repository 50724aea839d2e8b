"""From files or directories of files to a directory of Parquet, by Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sandbox.policy.dataset import TablePolicy
from sandbox.sources.classes import classes_statement, counts_by_class, surveyed
from sandbox.sources.engines.spark import session_of
from sandbox.sources.loading.files import Files
from sandbox.sources.loading.protocol import Counted, Units, require_one_kind, unreadable
from sandbox.sources.profile import profile_statement, units_by_bin
from sandbox.sources.recipe_public import doubled_statement, single_statement
from sandbox.sources.recipe_spark import (
    copy_statement,
    fits_unit,
    hashed,
    public_rows,
    quoted,
    reading,
    unit_kind,
    unit_value,
)

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
        session = session_of(self.master).newSession()
        with self.written(location) as made:
            tables = {name: self._opened(session, table) for name, table in self.dataset.tables.items()}
            require_one_kind(raw.unit_kind for raw in tables.values() if not raw.table.public)
            counts: dict[str, Units] = {}
            for name, raw in tables.items():
                if raw.table.public:
                    raw.copy_public(made / name)
                else:
                    raw.copy_private(made / name, seed)
                    counts[name] = raw.units()
        return counts

    def count(self, *, seed: bytes) -> dict[str, Counted]:
        """Count for a survey; see :class:`~sandbox.sources.loading.protocol.Source`."""
        session = session_of(self.master).newSession()
        tables = self.dataset.private_tables.items()
        return {name: self._opened(session, table).counted(seed) for name, table in tables}

    def _opened(self, session: Any, table: TablePolicy) -> _RawTable:
        raw, view = _read(session, self.raw.resolve() / table.source), f"raw_{uuid4().hex}"
        raw.createOrReplaceTempView(view)
        types = {name.lower(): str(kind) for name, kind in raw.dtypes}
        if not types.keys() >= table.columns.keys():
            raise unreadable()
        if not table.public and not fits_unit(types[table.unit_column]):
            raise unreadable()
        return _RawTable(session, table, view, types)


@dataclass(frozen=True, slots=True)
class _RawTable:
    session: Any
    table: TablePolicy
    view: str
    types: Mapping[str, str]

    @property
    def unit(self) -> str:
        return unit_value(quoted(self.table.unit_column), self.types[self.table.unit_column])

    @property
    def unit_kind(self) -> str:
        return unit_kind(self.types[self.table.unit_column])

    def copy_private(self, made: Path, seed: bytes) -> None:
        copy = copy_statement(self.table, reader=self.view, types=self.types)
        self.session.sql(copy, args={"seed": seed.hex()}).write.parquet(str(made))

    def copy_public(self, made: Path) -> None:
        rows = public_rows(self.table, reader=self.view)
        if self.session.sql(doubled_statement(rows)).first()[0] != 0:
            raise unreadable()
        self.session.sql(single_statement(rows)).write.parquet(str(made))

    def units(self) -> Units:
        statement = profile_statement(self.table, reader=self.view, unit=self.unit)
        return Units(units_by_bin(self.table, self.session.sql(statement).collect()))

    def counted(self, seed: bytes) -> Counted:
        columns = surveyed(self.table)
        if not columns:
            return Counted(self.units(), {})
        readings = {name: reading(quoted(name), column) for name, column in columns.items()}
        statement = classes_statement(
            self.table, reader=self.view, unit=self.unit, readings=readings, hashed=hashed
        )
        found = self.session.sql(statement, args={"seed": seed.hex()}).collect()
        return Counted(self.units(), counts_by_class(self.table, found))


def _read(session: Any, source: Path) -> Any:
    if source.suffix == ".parquet":
        return session.read.parquet(str(source))
    return session.read.csv(
        str(source), header=True, mode="FAILFAST", multiLine=True, quote='"', escape='"', nullValue=""
    )
