"""A workbook becomes one table for each visible sheet: what a person sees, and nothing behind it.

The archive is measured before it is opened. Hidden sheets, rows and columns, comments, pivot caches, links
and every other part of the archive stay behind, because only the values of visible cells are read.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from sandbox.review.finding import refused
from sandbox.review.screen.pieces import Piece, Pieces, dropped
from sandbox.review.screen.rows import csv_of
from sandbox.review.screen.table import MOST_CELLS, MOST_COLUMNS

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

MOST_MEMBERS = 200
LARGEST_UNPACKED = 8 * 1024 * 1024
"""Bytes of all members; the reader needs some thirty times as much memory."""
_FIX = "Save the table as .csv, or the workbook as .xlsx without macros and password."


def read_workbook(data: bytes) -> Pieces:
    """Return the visible sheets of a workbook as tables.

    Raises:
        RefusedFile: it is no plain workbook, too large, or holds a formula whose result was not saved.
    """
    extras = _check_archive(data)
    from openpyxl import load_workbook  # noqa: PLC0415  # 200 ms that only workbooks pay

    try:
        values = load_workbook(io.BytesIO(data), data_only=True, keep_links=False)
        formulas = load_workbook(io.BytesIO(data), keep_links=False)
    except Exception as error:  # the library raises whatever the archive's faults make it stumble over
        raise refused("content", "The workbook cannot be read.", fix=_FIX) from error
    visible = [sheet for sheet in values.worksheets if sheet.sheet_state == "visible"]
    left = [*extras]
    if len(visible) < len(values.sheetnames):
        left.append("hidden sheets and sheets of charts")
    items = []
    for sheet in visible:
        items.append(Piece("csv", csv_of(_rows(sheet, formulas[sheet.title]))))
        if _hides(sheet):
            left.append(f"hidden rows or columns of sheet {values.sheetnames.index(sheet.title) + 1}")
    return Pieces(tuple(items), tuple(map(dropped, left)))


def _check_archive(data: bytes) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise refused("content", "The content is not what the file's name says.", fix=_FIX) from error
    names = [member.filename for member in members]
    if len(names) > MOST_MEMBERS or sum(member.file_size for member in members) > LARGEST_UNPACKED:
        raise refused("size", "The workbook is too large once unpacked.", fix="Submit fewer, smaller sheets.")
    doubtful = (
        len({name.casefold() for name in names}) < len(names)
        or any(".." in name or name.startswith("/") or "vbaProject" in name for name in names)
        or any(member.flag_bits & 1 for member in members)
        or not data.startswith(b"PK\x03\x04")
        or "[Content_Types].xml" not in names
        or "xl/workbook.xml" not in names
    )
    if doubtful:
        raise refused("content", "The archive is no plain workbook.", fix=_FIX)
    parts = {
        "comments": "comments",
        "pivotCache": "pivot caches",
        "externalLinks": "links to other files",
        "media/": "pictures",
        "embeddings/": "embedded files",
        "customXml": "custom data",
    }
    return [said for part, said in parts.items() if any(part in name for name in names)]


def _hides(sheet: Worksheet) -> bool:
    return any(d.hidden for d in (*sheet.row_dimensions.values(), *sheet.column_dimensions.values()))


def _rows(sheet: Worksheet, formulas: Worksheet) -> Iterator[list[str]]:
    width, height = sheet.max_column, sheet.max_row
    if width > MOST_COLUMNS or width * height > MOST_CELLS:
        raise refused("table", "A sheet has too many rows or columns.", fix="Aggregate, or split the sheet.")
    hidden = {
        number
        for dimension in sheet.column_dimensions.values()
        if dimension.hidden
        for number in range(dimension.min or 0, min(dimension.max or 0, width) + 1)
    }
    for row, (values, sources) in enumerate(zip(sheet.rows, formulas.rows, strict=False), start=1):
        if not sheet.row_dimensions[row].hidden:
            yield [
                _text(value.value, source.data_type)
                for column, (value, source) in enumerate(zip(values, sources, strict=True), start=1)
                if column not in hidden
            ]


def _text(value: Any, kind: str) -> str:
    if value is None and kind == "f":
        raise refused(
            "table",
            "The workbook holds a formula whose result was not saved.",
            fix="Open and save it in a spreadsheet program, or write values.",
        )
    if value is None:
        return ""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
