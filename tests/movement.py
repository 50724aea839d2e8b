"""How far one person moves the exact cells of a plan, held against what the plan claims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sandbox.privacy.cells import ExactCells
from sandbox.privacy.plan import Plan
from sandbox.privacy.quantile import scores
from sandbox.sources.snapshot import Snapshot


@dataclass(frozen=True)
class Neighbors:
    """One register with the victim and one without, as bounded copies."""

    larger: Snapshot
    smaller: Snapshot


def violations(plan: Plan, one: ExactCells, other: ExactCells) -> Iterator[str]:
    """Yield each claim of ``plan`` that two neighbors refute."""
    for measurement, left, right in zip(plan.measurements, one.measured, other.measured, strict=True):
        l1, squared = moved(left, right)
        claimed = measurement.sensitivity
        if l1 > claimed.l1 or squared > claimed.l2_squared:
            yield f"{measurement.statistic} moved {l1}, {squared} > {claimed}"
    for index, selection in enumerate(plan.selections):
        found = moved_scores(plan, one, other, index)
        if found > selection.sensitivity:
            yield f"the scores of {selection.fraction} moved {found} > {selection.sensitivity}"


def moved(left: Sequence[int], right: Sequence[int]) -> tuple[int, int]:
    """Return the distance of two vectors in L1 and in L2 squared."""
    steps = [abs(a - b) for a, b in zip(left, right, strict=True)]
    return sum(steps), sum(step * step for step in steps)


def moved_scores(plan: Plan, one: ExactCells, other: ExactCells, index: int) -> int:
    """Return the largest move of a score of each group, summed over the groups."""
    fraction = plan.selections[index].fraction
    left, right = (scores(np.array(cells.bins[index], dtype=np.int64), fraction) for cells in (one, other))
    return int(np.abs(left - right).max(axis=1).sum())
