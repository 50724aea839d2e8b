"""C1 and C16: a count is large enough and rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial

from sandbox.review.disclosure.columns import Column
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Thresholds
from sandbox.review.numbers import read_number


def check(columns: tuple[Column, ...], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for each column of counts that shows a small or an unrounded one."""
    for column in columns:
        if not column.is_count:
            continue
        least, base = thresholds.min_cell, thresholds.round_to
        yield from _worst(
            column,
            code="C1",
            wrong=partial(_is_small, least=least),
            wrongness=f"smaller than {least}",
            fix=f"Merge or mask groups of fewer than {least}.",
        )
        yield from _worst(
            column,
            code="C16",
            wrong=partial(_is_unrounded, base=base),
            wrongness=f"no multiple of {base}",
            fix=f"Round counts to multiples of {base}, or submit a noisy answer unchanged with its receipt.",
        )


def _is_small(number: Decimal, *, least: int) -> bool:
    return number < least and number != 0


def _is_unrounded(number: Decimal, *, base: int) -> bool:
    return number % base != 0


def _worst(
    column: Column, *, code: str, wrong: Callable[[Decimal], bool], wrongness: str, fix: str
) -> Iterator[Finding]:
    numbers = ((row, read_number(cell)) for row, cell in enumerate(column.cells, start=2))
    rows = [row for row, number in numbers if number is not None and wrong(number)]
    if rows:
        counts = "One count is" if len(rows) == 1 else f"{len(rows)} counts are"
        yield Finding(
            code=code,
            severity=Severity.REFUSE,
            where=f"row {rows[0]}, column {column.name}",
            cells=tuple((row - 2, column.name) for row in rows),
            sentence=f"{counts} {wrongness}.",
            fix=fix,
        )
