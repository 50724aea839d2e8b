"""C18: a masked count that the total below its column gives back.

A table of one dimension has one margin, so the interval of a masked count follows from a subtraction; it is
what a linear program over that single equation would give. Tables of more dimensions are solved in
:mod:`sandbox.review.disclosure.margins`. A mask such as ``<10`` is a bound too, and everybody reads it.
The rule follows gtsummary's issue 1691 and OpenSAFELY's documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from sandbox.review.disclosure.columns import Column, is_mask, is_support, told_by_mask
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
        masked = [row for row, cell in enumerate(column.cells) if is_mask(cell) and row != totals[0]]
        found = interval(column.cells, total=totals[0], half=Decimal(thresholds.round_to // 2))
        below = below_of(column.cells[row] for row in masked)
        if found and tells(*map(float, found), below=below, least=thresholds.min_cell):
            yield Finding(
                code="C18",
                severity=Severity.FLAG,
                where=f"row {masked[0] + 2}, column {column.name}",
                sentence=f"The total gives a masked count back: it lies from {found[0]} to {found[1]}.",
                fix="Mask a second group too, or leave out the total.",
            )


def tells(low: float, high: float, *, below: int | None, least: int) -> bool:
    """Return whether these bounds of a masked count tell too much.

    Args:
        low: the least that it can be.
        high: the most.
        below: what its mask says already, as ``<10`` does; None where it says nothing.
        least: smallest count that may be known.
    """
    return low > 0 or (high - low < least if below is None else high < below - 1)


def below_of(masks: Iterable[str]) -> int | None:
    """Return below which number all of ``masks`` lie by their own word; None where one says nothing."""
    said = [told_by_mask(mask) for mask in masks]
    known = [below for below in said if below is not None]
    return max(known) if known and len(known) == len(said) else None


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
    masked = [cell for cell in parts if read_number(cell) is None]
    if whole is None or not masked:
        return None
    rest, uncertain = whole - sum(shown, Decimal()), half * (len(shown) + 1)
    most, below = max(Decimal(), rest + uncertain), below_of(masked)
    if below is None:
        return (max(Decimal(), rest - uncertain) if len(masked) == 1 else Decimal()), most
    # What the others can hold at most, this one must hold the rest of.
    others = (below - 1) * (len(masked) - 1)
    return max(Decimal(), rest - uncertain - others), min(most, Decimal(below - 1))


def names_total(cell: str) -> bool:
    """Return whether ``cell`` names the total of its dimension."""
    return not _TOTALS.isdisjoint(words(cell)) or any(part in cell for part in _TOTAL_PARTS)
