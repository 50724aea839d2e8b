"""The numbers of an answer, before noise and after."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.privacy.plan import Key, Plan


@dataclass(frozen=True, slots=True)
class ExactCells:
    """The true values of a plan; never shown, never logged."""

    plan: Plan
    measured: tuple[tuple[int, ...], ...] = field(repr=False)
    """One row per measurement, aligned with ``plan.cells``."""
    bins: tuple[tuple[tuple[int, ...], ...], ...] = field(repr=False)
    """For each selection, for each of ``plan.cells``, the rows in each candidate's bin."""
    found: tuple[tuple[Key, ...], ...] | None = field(default=None, repr=False)
    """Where keys are not public, the groups that the data holds, in place of ``plan.cells``."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What report-noisy-max chose in one group: places among the candidates."""

    value: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class NoisyCells:
    """The same with noise: the first thing that may be shown. Made by ``noise.add_noise`` alone."""

    plan: Plan
    measured: tuple[tuple[int, ...], ...]
    """One row per measurement, aligned with ``plan.cells``."""
    chosen: tuple[tuple[Choice, ...], ...]
    """One row per selection, aligned with ``plan.cells``."""
    shown: tuple[tuple[Key, ...], ...] | None = None
    """Where keys are not public, the groups whose noisy number of units reached the threshold."""

    @property
    def cells(self) -> tuple[tuple[Key, ...], ...]:
        """The finest groups that the rows are aligned with."""
        return self.plan.cells if self.shown is None else self.shown
