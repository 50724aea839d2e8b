"""What changed in a table from one round to the next, cell by cell.

Rows are matched by their labels, which are the cells that are no numbers, where these name each row of
both tables; else by their place. Columns are matched by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.review.numbers import read_number
from sandbox.web.viewer.table import Numbered, read_cells

MOST_SHOWN = 500
"""Changed rows on the page; how many more there are is said."""
Key = tuple[object, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One cell before and after; None where there was no such row or column."""

    before: str | None
    after: str | None

    @property
    def same(self) -> bool:
        """Whether nothing changed."""
        return self.before == self.after


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedRow:
    """One row that is not as it was."""

    before: int | None
    """Its number in the earlier file."""
    after: int | None
    cells: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """All differences of two tables."""

    header: tuple[str, ...]
    """Columns of both, in the later table's order; those that are gone at the end."""
    rows: tuple[ChangedRow, ...]
    more: int
    """Changed rows that are left out."""
    cells: int
    """Cells that differ, in all rows."""


def compare(earlier: bytes, later: bytes) -> Changes:
    """Return what changed between two canonical tables."""
    old_header, old_rows = read_cells(earlier)
    new_header, new_rows = read_cells(later)
    header = (*new_header, *(name for name in old_header if name not in new_header))
    pairs = _matched(_keyed(old_header, old_rows, new_header, new_rows))
    changed = [
        row for row in (_row(header, old_header, new_header, *pair) for pair in pairs) if row is not None
    ]
    return Changes(
        header=header,
        rows=tuple(changed[:MOST_SHOWN]),
        more=max(0, len(changed) - MOST_SHOWN),
        cells=sum(not cell.same for row in changed for cell in row.cells),
    )


def _keyed(
    old_header: tuple[str, ...], old: Sequence[Numbered], new_header: tuple[str, ...], new: Sequence[Numbered]
) -> tuple[dict[Key, Numbered], dict[Key, Numbered]]:
    shared = [name for name in new_header if name in old_header]
    labels = [
        name
        for name in shared
        if all(
            read_number(row[1][header.index(name)]) is None
            for header, rows in ((old_header, old), (new_header, new))
            for row in rows
            if header.index(name) < len(row[1])
        )
    ]

    def keys(header: tuple[str, ...], rows: Sequence[Numbered]) -> dict[Key, Numbered]:
        return {tuple(row[1][header.index(name)] for name in labels): row for row in rows}

    by_label = keys(old_header, old), keys(new_header, new)
    if labels and all(len(found) == len(rows) for found, rows in zip(by_label, (old, new), strict=True)):
        return by_label
    return {(row[0],): row for row in old}, {(row[0],): row for row in new}


def _matched(
    keyed: tuple[dict[Key, Numbered], dict[Key, Numbered]],
) -> list[tuple[Numbered | None, Numbered | None]]:
    old, new = keyed
    kept = [(old.get(key), row) for key, row in new.items()]
    return [*kept, *((row, None) for key, row in old.items() if key not in new)]


def _row(
    header: tuple[str, ...],
    old_header: tuple[str, ...],
    new_header: tuple[str, ...],
    old: Numbered | None,
    new: Numbered | None,
) -> ChangedRow | None:
    cells = tuple(
        Change(before=_named(old, old_header, name), after=_named(new, new_header, name)) for name in header
    )
    if all(cell.same for cell in cells):
        return None
    return ChangedRow(before=old[0] if old else None, after=new[0] if new else None, cells=cells)


def _named(row: Numbered | None, header: tuple[str, ...], name: str) -> str | None:
    if row is None or name not in header:
        return None
    index = header.index(name)
    return row[1][index] if index < len(row[1]) else ""
