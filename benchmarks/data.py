"""A generated register for measurements: nobody in it exists, and the same size always has the same rows.

Rows a person are skewed as in real registers. A row belongs to person ``floor(persons * u^2)`` for a
uniform ``u``, so the person at quantile q of activity has rows in proportion to ``1 / sqrt(q)``: with
5.2 rows a person on average, most have 3 or 4 and a few have hundreds. What a row costs does not hang
on whose it is. Every draw is a hash of the row's number, so that the order of rows tells nothing of
persons and threads change nothing.

The bounds on rows a person are chosen from this law alone, as a steward does who knows the field:
never from the rows. With m rows a person on average, of N rows ``N m / (4 K)`` lie beyond K.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Final

import duckdb

PERSONS_A_ROW: Final = 0.194
"""Persons drawn from, for each row; about 96.5 % of them get a row, so 100,000 rows have 18,700 persons."""
SERVICES: Final = ("chronic", "dental", "emergency", "general", "maternity", "mental", "rehab", "vaccination")
REGIONS: Final = 20
TILES: Final = 100
"""Values of each of two further keys; together they make 10,000 cells."""
MEASURE_BOUNDS: Final = (0, 1_000)
"""Public bounds of ``cost``, whole units of money; so few rows lie above that clamping hides nothing else."""
BYTES_A_ROW: Final = 120
"""Disk that one row needs at the worst: raw file, native table, copy and what sorting spills."""
MEMORY: Final = "4GB"
STREAMS: Final = 16
"""Independent draws that one row may have."""


def write_register(path: Path, rows: int) -> Path:
    """Write a Parquet file with ``rows`` rows unless it stands there; it appears whole or not at all."""
    if path.exists():
        return path
    unfinished = path.with_name(f".{path.name}.unfinished")
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(path.parent)}) as connection:
        # A table of numbers first: the function range() would give its rows to one thread only.
        connection.execute("CREATE TABLE numbers AS SELECT range AS r FROM range(?)", [rows])
        connection.execute(f"COPY ({_select(rows)}) TO '{unfinished}' (FORMAT parquet, COMPRESSION zstd)")
    unfinished.chmod(0o644)  # the registrar reads it under a uid of its own
    unfinished.replace(path)
    return path


def lacking_bytes(directory: Path, rows: int) -> int:
    """Return how many bytes of free disk are missing for a measurement over ``rows`` rows; 0 for none."""
    return max(0, rows * BYTES_A_ROW - shutil.disk_usage(directory).free)


def bound_for_counts(rows: int, *, groups: int) -> int:
    """Return the rows a person to keep so that truncation and noise together err least, at epsilon 1.

    The squared error of one group's count is ``(A / K)^2 + 2 K^2`` with ``A = rows m / (4 groups)``:
    rows lost, and the variance of Laplace noise of scale K. It is least where ``K^4 = A^2 / 2``.
    """
    lost = rows / groups / PERSONS_A_ROW / 4
    return max(1, round(math.sqrt(lost / math.sqrt(2))))


def bound_for_averages(rows: int, *, groups: int) -> int:
    """Return the same for an average: what K leaves out only makes the sample smaller.

    The variance is that of a sample of n kept rows, plus that of the noise of the centered sum, which
    gets half of the epsilon, divided by n. The spread of costs is taken as a tenth of their range.
    """
    low, high = MEASURE_BOUNDS

    def variance(bound: int) -> float:
        share = kept_share(bound)
        kept = share * rows / groups
        sampling = (high - low) ** 2 / 100 * (1 - share) / kept
        return sampling + 2 * (bound * (high - low) / kept) ** 2

    return min(range(1, 101), key=variance)


def kept_share(bound: int) -> float:
    """Return the share of all rows that are left when each person keeps ``bound`` of them."""
    mean = 1 / PERSONS_A_ROW
    return bound / mean if bound <= mean / 2 else 1 - mean / (4 * bound)


def _select(rows: int) -> str:
    persons = max(1, round(rows * PERSONS_A_ROW))
    services = ", ".join(f"'{name}'" for name in SERVICES)
    typical = "[150, 220, 260, 60, 240, 180, 200, 40]"
    normal = f"sqrt(-2 * ln({_uniform(2)})) * cos(2 * pi() * {_uniform(3)})"
    # The power makes the first services frequent and the last ones rare.
    kind = f"1 + CAST(floor({len(SERVICES)} * pow({_uniform(4)}, 1.5)) AS INTEGER)"
    return f"""
        SELECT 100000 + CAST(floor({persons} * pow({_uniform(1)}, 2)) AS BIGINT) AS person_id,
               [{services}][kind] AS service,
               CAST(1 + bits % {REGIONS} AS INTEGER) AS region,
               CAST(1 + bits // {2**8} % {TILES} AS INTEGER) AS tile_x,
               CAST(1 + bits // {2**24} % {TILES} AS INTEGER) AS tile_y,
               DATE '2024-01-01' + CAST(bits // {2**40} % 731 AS INTEGER) AS day,
               CASE WHEN {_uniform(5)} > 0.03
                    THEN CAST(round({typical}[kind] * exp(0.4 * {normal})) AS INTEGER) END AS cost
        FROM (SELECT r, {kind} AS kind, hash(r * {STREAMS}) AS bits FROM numbers)"""  # noqa: S608  # our own


def _uniform(stream: int) -> str:
    """Return SQL for a number in the open interval (0, 1) that is a function of the row and the stream."""
    # One whole number for each pair: hash(row, stream) would mix the two so weakly that streams agree.
    return f"((hash(r * {STREAMS} + {stream}) >> 12) + 0.5) / 4503599627370496.0"
