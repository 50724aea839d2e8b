"""A canonical table as it is asked for: some rows, in some order, and what is known of each column."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.review.numbers import read_number
from sandbox.web.viewer.asked import Asked
from sandbox.web.viewer.marks import FIRST_ROW, Marks

PAGE_ROWS = 200
"""Rows shown on one page."""
Numbered = tuple[int, tuple[str, ...]]
"""A row with its number in the file; the header is row 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column over the rows that fit the filter, on whatever page they are."""

    number: int
    """Counted from 1."""
    name: str
    least: str
    """The smallest number as written; empty where the column holds none."""
    largest: str
    distinct: int
    missing: int
    """Empty cells."""
    texts: int
    """Cells that are no numbers."""

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers and nothing else, so that it is set to the right."""
        return bool(self.least) and not self.texts


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell and the numbers of the findings that name it."""

    text: str
    findings: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TableView:
    """One page of a table."""

    columns: tuple[Column, ...]
    """Those that are shown."""
    hidden: tuple[tuple[int, str], ...]
    """Number and name of those that are not."""
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    """Number in the file and cells of each row on this page."""
    page: int
    pages: int
    fitting: int
    """Rows that fit the filter."""
    total: int
    """Rows of the whole file, the header not counted."""


def read_cells(data: bytes) -> tuple[tuple[str, ...], list[Numbered]]:
    """Return header and rows of a canonical CSV; empty where it is none."""
    try:
        lines = [tuple(line) for line in csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline=""))]
    except csv.Error:
        return (), []
    header = lines[0] if lines else ()
    # A cell without a column has no name that a finding could use; canonical tables have none.
    rows = [(number, line[: len(header)]) for number, line in enumerate(lines[1:], start=FIRST_ROW)]
    return header, rows


def view_table(header: tuple[str, ...], rows: Sequence[Numbered], *, marks: Marks, asked: Asked) -> TableView:
    """Return the page of the table that ``asked`` wants; a page beyond the last is the last."""
    fitting = [row for row in rows if _fits(row, header, marks, asked)]
    ordered = _sorted(fitting, asked.sort) if 0 < abs(asked.sort) <= len(header) else fitting
    pages = max(1, -(-len(ordered) // PAGE_ROWS))
    page = min(asked.page, pages)
    shown = [index for index in range(len(header)) if index + 1 not in asked.hide]
    on_page = ordered[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    return TableView(
        columns=tuple(_column(index, header, fitting) for index in shown),
        hidden=tuple((n, header[n - 1]) for n in asked.hide if 0 < n <= len(header)),
        rows=tuple(
            (
                number,
                tuple(
                    Cell(text=_cell(cells, index), findings=marks.at(number, header[index]))
                    for index in shown
                ),
            )
            for number, cells in on_page
        ),
        page=page,
        pages=pages,
        fitting=len(fitting),
        total=len(rows),
    )


def _cell(cells: tuple[str, ...], index: int) -> str:
    return cells[index] if index < len(cells) else ""


def _fits(row: Numbered, header: tuple[str, ...], marks: Marks, asked: Asked) -> bool:
    number, cells = row
    if asked.failing and not marks.in_row(number, header):
        return False
    wanted = asked.find.casefold()
    searched = cells if not asked.column else (_cell(cells, asked.column - 1),)
    return not wanted or any(wanted in cell.casefold() for cell in searched)


def _sorted(rows: list[Numbered], sort: int) -> list[Numbered]:
    """Sort by one column: numbers by their value, then texts, empty cells last in either direction."""
    index = abs(sort) - 1
    full = [row for row in rows if _cell(row[1], index)]
    empty = [row for row in rows if not _cell(row[1], index)]

    def key(row: Numbered) -> tuple[bool, Decimal, str]:
        text = _cell(row[1], index)
        number = read_number(text)
        return (number is None, number if number is not None else Decimal(0), text.casefold())

    return sorted(full, key=key, reverse=sort < 0) + empty


def _column(index: int, header: tuple[str, ...], rows: Sequence[Numbered]) -> Column:
    cells = [_cell(cells, index) for _, cells in rows]
    numbers = [(number, text) for text in cells if (number := read_number(text)) is not None]
    missing = sum(not text for text in cells)
    return Column(
        number=index + 1,
        name=header[index],
        least=min(numbers)[1] if numbers else "",
        largest=max(numbers)[1] if numbers else "",
        distinct=len({text for text in cells if text}),
        missing=missing,
        texts=len(cells) - missing - len(numbers),
    )
