"""What the columns of a table are, read from their names and cells alone.

A column holds counts where its name says so, or where it is a part of one: of several columns of whole
numbers that add up to a column of counts in every row, each is one, whatever it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache

from sandbox.review.disclosure.vocabulary import Role, is_count_name
from sandbox.review.forms import Table
from sandbox.review.numbers import is_whole, read_number

_MASK = re.compile(
    r"|\*+|-{1,3}|\.{2,3}|…|[<≤] ?[0-9]+|x|c|s|na|n/a|nan|null|none|suppressed|masked|redacted", re.IGNORECASE
)
_BELOW = re.compile(r"< ?(?P<less>[0-9]+)|≤ ?(?P<most>[0-9]+)")
_PERIOD = re.compile(
    r"(1[89]|20)[0-9]{2}([-/.]?(Q[1-4]|W[0-5][0-9]|[01]?[0-9]([-/.]?[0-3]?[0-9])?))?|(1[89]|20)[0-9]{2}年([01]?[0-9]月)?([0-3]?[0-9]日)?"
)


def told_by_mask(cell: str) -> int | None:
    """Return below which number a masked count lies, as ``<5`` says; None where the mask says nothing."""
    found = _BELOW.fullmatch(cell)
    return int(found["less"]) if found and found["less"] else int(found["most"]) + 1 if found else None


def is_mask(cell: str) -> bool:
    """Return whether ``cell`` stands for a value that was left out."""
    return _MASK.fullmatch(cell) is not None


_LOOSE = 2
"""How far rounding to multiples of five moves a count."""
_LEAST_ROWS = 2
"""In which columns must add up; one more where rounding leaves some play."""


@dataclass(frozen=True)
class Column:
    """One column with its name."""

    name: str
    cells: tuple[str, ...]
    is_part: bool = False
    """Whether it and others add up to a column of counts."""

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """Cells that say something."""
        return tuple(cell for cell in self.cells if not is_mask(cell))

    @cached_property
    def is_count(self) -> bool:
        """Whether the column holds counts, by its name or as a part of one that does."""
        return self.is_part or is_count_name(self.name)

    @cached_property
    def is_numeric(self) -> bool:
        """Whether all that it says are numbers."""
        return bool(self.shown) and all(read_number(cell) is not None for cell in self.shown)

    @cached_property
    def is_whole(self) -> bool:
        """Whether all that it says are whole numbers."""
        return bool(self.shown) and all(is_whole(cell) for cell in self.shown)

    @cached_property
    def is_period(self) -> bool:
        """Whether all that it says are years, months, quarters, weeks or days, at most one row each."""
        return bool(self.shown) and all(_PERIOD.fullmatch(cell) for cell in self.shown)


@lru_cache(maxsize=4)  # a comparison has two; more would only hold memory
def columns_of(table: Table) -> tuple[Column, ...]:
    """Return the columns of ``table`` from left to right; kept, since each check asks for them again."""
    columns = tuple(Column(name, table.column(index)) for index, name in enumerate(table.header))
    parts = _parts(columns)
    return tuple(replace(column, is_part=True) if column in parts else column for column in columns)


def is_support(column: Column) -> bool:
    """Return whether ``column`` says how many persons stand behind each row."""
    return column.is_count and column.is_numeric


def _parts(columns: Sequence[Column]) -> Sequence[Column]:
    """Return the columns of whole numbers that add up to one of counts, as *male* and *female* to *n*."""
    whole = [column for column in columns if column.is_whole and not column.is_period]
    unnamed = [column for column in whole if not column.is_count]
    named = [column for column in whole if column.is_count]
    numbers = {column.name: [read_number(cell) for cell in column.cells] for column in whole}
    # Each row is added up once, not once for each total that it could have: a table may have 200 columns.
    groups = [
        (group, _sums([numbers[column.name] for column in group]))
        for group in (whole, unnamed, named)
        if len(group) > 1
    ]
    for total in filter(is_support, whole):
        for group, sums in groups:
            parts = [column for column in group if column is not total]
            own = 2 if len(parts) < len(group) else 1
            rests = [
                abs(own * number - added)
                for number, added in zip(numbers[total.name], sums, strict=True)
                if number is not None and added is not None
            ]
            if len(parts) > 1 and _are_nothing(rests, len(parts)):
                return parts
    return ()


def _sums(columns: Sequence[Sequence[Decimal | None]]) -> list[Decimal | None]:
    """Return the sum of each row; None where a cell of it shows no number."""
    rows = zip(*columns, strict=True)
    return [None if None in row else sum((n for n in row if n is not None), Decimal()) for row in rows]


def _are_nothing(rests: Sequence[Decimal], parts: int) -> bool:
    """Return whether the parts make up the total in all rows that show both, as far as rounding lets them."""
    exact = len(rests) >= _LEAST_ROWS and max(rests) == 0
    loose = len(rests) > _LEAST_ROWS and max(rests) <= _LOOSE * (parts + 1)
    return exact or loose


def named_numbers(columns: Sequence[Column], role: Role) -> Iterator[tuple[int, Column, Decimal]]:
    """Yield row, column and number of each number that has the role by its column's name or its row's."""
    rows = {
        row
        for label in columns
        if not label.is_numeric and (named := set(filter(role.is_named, set(label.cells))))
        for row, cell in enumerate(label.cells)
        if cell in named
    }
    for column in columns:
        everywhere = role.plays(column.name)
        for row in range(len(column.cells)) if everywhere else sorted(rows):
            number = read_number(column.cells[row])
            if number is not None:
                yield row, column, number
