"""C22, C25, C26: a table that is really records, long texts, and a table without any evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sandbox.review.disclosure.columns import Column, is_support
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Note, Thresholds

UNIQUE_SHARE = 0.95
"""Share of different values from which a column is taken for a key of single records."""
_LONG_CODE = re.compile(r"(?=.*[0-9])[A-Za-z0-9_-]{8,}")
_RUN = re.compile(r"[A-Za-z0-9+/=_-]{200,}")
_NUMBER_IN_TEXT = re.compile(r"(?<![\w.])[0-9]+([.,][0-9]+)*(?![\w])")
_SEPARATORS = (",", ";", "\t", "|", " ")
MOST_NUMBERS_IN_NOTE = 60
"""Numbers in a note; beyond them it is a table and can be checked as one."""


def check_rows(columns: tuple[Column, ...], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield what makes a table look like single records (C22)."""
    rows = len(columns[0].cells)
    if rows <= thresholds.max_rows_unsupported:
        return
    supported = any(is_support(column) for column in columns)
    keys = [column for column in columns if _is_key(column, rows)]
    if keys and not supported:
        yield Finding(
            code="C22",
            severity=Severity.REFUSE,
            where=f"column {keys[0].name}",
            sentence=f"Nearly each of the {rows} rows has a value of its own, as single records have.",
            fix="Aggregate to groups and show how many persons each holds in a column n.",
        )
    elif not supported:
        yield Finding(
            code="C22",
            severity=Severity.FLAG,
            where="file",
            sentence=f"The table has {rows} rows and no column of counts, so rows may be single records.",
            fix="Show how many persons each row holds in a column n.",
        )
    elif any(all(map(_LONG_CODE.fullmatch, column.shown)) for column in keys):
        yield Finding(
            code="C22",
            severity=Severity.FLAG,
            where=f"column {keys[0].name}",
            sentence="Each row has a long code of its own, as single records have.",
            fix="Name groups by words, or explain the code in the purpose.",
        )
    elif any(is_support(column) and len(set(column.cells)) == 1 for column in columns):
        yield Finding(
            code="C22",
            severity=Severity.FLAG,
            where="file",
            sentence="The column of counts says the same in every row.",
            fix="Show the true number of persons behind each row.",
        )


def check_texts(columns: tuple[Column, ...], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield long cells (C25)."""
    for column in columns:
        rows = [
            row for row, cell in enumerate(column.cells, start=2) if len(cell) > thresholds.max_cell_chars
        ]
        if rows:
            yield Finding(
                code="C25",
                severity=Severity.FLAG,
                where=f"row {rows[0]}, column {column.name}",
                sentence=f"{len(rows)} cells are longer than {thresholds.max_cell_chars} characters.",
                fix="Shorten labels; put explanations into a note.",
            )


def check_evidence(columns: tuple[Column, ...]) -> Iterator[Finding]:
    """Yield a finding where numbers stand without their support (C26)."""
    if any(column.is_numeric for column in columns) and not any(map(is_support, columns)):
        yield Finding(
            code="C26",
            severity=Severity.FLAG,
            where="file",
            sentence="Nothing shows how many persons stand behind the numbers: no column n, no receipt.",
            fix="Add a column n, or submit an answer unchanged with its receipt.",
        )


def check_note(note: Note, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield what makes a note look like a table or a hidden file (C22, C25, C26)."""
    start, length = _longest_table(note)
    if length > thresholds.max_rows_unsupported:
        yield Finding(
            code="C22",
            severity=Severity.REFUSE,
            where=f"line {start}",
            sentence=f"{length} lines together read as a table.",
            fix="Submit tables as .csv, where they can be checked.",
        )
    for number, line in enumerate(note.lines, start=1):
        if _RUN.search(line):
            yield Finding(
                code="C25",
                severity=Severity.REFUSE,
                where=f"line {number}",
                sentence="The line holds a long run of letters and digits, as encoded files have.",
                fix="Write plain words.",
            )
            break
    numbers = sum(len(_NUMBER_IN_TEXT.findall(line)) for line in note.lines)
    if numbers > MOST_NUMBERS_IN_NOTE:
        yield Finding(
            code="C26",
            severity=Severity.FLAG,
            where="file",
            sentence=f"The note holds {numbers} numbers, which are not checked in a text.",
            fix="Submit the numbers as a table.",
        )


def _is_key(column: Column, rows: int) -> bool:
    measure = column.is_numeric and not column.is_whole
    if column.is_count or column.is_period or measure:
        return False
    return len(set(column.shown)) >= UNIQUE_SHARE * rows


def _longest_table(note: Note) -> tuple[int, int]:
    best_start, best_length, start, previous = 1, 0, 1, None
    for number, line in enumerate(note.lines, start=1):
        shape = _separators_in(line)
        if shape != previous:
            start, previous = number, shape
        if shape and number - start + 1 > best_length:
            best_start, best_length = start, number - start + 1
    return best_start, best_length


def _separators_in(line: str) -> tuple[str, int] | None:
    # Prose has commas too, but not the same number of them line after line, nor digits around them.
    if not any(character.isdigit() for character in line):
        return None
    counts = [(separator, line.strip().count(separator)) for separator in _SEPARATORS]
    return next((pair for pair in counts if pair[1]), ("one value", 1))
