"""Text becomes a table in one canonical form: comma, newline, minimal quotes, one header, no gaps.

Two forms on purpose. The *faithful* form changes only how cells are written down, so that an answer
of the gateway keeps the very bytes its receipt names. The *neutral* form, for every other table,
also rounds and respells fractional numbers, so that digits cannot carry anything past the policy.
Both are fixed points: bringing a canonical form into canonical form changes nothing.
"""

from __future__ import annotations

import csv
import io
import re

from sandbox.review.finding import Finding, Severity, refused
from sandbox.review.forms import Table, Thresholds
from sandbox.review.numbers import read_number, respell

MOST_COLUMNS = 200
MOST_CELLS = 100_000
"""5,000 rows of twenty columns; keeps screening within its time."""
LONGEST_CELL = 10_000
"""Characters; a longer cell is not read at all. What the policy allows is far less."""
LONGEST_HEADER = 100
_DELIMITERS = (",", ";", "\t", "|")
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet run a cell; the last four are the full-width forms."""
_DASHES = re.compile(r"-{1,3}")
_COMMA_NUMBER = re.compile(r"[+-]?[0-9]+(,[0-9]+)+(\.[0-9]+)?")


def read_table(text: str, *, tabs: bool, thresholds: Thresholds) -> tuple[Table, list[Finding]]:
    """Return the table in ``text`` in its faithful form.

    Args:
        text: decoded text with newline line ends.
        tabs: whether the name promises tabs as separators.
        thresholds: :attr:`~Thresholds.max_rows` ends reading early.

    Raises:
        RefusedFile: it is not one rectangular table with a header.
    """
    text = text.lstrip("\n")
    lines = _split(text, "\t" if tabs else _delimiter(text), most=thresholds.max_rows)
    if not lines or not any(any(cell for cell in line) for line in lines):
        raise refused("table", "The table is empty.", fix="Submit at least a header and one row.")
    header = tuple(_plain(cell) for cell in lines[0])
    _check_header(header)
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            raise refused(
                "table",
                f"The row has {len(line)} cells where the header has {len(header)}.",
                fix="Make the table rectangular: one header, no titles above, no notes below.",
                where=f"row {number}",
            )
    safe = Table(
        tuple(map(_safe, header)), tuple(tuple(_safe(_plain(cell)) for cell in line) for line in lines[1:])
    )
    _refuse_comma_numbers(safe)
    return safe, _formula_findings(safe, lines)


def neutral(table: Table, *, thresholds: Thresholds) -> tuple[Table, list[Finding]]:
    """Return ``table`` with fractional numbers rounded and spelled in one way."""
    digits = thresholds.significant_digits
    rows = tuple(tuple(respell(cell, digits=digits) for cell in row) for row in table.rows)
    pairs = ((a, b) for old, new in zip(table.rows, rows, strict=True) for a, b in zip(old, new, strict=True))
    rounded = sum(read_number(old) not in {None, read_number(new)} for old, new in pairs)
    if not rounded:
        return Table(table.header, rows), []
    finding = Finding(
        code="C24",
        severity=Severity.INFO,
        where="file",
        sentence=f"{rounded} numbers had more than {digits} significant digits and were rounded.",
    )
    return Table(table.header, rows), [finding]


def to_bytes(table: Table) -> bytes:
    """Return the one CSV of ``table``."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows(table.rows)
    return buffer.getvalue().encode()


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return "," if "," in first else max(_DELIMITERS, key=first.count)


def _split(text: str, delimiter: str, *, most: int) -> list[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    lines: list[list[str]] = []
    try:
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if len(lines) > most:
                raise refused(
                    "C22",
                    f"The table has more than {most} rows.",
                    fix="Aggregate; single records do not leave.",
                )
            if len(line) > MOST_COLUMNS or len(line) * (len(lines) + 1) > MOST_CELLS:
                raise refused(
                    "table",
                    f"The table has more than {MOST_COLUMNS} columns or {MOST_CELLS} cells.",
                    fix="Split the table.",
                )
            lines.append(line)
    except csv.Error as error:
        raise refused(
            "table",
            "The table cannot be read: a quote is out of place or a cell is very long.",
            fix="Write it with a CSV library, cells of at most 200 characters.",
        ) from error
    while lines and not any(lines[-1]):
        lines.pop()
    return lines


def _check_header(header: tuple[str, ...]) -> None:
    folded = [name.casefold() for name in header]
    if not all(header) or len(set(folded)) < len(folded) or max(map(len, header)) > LONGEST_HEADER:
        raise refused(
            "header",
            "A column has no name, a name twice, or one that is too long.",
            fix=f"Give each column one name of at most {LONGEST_HEADER} characters.",
            where="row 1",
        )
    if all(read_number(name) is not None for name in header):
        raise refused(
            "header",
            "The first row holds numbers where names are expected.",
            fix="Add a header.",
            where="row 1",
        )


def _plain(cell: str) -> str:
    return " ".join(cell.split())


def _safe(cell: str) -> str:
    return "'" + cell if _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    return cell.startswith(_FORMULA) and read_number(cell) is None and _DASHES.fullmatch(cell) is None


def _formula_findings(table: Table, lines: list[list[str]]) -> list[Finding]:
    places = [
        (row, column)
        for row, line in enumerate(lines, start=1)
        for column, cell in enumerate(line)
        if _is_formula(_plain(cell))
    ]
    if not places:
        return []
    row, column = places[0]
    finding = Finding(
        code="formula",
        severity=Severity.INFO,
        where=f"row {row}, column {table.header[column]}",
        sentence=f"{len(places)} cells would run in a spreadsheet; an apostrophe now precedes them.",
    )
    return [finding]


def _refuse_comma_numbers(table: Table) -> None:
    for number, row in enumerate(table.rows, start=2):
        for column, cell in enumerate(row):
            if _COMMA_NUMBER.fullmatch(cell):
                raise refused(
                    "table",
                    "The number is written with a comma, which means two things.",
                    fix="Write numbers with a decimal point and without thousands separators.",
                    where=f"row {number}, column {table.header[column]}",
                )
