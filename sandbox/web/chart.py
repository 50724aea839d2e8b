"""A picture of counts a day, as the numbers an inline SVG is made of; the page's style sheet colours it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.audit.explore.found import Day

WIDTH, HEIGHT = 720, 140
TOP, BOTTOM = 18, 22
GAP: Final = 3
LABELS: Final = 6
"""Days that are named below the bars, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One day."""

    day: Day
    x: float
    width: float
    y: float
    height: float
    refused_y: float
    refused_height: float
    label: str
    """The day where it is named below the bar, else empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """The whole picture."""

    width: int
    height: int
    baseline: int
    top: int
    most: int
    """The largest count, to which the tallest bar belongs."""
    bars: tuple[Bar, ...]


def chart(days: Sequence[Day]) -> Chart:
    """Return the picture of ``days``, in their order; there must be one at least."""
    most = max(day.entries for day in days)
    step = min(WIDTH / len(days), WIDTH / 12)  # a few days are not drawn as walls
    scale = (HEIGHT - TOP - BOTTOM) / max(1, most)
    every = -(-len(days) // LABELS)
    baseline = HEIGHT - BOTTOM
    bars = tuple(
        Bar(
            day=day,
            x=round(place * step, 1),
            width=round(step - GAP, 1),
            y=round(baseline - day.entries * scale, 1),
            height=round(day.entries * scale, 1),
            refused_y=round(baseline - day.refused * scale, 1),
            refused_height=round(day.refused * scale, 1),
            label=day.day[5:] if place % every == 0 else "",
        )
        for place, day in enumerate(days)
    )
    return Chart(width=WIDTH, height=HEIGHT, baseline=baseline, top=TOP, most=most, bars=bars)
