"""What all measurements of one run share: its sizes, its directory, and sandboxes made once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.data import lacking_bytes, write_register
from benchmarks.harness import say
from benchmarks.home import Registered, registered

KEPT: Final = 50
"""Rows a person that the copies for speed keep: 97 % of all rows of the generated register."""


class CannotMeasure(Exception):
    """The machine lacks what a measurement needs; the text says what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much one run measures."""

    large: int
    """Rows of the table whose speed is measured."""
    larger: int
    """Rows of a second one, for growth."""
    repetitions: int
    """Of each slow question; the median counts."""
    asks: int
    """Of each quick question; the median counts."""
    peer_rows: int
    """Rows asked side by side with the peer."""
    peer_repetitions: int
    """Answers behind each error."""
    postgresql: int
    """Rows of the table in PostgreSQL."""
    log_seconds: float
    """Of each turn of the log and of the plain loop beside it."""
    entries: int
    """Of the log that is searched."""
    searches: int
    """Rounds through the searches."""
    starts: int
    """Of notebooks of each kind; the median counts."""


FULL: Final = Sizes(
    large=10_000_000,
    larger=50_000_000,
    repetitions=15,
    asks=200,
    peer_rows=100_000,
    peer_repetitions=30,
    postgresql=1_000_000,
    log_seconds=1.0,
    entries=1_000_000,
    searches=10,
    starts=9,
)
QUICK: Final = Sizes(
    large=500_000,
    larger=1_000_000,
    repetitions=5,
    asks=50,
    peer_rows=20_000,
    peer_repetitions=5,
    postgresql=100_000,
    log_seconds=0.5,
    entries=100_000,
    searches=5,
    starts=3,
)
TINY: Final = Sizes(
    large=2_000,
    larger=4_000,
    repetitions=1,
    asks=3,
    peer_rows=2_000,
    peer_repetitions=1,
    postgresql=2_000,
    log_seconds=0.05,
    entries=3_000,
    searches=1,
    starts=1,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """One run."""

    sizes: Sizes
    data: Path
    """Where generated data is written, or found from a run before."""
    work: Path
    """For everything else; on the same file system; removed when the run ends."""
    _made: dict[int, Registered] = field(default_factory=dict)
    _sources: set[Path] = field(default_factory=set)

    def source(self, rows: int) -> Path:
        """Return the raw Parquet file with so many rows.

        Raises:
            CannotMeasure: the disk is too full for what a measurement over it would need.
        """
        path = self.data / f"register-{rows}.parquet"
        if path in self._sources:
            return path
        missing = lacking_bytes(self.data, rows)
        if missing:
            raise CannotMeasure(f"{rows:,} rows need {missing / 2**30:.1f} GiB more free disk in {self.data}")
        say(f"data: {rows:,} rows")
        self._sources.add(write_register(path, rows))
        return path

    def registered(self, rows: int) -> Registered:
        """Return a sandbox with one table ``visits`` of so many raw rows; made once in a run."""
        if rows not in self._made:
            self._made[rows] = self.registered_as(rows, {"visits": KEPT})
        return self._made[rows]

    def registered_as(self, rows: int, bounds: Mapping[str, int]) -> Registered:
        """Return a new sandbox whose tables keep so many rows a person of the same raw rows."""
        source = self.source(rows)
        say(f"registering {rows:,} rows as {', '.join(bounds)}")
        return registered(
            self.work / f"home-{rows}-{len(bounds)}",
            source=source.name,
            bounds=bounds,
            place=lambda settings: os.link(source, settings.raw / source.name),
        )
