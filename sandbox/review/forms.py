"""What a screened file is once it has been read: a table or a note, and the thresholds that apply.

These values are all the disclosure checks see; how bytes become one of them is
:mod:`sandbox.review.screen`'s business.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """Numbers of the review policy that screening uses, without the policy's machinery."""

    min_cell: int
    """Least number of persons behind a count."""
    round_to: int
    """Counts are multiples of this."""
    max_rows: int
    """Most rows of a table."""
    max_rows_unsupported: int
    """Most rows of a table that has no column of counts."""
    significant_digits: int
    """Most significant digits of a number."""
    max_cell_chars: int
    """Most characters of a cell."""
    one_share: int
    """Percent of a sum from which its largest contribution dominates."""
    two_share: int
    """Percent of a sum from which its two largest contributions dominate."""
    p_percent: int
    """Percent of the largest contribution within which the second could estimate it."""
    class_share: int
    """Percent of a total from which one of its cells tells of the whole group."""
    least_dof: int
    """Fewest residual degrees of freedom of a model."""
    flag_zeros: bool
    """Whether a count of nobody is to be weighed."""


@dataclass(frozen=True, slots=True)
class Table:
    """A rectangular table of text cells."""

    header: tuple[str, ...]
    """Names of the columns, no two alike."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, as many in each row as there are columns."""

    def column(self, index: int) -> tuple[str, ...]:
        """Return the cells of one column from top to bottom."""
        return tuple(row[index] for row in self.rows)


def table_of(content: bytes) -> Table:
    """Read a table's canonical form back; it is rectangular, so nothing has to be guessed."""
    header, *rows = csv.reader(io.StringIO(content.decode()))
    return Table(header=tuple(header), rows=tuple(map(tuple, rows)))


@dataclass(frozen=True, slots=True)
class Note:
    """Plain text: lines without their ends."""

    lines: tuple[str, ...]


Form = Table | Note
