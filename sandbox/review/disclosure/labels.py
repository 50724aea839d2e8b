"""C9: the largest and the smallest value of a variable belong to one person."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.review.disclosure.columns import Column
from sandbox.review.disclosure.vocabulary import EXTREME, NUMERIC_EXTREME, quantile_of
from sandbox.review.finding import Finding, Severity


def check(columns: tuple[Column, ...]) -> Iterator[Finding]:
    """Yield a finding for the first column or row that is named as an extreme."""
    for column in columns:
        in_words = NUMERIC_EXTREME.plays(column.name) and (column.is_numeric or column.is_period)
        if in_words or _names_extreme(column.name):
            yield _finding(f"row 1, column {column.name}")
            return
        if column.is_numeric:
            continue
        for row, cell in enumerate(column.cells, start=2):
            if _names_extreme(cell):
                yield _finding(f"row {row}, column {column.name}")
                return


def _names_extreme(label: str) -> bool:
    return EXTREME.holds(label) or quantile_of(label) in {0, 1}


def _finding(where: str) -> Finding:
    return Finding(
        code="C9",
        severity=Severity.REFUSE,
        where=where,
        sentence="A minimum, maximum or range tells the exact value of one person.",
        fix="Give a mean of at least ten extreme persons or a rounded percentile, and name it so.",
    )
