"""C9: the largest and the smallest value of a variable belong to one person.

So does the largest contribution to a sum: it is evidence for reviewers, and no file that leaves may hold it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.review.disclosure.columns import Column
from sandbox.review.disclosure.vocabulary import EXTREME, NUMERIC_EXTREME, TOP1, TOP2, quantile_of
from sandbox.review.finding import Finding, Severity


def check(columns: tuple[Column, ...]) -> Iterator[Finding]:
    """Yield a finding for the first column or row that is named as an extreme."""
    for column in columns:
        if TOP1.plays(column.name) or TOP2.plays(column.name):
            yield _contribution(f"row 1, column {column.name}")
            return
        in_words = NUMERIC_EXTREME.plays(column.name) and (column.is_numeric or column.is_period)
        if in_words or _names_extreme(column.name):
            yield _finding(f"row 1, column {column.name}")
            return
        if column.is_numeric:
            continue
        extreme = set(filter(_names_extreme, set(column.cells)))
        if extreme:
            row = next(row for row, cell in enumerate(column.cells, start=2) if cell in extreme)
            yield _finding(f"row {row}, column {column.name}")
            return


def _names_extreme(label: str) -> bool:
    return EXTREME.holds(label) or quantile_of(label) in {0, 1}


def _contribution(where: str) -> Finding:
    return Finding(
        code="C9",
        severity=Severity.REFUSE,
        where=where,
        sentence="A largest contribution tells the exact value of one person.",
        fix="Leave the column out; for dominance, ask for a reviewed answer: the gateway signs its evidence.",
    )


def _finding(where: str) -> Finding:
    return Finding(
        code="C9",
        severity=Severity.REFUSE,
        where=where,
        sentence="A minimum, maximum or range tells the exact value of one person.",
        fix="Give a mean of at least ten extreme persons or a rounded percentile, and name it so.",
    )
