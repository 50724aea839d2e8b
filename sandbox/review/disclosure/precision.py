"""C24: whole numbers with more digits than a statistic needs.

Fractional numbers are rounded when the table is brought into canonical form; whole numbers are not
touched, because they may be codes, so they are pointed out.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.review.disclosure.columns import Column
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Thresholds
from sandbox.review.numbers import read_number, significant


def check(columns: tuple[Column, ...], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for each measure in whole numbers that is too exact.

    Counts are judged by their rounding, periods and a first column of codes are no measures.
    """
    for index, column in enumerate(columns):
        if column.is_count or column.is_period or not column.is_whole or (index == 0 and len(columns) > 1):
            continue
        numbers = ((row, read_number(cell)) for row, cell in enumerate(column.cells, start=2))
        digits = thresholds.significant_digits
        rows = [row for row, number in numbers if number is not None and significant(number) > digits]
        if rows:
            yield Finding(
                code="C24",
                severity=Severity.FLAG,
                where=f"row {rows[0]}, column {column.name}",
                sentence=f"{len(rows)} numbers have more than {digits} significant digits.",
                fix=f"Round to {digits} significant digits.",
            )
