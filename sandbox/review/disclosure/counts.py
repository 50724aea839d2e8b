"""C1 and C16: a count is large enough and rounded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial

from sandbox.review.disclosure.columns import Column, is_mask, named_numbers, told_by_mask
from sandbox.review.disclosure.vocabulary import STATISTIC
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Thresholds
from sandbox.review.numbers import read_number

_SHARE = re.compile(r" ?\([^()]*\)$")
Counted = Sequence[tuple[int, Decimal]]
"""Rows from 0, and their counts."""


def check(columns: tuple[Column, ...], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for each column of counts that shows a small or an unrounded one."""
    least, base = thresholds.min_cell, thresholds.round_to
    for column in columns:
        if column.is_count and not column.is_period and any(map(_holds_digit, column.cells)):
            yield from _unread(column, least)
    for name, counted in _counts(columns).items():
        yield from _worst(
            name,
            counted,
            code="C1",
            wrong=partial(_is_small, least=least),
            wrongness=f"smaller than {least}",
            fix=f"Merge or mask groups of fewer than {least}.",
        )
        yield from _worst(
            name,
            counted,
            code="C16",
            wrong=partial(_is_unrounded, base=base),
            wrongness=f"no multiple of {base}",
            fix=f"Round counts to multiples of {base}, or submit a noisy answer unchanged with its receipt.",
        )


def _unread(column: Column, least: int) -> Iterator[Finding]:
    """Yield what is no number, and masks that tell more than that a count is small."""
    masks = [(row, told_by_mask(cell)) for row, cell in enumerate(column.cells)]
    close = [row for row, below in masks if below is not None and below < least]
    odd = [row for row, cell in enumerate(column.cells) if not is_mask(cell) and _number_of(cell) is None]
    if odd:
        yield Finding(
            code="C1",
            severity=Severity.REFUSE,
            where=f"row {odd[0] + 2}, column {column.name}",
            cells=tuple((row, column.name) for row in odd),
            sentence="A column of counts holds something that is neither a number nor a mask.",
            fix="Write counts in digits alone, and an asterisk for what is left out.",
        )
    if close:
        yield Finding(
            code="C1",
            severity=Severity.REFUSE,
            where=f"row {close[0] + 2}, column {column.name}",
            cells=tuple((row, column.name) for row in close),
            sentence=f"A mask says more than that a count is smaller than {least}.",
            fix=f"Mask every count that is smaller than {least} in the same way.",
        )


def _number_of(cell: str) -> Decimal | None:
    return read_number(_SHARE.sub("", cell))


def _holds_digit(cell: str) -> bool:
    # A column of words alone is no column of counts, although it may be called cases or patients.
    return any(sign.isdigit() for sign in cell)


def _counts(columns: tuple[Column, ...]) -> Mapping[str, Counted]:
    """Return the counts of each column that holds any: all of one named so, else those of rows named so.

    A table may stand on its side, with *n* before a row; and a share may follow a count, as in 30 (2 %).
    """
    found: dict[str, list[tuple[int, Decimal]]] = {}
    named = [column for column in columns if column.is_count]
    for column in named:
        numbers = ((row, _number_of(cell)) for row, cell in enumerate(column.cells))
        found[column.name] = [(row, number) for row, number in numbers if number is not None]
    for row, column, number in () if named else named_numbers(columns, STATISTIC):
        found.setdefault(column.name, []).append((row, number))
    return found


def _is_small(number: Decimal, *, least: int) -> bool:
    return number < least and number != 0


def _is_unrounded(number: Decimal, *, base: int) -> bool:
    return number % base != 0


def _worst(
    name: str,
    counted: Counted,
    *,
    code: str,
    wrong: Callable[[Decimal], bool],
    wrongness: str,
    fix: str,
) -> Iterator[Finding]:
    rows = [row for row, number in counted if wrong(number)]
    if rows:
        counts = "One count is" if len(rows) == 1 else f"{len(rows)} counts are"
        yield Finding(
            code=code,
            severity=Severity.REFUSE,
            where=f"row {rows[0] + 2}, column {name}",
            cells=tuple((row, name) for row in rows),
            sentence=f"{counts} {wrongness}.",
            fix=fix,
        )
