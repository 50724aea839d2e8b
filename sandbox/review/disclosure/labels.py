"""C9: the largest and the smallest value of a variable belong to one person."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.review.disclosure.columns import Column, words
from sandbox.review.finding import Finding, Severity

_EXTREMES = frozenset({"min", "max", "minimum", "maximum", "range", "p0", "p100", "smallest", "largest"})
_EXTREME_PARTS = ("最小", "最大", "极差", "最高值", "最低值")


def check(columns: tuple[Column, ...]) -> Iterator[Finding]:
    """Yield a finding for the first column or row that is named as an extreme."""
    for column in columns:
        if _names_extreme(column.name):
            yield _finding(f"row 1, column {column.name}")
            return
        if column.is_numeric:
            continue
        for row, cell in enumerate(column.cells, start=2):
            if _names_extreme(cell):
                yield _finding(f"row {row}, column {column.name}")
                return


def _names_extreme(label: str) -> bool:
    return not _EXTREMES.isdisjoint(words(label)) or any(part in label for part in _EXTREME_PARTS)


def _finding(where: str) -> Finding:
    return Finding(
        code="C9",
        severity=Severity.REFUSE,
        where=where,
        sentence="A minimum, maximum or range tells the exact value of one person.",
        fix="Give a mean of at least ten extreme persons or a rounded percentile, and name it so.",
    )
