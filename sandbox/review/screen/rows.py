"""Rows of cells become the CSV that screening reads, so that every table takes the one path of a CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def csv_of(rows: Iterable[Sequence[str]]) -> bytes:
    """Return ``rows`` as CSV without the empty rows and columns at their ends."""
    kept = [list(row) for row in rows]
    while kept and not any(kept[-1]):
        kept.pop()
    width = max((number for row in kept for number, cell in enumerate(row, start=1) if cell), default=0)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(row[:width] for row in kept)
    return buffer.getvalue().encode()
