"""C18: a masked count that the total below its column gives back.

A table of one dimension has one margin, so the interval of a masked count follows from a subtraction; it is
what a linear program over that single equation would give. Tables of more dimensions are not solved here.
The rule follows gtsummary's issue 1691 and OpenSAFELY's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sandbox.review.disclosure.columns import Column, is_mask, is_support
from sandbox.review.disclosure.vocabulary import words
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Thresholds
from sandbox.review.numbers import read_number

_TOTALS = frozenset({"total", "totals", "all", "overall", "sum"})
_TOTAL_PARTS = ("合计", "总计", "总数", "全部")


def check(columns: tuple[Column, ...], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for each column of counts whose total tells too much about a masked one."""
    dimensions = [column for column in columns if not column.is_numeric and not column.is_count]
    if len(dimensions) != 1:
        return
    totals = [row for row, cell in enumerate(dimensions[0].cells) if names_total(cell)]
    if len(totals) != 1:
        return
    for column in filter(is_support, columns):
        masked = [row for row, cell in enumerate(column.cells) if is_mask(cell)]
        found = interval(column.cells, total=totals[0], half=Decimal(thresholds.round_to // 2))
        if found and (found[0] > 0 or found[1] - found[0] < thresholds.min_cell):
            yield Finding(
                code="C18",
                severity=Severity.FLAG,
                where=f"row {masked[0] + 2}, column {column.name}",
                sentence=f"The total gives a masked count back: it lies from {found[0]} to {found[1]}.",
                fix="Mask a second group too, or leave out the total.",
            )


def interval(cells: tuple[str, ...], *, total: int, half: Decimal) -> tuple[Decimal, Decimal] | None:
    """Return between which numbers each masked count lies, or None where the total says nothing.

    Args:
        cells: counts and their total.
        total: index of the total.
        half: how far rounding may have moved each shown number.
    """
    parts = [cell for row, cell in enumerate(cells) if row != total]
    whole = read_number(cells[total])
    shown = [number for cell in parts if (number := read_number(cell)) is not None]
    masked = len(parts) - len(shown)
    if whole is None or not masked:
        return None
    rest, uncertain = whole - sum(shown, Decimal()), half * (len(shown) + 1)
    highest = max(Decimal(), rest + uncertain)
    return (max(Decimal(), rest - uncertain) if masked == 1 else Decimal()), highest


def names_total(cell: str) -> bool:
    """Return whether ``cell`` names the total of its dimension."""
    return not _TOTALS.isdisjoint(words(cell)) or any(part in cell for part in _TOTAL_PARTS)
