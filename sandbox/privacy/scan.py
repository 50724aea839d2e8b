"""What an engine is asked to count and sum: the exact side of a plan.

A scan is one pass over one source. Its result is one row per group: the keys, then one whole number
per statistic. A statistic says what one unit can change: its kind, its term's bounds and how many
rows of a unit it looks at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.query.typed import Relation, Term, Test


class StatisticKind(StrEnum):
    """What is counted or summed in each group."""

    ROWS = "rows"
    VALUES = "values"
    """Rows in which the term is not NULL."""
    UNITS = "units"
    """Distinct units with a row in the group."""
    SUM = "sum"
    """Sum of the term, 0 where there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistic:
    """One number per group, before noise."""

    kind: StatisticKind
    term: Term | None = None
    """What is counted or summed; the unit for UNITS, None for ROWS."""
    where: Test | None = None
    """Only rows for which this is true are looked at."""
    max_rows: int
    """Rows of one unit that are looked at. Less than the source's own number only where the source is
    one table of the copy, alone or joined with public tables: its rows are numbered."""

    @property
    def is_sum(self) -> bool:
        """Whether it adds values up instead of counting."""
        return self.kind is StatisticKind.SUM


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """One pass: ``SELECT keys, statistics FROM source WHERE where GROUP BY keys``."""

    source: Relation
    where: Test | None
    keys: tuple[Term, ...]
    statistics: tuple[Statistic, ...]
