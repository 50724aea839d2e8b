"""Which cells of a table, or lines of a text, findings name.

Rows are numbered as the findings number them in their sentences: the header is row 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FIRST_ROW = 2
"""Number of the first row below the header."""
_PLACE = re.compile(r"(?:row (?P<row>\d{1,9}))?(?:, )?(?:column (?P<column>.+))?", re.DOTALL)
_LINE = re.compile(r"line (?P<line>\d{1,9})")


@dataclass(frozen=True, slots=True)
class Marks:
    """Findings by the place they name; each place leads to the findings' numbers in their list."""

    cells: Mapping[tuple[int, str], tuple[int, ...]]
    rows: Mapping[int, tuple[int, ...]]
    columns: Mapping[str, tuple[int, ...]]

    def at(self, row: int, column: str) -> tuple[int, ...]:
        """Return the findings that name this cell, its row or its column, in their order."""
        named = (self.cells.get((row, column), ()), self.rows.get(row, ()), self.columns.get(column, ()))
        return tuple(sorted(set().union(*named)))

    def in_row(self, row: int, columns: Iterable[str]) -> bool:
        """Whether a finding names this row or a cell in it."""
        return bool(self.rows.get(row)) or any((row, column) in self.cells for column in columns)


def marks_of(findings: Iterable[Mapping[str, Any]], header: tuple[str, ...]) -> Marks:
    """Return the places that ``findings`` name; what is only for reading marks nothing.

    Args:
        findings: as documents, numbered from 1 in their order.
        header: names of the columns; empty for a text, whose lines are rows.
    """
    cells: dict[tuple[int, str], list[int]] = {}
    rows: dict[int, list[int]] = {}
    columns: dict[str, list[int]] = {}
    for number, finding in enumerate(findings, start=1):
        if finding["severity"] == "info":
            continue
        exact = [(row + FIRST_ROW, column) for row, column in finding.get("cells", ()) if column in header]
        for place in exact:
            cells.setdefault(place, []).append(number)
        if not exact:
            row, column = _place(str(finding["where"]), is_table=bool(header))
            if row and column:
                cells.setdefault((row, column), []).append(number)
            elif row:
                rows.setdefault(row, []).append(number)
            elif column:
                columns.setdefault(column, []).append(number)
    return Marks(
        {place: tuple(found) for place, found in cells.items()},
        {row: tuple(found) for row, found in rows.items()},
        {column: tuple(found) for column, found in columns.items()},
    )


def _place(where: str, *, is_table: bool) -> tuple[int, str]:
    found = _PLACE.fullmatch(where) if is_table else _LINE.fullmatch(where)
    parts = found.groupdict() if found else {}
    return int(parts.get("row") or parts.get("line") or 0), parts.get("column") or ""
