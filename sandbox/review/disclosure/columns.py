"""What the columns of a table are, read from their names and cells alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from sandbox.review.forms import Table
from sandbox.review.numbers import is_whole, read_number

_COUNT_WORDS = frozenset(
    {
        "n",
        "count",
        "counts",
        "freq",
        "frequency",
        "obs",
        "observations",
        "persons",
        "people",
        "patients",
        "cases",
    }
)
_COUNT_PARTS = ("人数", "计数", "频数", "例数", "户数", "件数", "人次", "样本量")
_WORD = re.compile(r"[^\W_]+")
_MASK = re.compile(
    r"|\*+|-{1,3}|\.{2,3}|…|[<≤] ?[0-9]+|x|c|s|na|n/a|nan|null|none|suppressed|masked|redacted", re.IGNORECASE
)
_PERIOD = re.compile(
    r"(1[89]|20)[0-9]{2}([-/.]?(Q[1-4]|W[0-5][0-9]|[01]?[0-9]([-/.]?[0-3]?[0-9])?))?|(1[89]|20)[0-9]{2}年([01]?[0-9]月)?([0-3]?[0-9]日)?"
)


def words(label: str) -> list[str]:
    """Return the words of a label in small letters; ``_`` and capitals inside separate words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    return [word.casefold() for word in _WORD.findall(spaced)]


def is_count_name(label: str) -> bool:
    """Return whether a column of this name holds numbers of persons or cases."""
    found = words(label)
    starts_or_ends = bool(found) and (found[0] in _COUNT_WORDS or found[-1] in _COUNT_WORDS)
    return starts_or_ends or any(part in label for part in _COUNT_PARTS)


def is_mask(cell: str) -> bool:
    """Return whether ``cell`` stands for a value that was left out."""
    return _MASK.fullmatch(cell) is not None


@dataclass(frozen=True)
class Column:
    """One column with its name."""

    name: str
    cells: tuple[str, ...]

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """Cells that say something."""
        return tuple(cell for cell in self.cells if not is_mask(cell))

    @cached_property
    def is_count(self) -> bool:
        """Whether the column is named as one of counts."""
        return is_count_name(self.name)

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


def columns_of(table: Table) -> tuple[Column, ...]:
    """Return the columns of ``table`` from left to right."""
    return tuple(Column(name, table.column(index)) for index, name in enumerate(table.header))


def is_support(column: Column) -> bool:
    """Return whether ``column`` says how many persons stand behind each row."""
    return column.is_count and column.is_numeric
