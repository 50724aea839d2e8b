"""C5, C6, C8 and C11: what columns of evidence beside the numbers say of their contributors.

A check speaks only where its columns stand in the table: ``top1``, ``top2`` and ``sum`` for dominance,
``distinct`` for equal values, ``dof`` for models, each by any of the names of
:mod:`~sandbox.review.disclosure.vocabulary`. A table of several variables has them for each, as
``cost_top1``. Contributions are taken by their absolute value (C7), and a sum that is smaller than its
largest contribution is pointed out. Limits are the profile's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from sandbox.review.disclosure.columns import Column, named_numbers
from sandbox.review.disclosure.vocabulary import (
    DF,
    DISTINCT,
    NOTHING,
    RESIDUAL_DOF,
    SUM,
    TOP1,
    TOP2,
    Role,
    Words,
    words,
)
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Thresholds
from sandbox.review.numbers import read_number


def check(columns: tuple[Column, ...], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for each rule that the evidence in the table breaks."""
    cells = list(_contributions(columns))
    shares = [row for row, top, next_, net in cells if _dominates(top, next_, net, thresholds)]
    near = [row for row, top, next_, net in cells if _is_near(top, next_, net, thresholds)]
    netted = [row for row, top, _, net in cells if top and net is not None and abs(net) < abs(top)]
    equal = [row for row, _, n in named_numbers(columns, DISTINCT) if n == 1]
    dof = (
        RESIDUAL_DOF
        if any(RESIDUAL_DOF.plays(label) for label in _labels(columns))
        else _df_of_model(columns)
    )
    few = [row for row, _, n in named_numbers(columns, dof) if n < thresholds.least_dof]
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


def _contributions(columns: tuple[Column, ...]) -> Iterator[tuple[int, Number, Number, Number]]:
    """Yield row, largest and second contribution, and sum of each variable that has all three."""
    largest, second, total = (_by_subject(columns, role) for role in (TOP1, TOP2, SUM))
    for subject in largest.keys() & second.keys():
        # A sum that is named by the variable alone is found where it is the only one.
        whole = total.get(subject) or (next(iter(total.values())) if len(total) == 1 else None)
        if whole is not None:
            three = (largest[subject].cells, second[subject].cells, whole.cells)
            for row, texts in enumerate(zip(*three, strict=True)):
                top, next_, net = map(read_number, texts)
                yield row, top, next_, net


def _by_subject(columns: tuple[Column, ...], role: Role) -> dict[Words, Column]:
    named = ((role.subject(column.name), column) for column in columns)
    return {subject: column for subject, column in named if subject is not None}


def _labels(columns: tuple[Column, ...]) -> Iterator[str]:
    for column in columns:
        yield column.name
        yield from () if column.is_numeric else set(column.cells)


def _df_of_model(columns: tuple[Column, ...]) -> Role:
    """Return what ``df`` means: in a table of variances it belongs to a term and is small by right."""
    by_term = any({"sq", "ss", "f", "deviance"} & set(words(label)) for label in _labels(columns))
    return NOTHING if by_term else DF


def _finding(code: str, rows: Sequence[int], *, sentence: str, fix: str) -> Finding:
    return Finding(code=code, severity=Severity.FLAG, where=f"row {rows[0] + 2}", sentence=sentence, fix=fix)
