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
from dataclasses import dataclass
from typing import Protocol

from sandbox.privacy.aggregate import Recipe
from sandbox.privacy.scan import Statistic, StatisticKind
from sandbox.query.intervals import bounds
from sandbox.query.typed import Base, Joined, Relation, unit_of

HETEROGENEITY = 0.05
"""By how much of the half range persons with many rows are taken to differ from the others, at most."""


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
    share: float
    """Share of rows that WHERE lets through, as far as public domains tell."""
    epsilon: float
    """Of one aggregate."""


def best_bound(recipe: Recipe, profile: Profile, candidates: Sequence[int], setting: Setting) -> int:
    """Return the number of rows a unit, of ``candidates``, with the smallest predicted error."""
    return min(candidates, key=lambda rows: (_predicted(recipe, profile, rows, setting), rows))


def candidates_up_to(most: int) -> tuple[int, ...]:
    """Return the bounds that are weighed: about three an octave, up to the table's own."""
    found = {most}
    value = 1.0
    while value < most:
        found.add(round(value))
        value *= 2 ** (1 / 3)
    return tuple(sorted(found))


def _predicted(recipe: Recipe, profile: Profile, rows: int, setting: Setting) -> float:
    """Return the expected squared error in one group, in units of one row's reach."""
    main = recipe.needs[0].statistic
    reach = reach_of(main)
    moved = min(rows, setting.groups) if main.kind is StatisticKind.UNITS else rows
    noise = math.sqrt(2) * moved / setting.epsilon
    kept = max(1.0, profile.kept(rows) * setting.share)
    dropped = profile.dropped(rows) * setting.share
    if recipe.relative:
        in_group = max(1.0, kept / setting.groups)
        return (noise / in_group) ** 2 + (HETEROGENEITY * dropped / (kept + dropped)) ** 2
    typical = 1.0 if reach == 1 else 0.5  # a value is about half of the largest one
    return noise**2 + (typical * dropped / setting.groups) ** 2


def narrowed(source: Relation, rows: int) -> Relation:
    """Return ``source`` with at most ``rows`` rows of a unit looked at in its numbered table."""
    match source:
        case Base():
            return Base(name=source.name, alias=source.alias, unit=source.unit, max_rows=rows)
        case Joined():
            left = narrowed(source.left, rows)
            return Joined(left=left, right=source.right, on=source.on, outer=source.outer)
        case _:
            raise TypeError("only a numbered table is narrowed")
