"""A file as a reviewer sees it: the very bytes that would leave, as text cells, findings marked.

Nothing of a file is ever interpreted as a page: a table becomes escaped cells, everything else
escaped lines. Rows are numbered as the findings number them: the header is row 1.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PAGE_ROWS = 300
"""Rows shown on one page."""
_PLACE = re.compile(r"(?:row (?P<row>\d+))?(?:, )?(?:column (?P<column>.+))?", re.DOTALL)
_LINE = re.compile(r"line (?P<line>\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell and whether a finding names it."""

    text: str
    marked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """One page of a file."""

    header: tuple[str, ...]
    """Names of the columns; empty for a file that is not a table."""
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    """Number and cells of each row on this page; of a text, lines of one cell."""
    page: int
    pages: int
    total: int
    """Rows of the whole file, the header not counted."""


def preview(name: str, data: bytes, findings: Iterable[Mapping[str, str]], *, page: int = 1) -> Preview:
    """Cut page ``page`` (counted from 1, brought into range) out of a file."""
    text = data.decode("utf-8", "replace")
    table = _table(text) if name.lower().endswith(".csv") else None
    header, body = table or ((), [(line,) for line in text.splitlines()])
    first = 2 if header else 1
    pages = max(1, -(-len(body) // PAGE_ROWS))
    page = min(max(page, 1), pages)
    start = (page - 1) * PAGE_ROWS
    marks = _Marks.of(findings, header)
    rows = tuple(
        (first + index, tuple(_cells(body[index], number=first + index, header=header, marks=marks)))
        for index in range(start, min(start + PAGE_ROWS, len(body)))
    )
    return Preview(header=header, rows=rows, page=page, pages=pages, total=len(body))


@dataclass(frozen=True, slots=True)
class _Marks:
    cells: frozenset[tuple[int, str]]
    columns: frozenset[str]
    rows: frozenset[int]

    @classmethod
    def of(cls, findings: Iterable[Mapping[str, str]], header: tuple[str, ...]) -> _Marks:
        cells: set[tuple[int, str]] = set()
        columns: set[str] = set()
        rows: set[int] = set()
        for where in (finding["where"] for finding in findings if finding["severity"] != "info"):
            place = _PLACE.fullmatch(where) if header else _LINE.fullmatch(where)
            parts = place.groupdict() if place else {}
            row, column = parts.get("row") or parts.get("line"), parts.get("column")
            if row and column:
                cells.add((int(row), column))
            elif row:
                rows.add(int(row))
            elif column:
                columns.add(column)
        return cls(frozenset(cells), frozenset(columns), frozenset(rows))

    def hit(self, number: int, column: str) -> bool:
        return number in self.rows or column in self.columns or (number, column) in self.cells


def _table(text: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]] | None:
    try:
        lines = [tuple(line) for line in csv.reader(io.StringIO(text, newline=""))]
    except csv.Error:
        return None
    return (lines[0], lines[1:]) if lines and lines[0] else None


def _cells(line: tuple[str, ...], *, number: int, header: tuple[str, ...], marks: _Marks) -> Iterable[Cell]:
    for index, text in enumerate(line):
        column = header[index] if index < len(header) else ""
        yield Cell(text=text, marked=marks.hit(number, column))
