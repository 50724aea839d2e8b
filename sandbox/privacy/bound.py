"""How far one unit reaches, and how many of its rows an aggregate should look at.

With k rows looked at, adding or removing one unit with all its rows changes

======================  =======================  ==============================
statistic               L1 over all groups       L2 squared over all groups
======================  =======================  ==============================
rows, values            k                        k^2: all may lie in one group
units                   min(k, groups)           the same: 1 in each group
sum                     k * reach                (k * reach)^2
======================  =======================  ==============================

where reach is the largest absolute value of the term. WHERE, FILTER and GROUP BY act on rows after
they were bounded, so they change none of this.

The best k weighs what noise adds against what dropped rows take away. Both are known before any row
is read: the noise from the loss allowed, the dropped rows from the registration profile, which was
noisy and paid for, and from the public share of rows that WHERE lets through.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sandbox.privacy.aggregate import Recipe
from sandbox.privacy.scan import Statistic, StatisticKind
from sandbox.query.intervals import bounds
from sandbox.query.typed import Base, Joined, Relation, Test, unit_of

HETEROGENEITY = 0.01
"""By how much of the half range the average of dropped rows is taken to differ from that of kept ones.

Nothing public tells it; where it is larger in truth, averages are pulled towards those of persons with
few rows, which is what the truncation warning is about."""


class Profile(Protocol):
    """What registration tells about the rows per unit of one table; noisy, and paid for."""

    def dropped(self, rows: int) -> int:
        """Return about how many rows are in no answer if ``rows`` of each unit are looked at."""

    def kept(self, rows: int) -> int:
        """Return about how many rows are looked at."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How far one unit moves one statistic over all groups, in its own unit."""

    l1: int
    l2_squared: int


def sensitivity(statistic: Statistic, groups: int) -> Sensitivity:
    """Return how far one unit, with all its rows, moves ``statistic`` over ``groups`` groups."""
    rows = statistic.max_rows
    match statistic.kind:
        case StatisticKind.ROWS | StatisticKind.VALUES:
            return Sensitivity(rows, rows * rows)
        case StatisticKind.UNITS:
            reached = min(rows, groups)
            return Sensitivity(reached, reached)
        case StatisticKind.SUM:
            reach = rows * reach_of(statistic)
            return Sensitivity(reach, reach * reach)


def reach_of(statistic: Statistic) -> int:
    """Return the largest absolute value that one row adds to ``statistic``; at least 1."""
    if statistic.kind is not StatisticKind.SUM or statistic.term is None:
        return 1
    return max(1, *map(abs, bounds(statistic.term)))


def numbered_table(source: Relation) -> Base | None:
    """Return the one private table whose numbered rows ``source`` is made of, row for row.

    None where rows of a unit are combined, so that a smaller bound would mean something else.
    """
    match source:
        case Base():
            return source if source.unit is not None else None
        case Joined() if unit_of(source.right) is None:
            return numbered_table(source.left)
        case _:
            return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What is known about a question when its bounds are chosen."""

    groups: int
    epsilon: float
    """Of one aggregate."""


@dataclass(frozen=True, slots=True, order=True)
class Bound:
    """A number of rows of one unit, and what it is predicted to cost in accuracy."""

    error: float
    """Expected squared error in one group."""
    rows: int


def best_bound(recipe: Recipe, rows: Rows, candidates: Sequence[int], setting: Setting) -> Bound:
    """Return the number of rows a unit, of ``candidates``, with the smallest predicted error."""
    return min(Bound(_predicted(recipe, rows, bound, setting), bound) for bound in candidates)


class Rows(Protocol):
    """How many rows of a question are looked at and dropped at a bound."""

    def dropped(self, rows: int) -> float:
        """Return about how many rows are left out if ``rows`` of each unit are looked at."""

    def kept(self, rows: int) -> float:
        """Return about how many are looked at."""


@dataclass(frozen=True, slots=True)
class BoundBefore:
    """Rows of a table bounded by the copy, and then tested."""

    profile: Profile
    share: float
    """Of rows that pass the tests."""

    def dropped(self, rows: int) -> float:
        """Return about how many rows that would pass are dropped."""
        return self.profile.dropped(rows) * self.share

    def kept(self, rows: int) -> float:
        """Return about how many rows are kept and pass."""
        return self.profile.kept(rows) * self.share


@dataclass(frozen=True, slots=True)
class BoundAfter:
    """Rows tested, and then bounded.

    Of a unit with r rows about share * r pass, so it loses share * r - k of them instead of
    share * (r - k): as if the bound were k / share and only its share were lost.
    """

    profile: Profile
    share: float

    def dropped(self, rows: int) -> float:
        """Return about how many rows that pass are dropped."""
        return self.profile.dropped(round(rows / self.share)) * self.share

    def kept(self, rows: int) -> float:
        """Return about how many rows that pass are kept."""
        everything = self.profile.kept(rows) + self.profile.dropped(rows)
        return everything * self.share - self.dropped(rows)


def candidates_up_to(most: int) -> tuple[int, ...]:
    """Return the bounds that are weighed: about three an octave, up to the table's own."""
    found = {most}
    value = 1.0
    while value < most:
        found.add(round(value))
        value *= 2 ** (1 / 3)
    return tuple(sorted(found))


def _predicted(recipe: Recipe, found: Rows, rows: int, setting: Setting) -> float:
    """Return the expected squared error in one group, in units of one row's reach."""
    main = recipe.needs[0].statistic
    moved = min(rows, setting.groups) if main.kind is StatisticKind.UNITS else rows
    noise = math.sqrt(2) * moved / setting.epsilon
    kept, dropped = max(1.0, found.kept(rows)), max(0.0, found.dropped(rows))
    if recipe.relative:
        in_group = max(1.0, kept / setting.groups)
        return (noise / in_group) ** 2 + (HETEROGENEITY * dropped / (kept + dropped)) ** 2
    typical = 1.0 if reach_of(main) == 1 else 0.5  # a value is about half of the largest one
    return noise**2 + (typical * dropped / setting.groups) ** 2


def narrowed(source: Relation, rows: int, *, after: Test | None = None) -> Relation:
    """Return ``source`` with at most ``rows`` rows of a unit looked at in its numbered table.

    With ``after``, a test of that table's own fields, these are rows for which it is true.
    """
    match source:
        case Base():
            return replace(source, max_rows=rows, after=after)
        case Joined():
            return replace(source, left=narrowed(source.left, rows, after=after))
        case _:
            raise TypeError("only a numbered table is narrowed")
