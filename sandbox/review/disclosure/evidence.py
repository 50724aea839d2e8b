"""C5, C6, C8 and C11: what columns of evidence beside the numbers say of their contributors.

A check speaks only where its columns stand in the table: ``top1``, ``top2`` and ``sum`` for dominance,
``distinct`` for equal values, ``dof`` for models. Contributions are taken by their absolute value (C7), and a
sum that is smaller than its largest contribution is pointed out. Limits are the profile's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from sandbox.review.disclosure.columns import Column
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Thresholds
from sandbox.review.numbers import read_number

_TOP1, _TOP2 = ("top1", "最大贡献"), ("top2", "次大贡献")
_SUM, _DISTINCT = ("sum", "总和"), ("distinct", "不同值数")
_DOF = ("dof", "df_resid", "自由度")


def check(columns: tuple[Column, ...], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for each rule that the evidence in the table breaks."""
    largest, second, total = (_numbers(columns, names) for names in (_TOP1, _TOP2, _SUM))
    cells = list(zip(largest, second, total, strict=False))
    shares = [row for row, cell in enumerate(cells) if _dominates(*cell, thresholds)]
    near = [row for row, cell in enumerate(cells) if _is_near(*cell, thresholds)]
    netted = [
        row for row, (top, _, net) in enumerate(cells) if top and net is not None and abs(net) < abs(top)
    ]
    equal = [row for row, n in enumerate(_numbers(columns, _DISTINCT)) if n == 1]
    few = [row for row, n in enumerate(_numbers(columns, _DOF)) if n is not None and n < thresholds.least_dof]
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
    if netted:
        yield _finding(
            "C7",
            netted,
            sentence="A sum is smaller than its largest contribution: both signs are netted.",
            fix="Show the sum of absolute values as evidence, or leave the sum out.",
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
            sentence=f"A model has fewer than {thresholds.least_dof} residual degrees of freedom.",
            fix="Use fewer parameters or more persons.",
        )


Number = Decimal | None


def _dominates(largest: Number, second: Number, total: Number, thresholds: Thresholds) -> bool:
    if largest is None or second is None or not total:
        return False
    one, both, whole = abs(largest), abs(largest) + abs(second), abs(total)
    return 100 * one >= thresholds.one_share * whole or 100 * both >= thresholds.two_share * whole


def _is_near(largest: Number, second: Number, total: Number, thresholds: Thresholds) -> bool:
    if not largest or second is None or total is None:
        return False
    return 100 * (abs(total) - abs(largest) - abs(second)) < thresholds.p_percent * abs(largest)


def _numbers(columns: tuple[Column, ...], names: tuple[str, ...]) -> Sequence[Number]:
    column = next((column for column in columns if column.name.casefold() in names), None)
    return [] if column is None else [read_number(cell) for cell in column.cells]


def _finding(code: str, rows: Sequence[int], *, sentence: str, fix: str) -> Finding:
    return Finding(code=code, severity=Severity.FLAG, where=f"row {rows[0] + 2}", sentence=sentence, fix=fix)
