"""C2, C3 and C4: a count of nobody, and a cell that tells of its whole group.

Where a category holds none or all of a group, or nearly all, what is known of the group is known of each of
its members. Groups are the values of each dimension of a long table, and the rows of a table with several
columns of counts. The share follows the ABS DataLab's rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from sandbox.review.disclosure.columns import Column, is_support
from sandbox.review.disclosure.recoverable import names_total
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Thresholds
from sandbox.review.numbers import read_number

Group = Sequence[tuple[int, str, Decimal]]
"""Cells that make up one whole: row from 0, column, count."""


def check(columns: tuple[Column, ...], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for counts of nobody and for each rule that a group breaks."""
    supports = [column for column in columns if is_support(column)]
    zeros = [
        (row, column.name)
        for column in supports
        for row, cell in enumerate(column.cells)
        if thresholds.flag_zeros and read_number(cell) == 0
    ]
    if zeros:
        yield _finding(
            "C2",
            zeros,
            sentence="A count says that nobody is in a group.",
            fix="Merge the group with another.",
        )
    groups = list(_groups(columns, supports))
    whole = [cell for group in groups for cell in _all_or_nothing(group)]
    if whole:
        yield _finding(
            "C3",
            whole,
            sentence="A group lies in one category as a whole, so its category is known of each member.",
            fix="Merge the category with another, or leave the group out.",
        )
    most = [cell for group in groups for cell in _nearly_all(group, thresholds.class_share)]
    if most:
        yield _finding(
            "C4",
            most,
            sentence=f"One category holds more than {thresholds.class_share} % of its group.",
            fix="Merge the category with another, or explain why its members may be told of.",
        )


def _all_or_nothing(group: Group) -> Iterator[tuple[int, str]]:
    total = _total(group)
    yield from ((row, column) for row, column, number in group if 0 < number == total)


def _nearly_all(group: Group, share: int) -> Iterator[tuple[int, str]]:
    total = _total(group)
    yield from ((row, column) for row, column, number in group if share * total < 100 * number < 100 * total)


def _total(group: Group) -> Decimal:
    return sum((number for _, _, number in group), Decimal())


def _groups(columns: tuple[Column, ...], supports: Sequence[Column]) -> Iterator[Group]:
    """Yield every set of at least two cells that are categories of one group."""
    dimensions = [column for column in columns if not column.is_numeric and not column.is_count]
    if len(supports) > 1:
        adding_up = [column for column in supports if column.is_part]
        wide = adding_up or [column for column in supports if not names_total(column.name)]
        yield from _wholes(
            {str(row): _cells_of_row(row, wide) for row in range(len(wide[0].cells))} if wide else {}
        )
        return
    if len(dimensions) > 1 and supports:
        totals = [set(filter(names_total, set(column.cells))) for column in dimensions]
        summaries = {
            row
            for column, named in zip(dimensions, totals, strict=True)
            for row, cell in enumerate(column.cells)
            if cell in named
        }
        for dimension in dimensions:
            parts: dict[str, list[tuple[int, str, Decimal]]] = defaultdict(list)
            for row, cell in enumerate(supports[0].cells):
                number = read_number(cell)
                if number is not None and row not in summaries:
                    parts[dimension.cells[row]].append((row, supports[0].name, number))
            yield from _wholes(parts)


def _wholes(parts: Mapping[str, Sequence[tuple[int, str, Decimal]]]) -> Iterator[Group]:
    yield from (group for group in parts.values() if len(group) > 1)


def _cells_of_row(row: int, columns: Sequence[Column]) -> list[tuple[int, str, Decimal]]:
    found = ((column.name, read_number(column.cells[row])) for column in columns)
    return [(row, name, number) for name, number in found if number is not None]


def _finding(code: str, cells: Sequence[tuple[int, str]], *, sentence: str, fix: str) -> Finding:
    row, column = min(cells)
    return Finding(
        code=code,
        severity=Severity.FLAG,
        where=f"row {row + 2}, column {column}",
        sentence=sentence,
        fix=fix,
        cells=tuple(sorted(cells)),
    )
