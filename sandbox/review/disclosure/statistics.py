"""C10, C12, C13, C14, C15, C17 and C27: statistics that tell of few although no count is small.

Each looks at columns by the names of :mod:`~sandbox.review.disclosure.vocabulary`, so that a table which is
not of that shape is not spoken of: quantiles (``p5``, ``q1``, ``median`` ...) beside ``n``; levels and ``r2``
of a model; edges of bins beside counts; numbers at risk over time; a rate beside its two counts; missing
values beside a mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from sandbox.review.disclosure.columns import Column, is_support, named_numbers
from sandbox.review.disclosure.vocabulary import (
    AT_RISK,
    COEFFICIENT,
    FIT,
    MEAN,
    MISSING,
    RATE,
    quantile_of,
)
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Thresholds
from sandbox.review.numbers import read_number

SATURATED = Decimal("0.999")
"""R squared from which a model repeats its data."""
_LEVEL = re.compile(r"\[.+\]|=|: ")
_FROM = frozenset({"from", "lower", "left", "bin_start", "bin_left", "下限"})
_TO = frozenset({"to", "upper", "right", "bin_end", "bin_right", "上限"})
_INTERVAL = re.compile(r"[\[(] ?(?P<left>-?[0-9.]+) ?, ?(?P<right>-?[0-9.]+) ?[\])]")
"""A bin as pandas' and R's ``cut`` write it. Age groups as 0-14 are chosen by people, in other widths."""
_BOTH = 2


def check(columns: tuple[Column, ...], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for each of these statistics that tells of few."""
    counts = [column for column in columns if is_support(column)]
    yield from _quantiles(columns, counts, thresholds.min_cell)
    yield from _levels(columns, counts)
    yield from _saturated(columns)
    yield from _edges(columns, counts)
    yield from _steps(columns, thresholds.min_cell)
    yield from _derived(columns, counts)
    yield from _missing(columns)


def _quantiles(columns: Sequence[Column], counts: Sequence[Column], least: int) -> Iterator[Finding]:
    if len(counts) != 1:
        return
    for column in columns:
        share = quantile_of(column.name)
        if share is None:
            continue
        side = min(share, 1 - share)
        for row, cell in enumerate(counts[0].cells):
            n = read_number(cell)
            if n is not None and read_number(column.cells[row]) is not None and n * side < least:
                yield _flag(
                    "C10",
                    row,
                    column.name,
                    sentence=f"On one side of this quantile are fewer than {least} persons.",
                    fix="Show a quantile nearer to the middle, or merge the group with another.",
                )
                break


def _levels(columns: Sequence[Column], counts: Sequence[Column]) -> Iterator[Finding]:
    """Point out a model's table with levels, as ``region[North]``, and no count of the persons in each."""
    if counts or not any(COEFFICIENT.plays(column.name) for column in columns):
        return
    for column in columns:
        rows = [row for row, cell in enumerate(column.cells) if _LEVEL.search(cell)]
        if rows and not column.is_numeric:
            yield _flag(
                "C12",
                rows[0],
                column.name,
                sentence="A level of a model has no count of its persons beside it.",
                fix="Show in a column n how many persons have each level.",
            )
            return


def _saturated(columns: Sequence[Column]) -> Iterator[Finding]:
    for row, column, number in named_numbers(columns, FIT):
        if number > SATURATED:
            yield _flag(
                "C13",
                row,
                column.name,
                sentence="The model repeats its data nearly exactly.",
                fix="Use fewer parameters, or show the model without its estimates.",
            )
            return


def _edges(columns: Sequence[Column], counts: Sequence[Column]) -> Iterator[Finding]:
    """Point out an outer bin with a width of its own: its edge may be one person's value."""
    if not counts:
        return
    left, right, pairs = _bins(columns)
    widths = [b - a for a, b in pairs if a is not None and b is not None]
    if len(widths) < 3 or len(widths) != len(pairs):  # noqa: PLR2004  # two outer bins and one between them
        return
    inner = set(widths[1:-1])
    for row, width in ((0, widths[0]), (len(widths) - 1, widths[-1])):
        if len(inner) == 1 and width not in inner:
            yield _flag(
                "C14",
                row,
                left if row == 0 else right,
                sentence="An outer bin has another width, so its edge may be the smallest or largest value.",
                fix="Use edges that do not come from the data.",
            )
            return


def _bins(columns: Sequence[Column]) -> tuple[str, str, list[tuple[Decimal | None, Decimal | None]]]:
    """Return the columns of left and right edges by name, and the edges; none where there are no bins."""
    left, right = ([c for c in columns if c.name.casefold() in names] for names in (_FROM, _TO))
    if len(left) == len(right) == 1:
        cells = zip(left[0].cells, right[0].cells, strict=True)
        return left[0].name, right[0].name, [(read_number(a), read_number(b)) for a, b in cells]
    for column in columns:
        found = [_INTERVAL.fullmatch(cell) for cell in column.cells]
        edges = [(read_number(one["left"]), read_number(one["right"])) for one in found if one]
        if len(edges) == len(found):
            return column.name, column.name, edges
    return "", "", []


def _steps(columns: Sequence[Column], least: int) -> Iterator[Finding]:
    before: Decimal | None = None
    for row, column, number in named_numbers(columns, AT_RISK):
        if before is not None and 0 < before - number < least:
            yield _flag(
                "C15",
                row,
                column.name,
                sentence=f"From the step before, fewer than {least} persons left the curve.",
                fix="Use longer steps, or round the numbers at risk.",
            )
            return
        before = number


def _derived(columns: Sequence[Column], counts: Sequence[Column]) -> Iterator[Finding]:
    """Point out a rate that its two published counts do not give: it tells of the unrounded ones."""
    rates = [column for column in columns if RATE.plays(column.name) and column not in counts]
    if len(counts) != _BOTH or len(rates) != 1:
        return
    for row, cell in enumerate(rates[0].cells):
        rate, pair = read_number(cell), [read_number(column.cells[row]) for column in counts]
        if rate is None or None in pair or 0 in pair:
            continue
        small, large = sorted(number for number in pair if number is not None)
        places = -int(rate.as_tuple().exponent)
        reached = (small / large, 100 * small / large)
        if all(abs(rate - one) > Decimal(1).scaleb(-places) / 2 for one in reached):
            yield _flag(
                "C17",
                row,
                rates[0].name,
                sentence="The rate does not follow from the counts beside it, so it tells of unrounded ones.",
                fix="Compute rates from the rounded counts.",
            )
            return


def _missing(columns: Sequence[Column]) -> Iterator[Finding]:
    if not any(MEAN.holds(column.name) for column in columns):
        return
    for row, column, number in named_numbers(columns, MISSING):
        if number > 0:
            yield Finding(
                code="C27",
                severity=Severity.INFO,
                where=f"row {row + 2}, column {column.name}",
                sentence="A mean leaves out persons whose value is missing.",
                fix="Say in the purpose how many and why.",
            )
            return


def _flag(code: str, row: int, column: str, *, sentence: str, fix: str) -> Finding:
    return Finding(
        code=code, severity=Severity.FLAG, where=f"row {row + 2}, column {column}", sentence=sentence, fix=fix
    )
