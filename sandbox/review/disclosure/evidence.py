"""C5, C6, C8 and C11: what columns of evidence beside the numbers say of their contributors.

A check speaks only where its columns stand in the table: ``top1``, ``top2`` and ``sum`` for dominance,
``distinct`` for equal values, ``dof`` for models. Contributions are taken by their absolute value. Limits are
the ABS DataLab's pair for dominance, and ACRO's p % and residual degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from sandbox.review.disclosure.columns import Column
from sandbox.review.finding import Finding, Severity
from sandbox.review.numbers import read_number

ONE_SHARE = Decimal("0.50")
"""Share of a sum from which its largest contribution dominates."""
TWO_SHARE = Decimal("0.67")
"""Share of a sum from which its two largest contributions dominate."""
P = Decimal("0.10")
"""Share of the largest contribution within which the second could estimate it."""
LEAST_DOF = 10
"""Fewest residual degrees of freedom of a model."""
_TOP1, _TOP2 = ("top1", "最大贡献"), ("top2", "次大贡献")
_SUM, _DISTINCT = ("sum", "总和"), ("distinct", "不同值数")
_DOF = ("dof", "df_resid", "自由度")


def check(columns: tuple[Column, ...]) -> Iterator[Finding]:
    """Yield a finding for each rule that the evidence in the table breaks."""
    largest, second, total = (_numbers(columns, names) for names in (_TOP1, _TOP2, _SUM))
    cells = list(zip(largest, second, total, strict=False))
    shares = [row for row, cell in enumerate(cells) if _dominates(*cell)]
    near = [row for row, cell in enumerate(cells) if _is_near(*cell)]
    equal = [row for row, n in enumerate(_numbers(columns, _DISTINCT)) if n == 1]
    few = [row for row, n in enumerate(_numbers(columns, _DOF)) if n is not None and n < LEAST_DOF]
    if shares:
        yield _finding(
            "C5",
            shares,
            sentence="One or two contributors make up most of the sum.",
            fix="Merge the group with another, or leave its sum out.",
        )
    if near:
        yield _finding(
            "C6",
            near,
            sentence="The second contributor can estimate the largest too closely.",
            fix="Merge the group with another, or leave its sum out.",
        )
    if equal:
        yield _finding(
            "C8",
            equal,
            sentence="All contributors have the same value, so it tells each of theirs.",
            fix="Merge the group with another, or leave its sum out.",
        )
    if few:
        yield _finding(
            "C11",
            few,
            sentence=f"A model has fewer than {LEAST_DOF} residual degrees of freedom.",
            fix="Use fewer parameters or more persons.",
        )


Number = Decimal | None


def _dominates(largest: Number, second: Number, total: Number) -> bool:
    if largest is None or second is None or not total:
        return False
    return abs(largest) >= ONE_SHARE * abs(total) or abs(largest) + abs(second) >= TWO_SHARE * abs(total)


def _is_near(largest: Number, second: Number, total: Number) -> bool:
    if not largest or second is None or total is None:
        return False
    return abs(total) - abs(largest) - abs(second) < P * abs(largest)


def _numbers(columns: tuple[Column, ...], names: tuple[str, ...]) -> Sequence[Number]:
    column = next((column for column in columns if column.name.casefold() in names), None)
    return [] if column is None else [read_number(cell) for cell in column.cells]


def _finding(code: str, rows: Sequence[int], *, sentence: str, fix: str) -> Finding:
    return Finding(code=code, severity=Severity.FLAG, where=f"row {rows[0] + 2}", sentence=sentence, fix=fix)
