"""What a measurement is, how repetitions are summed up, and how figures are shown and kept.

A goal that is missed, or a figure that could not be measured, is shown as such: ``holds`` is false.
Nothing here knows the product, so that it can be tested by itself.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One figure."""

    name: str
    value: float | None
    """None where it could not be measured; a note says why."""
    unit: str
    goal: float | None = None
    """What the figure is held to; None for one that only informs."""
    more_is_better: bool = False
    """Whether the goal is a least value; otherwise it is a largest one."""
    notes: tuple[str, ...] = ()
    """How it was measured, in sentences; they stand below the table, each once."""

    @property
    def holds(self) -> bool:
        """Whether the figure was measured and reaches its goal, if it has one."""
        if self.value is None:
            return False
        if self.goal is None:
            return True
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal

    @property
    def shown(self) -> str:
        """The value as people read it."""
        return "not measured" if self.value is None else f"{self.value:.4g}"

    def to_document(self) -> dict[str, str | float | bool | None]:
        """Return what is kept of the figure."""
        return {
            "name": self.name,
            "value": None if self.value is None else float(f"{self.value:.4g}"),
            "unit": self.unit,
            "goal": self.goal,
            "holds": self.holds,
        }


def say(text: str) -> None:
    """Print progress; it goes to standard error, so that the table stands alone on standard output."""
    click.echo(f"[{time.strftime('%H:%M:%S')}] {text}", err=True)


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long ``work`` takes, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(*works: Callable[[], object], repetitions: int) -> tuple[float, ...]:
    """Return the median seconds of each of ``works``, run in turns so that a busy machine is busy for all.

    Each is run once before without being counted.
    """
    taken: list[list[float]] = [[] for _ in works]
    for repetition in range(repetitions + 1):
        for seconds, work in zip(taken, works, strict=True):
            measured = seconds_of(work)
            if repetition > 0:
                seconds.append(measured)
    return tuple(statistics.median(seconds) for seconds in taken)


def root_mean_square(errors: Sequence[float]) -> float:
    """Return the root of the mean of the squares."""
    return float((sum(error * error for error in errors) / len(errors)) ** 0.5)


def table(results: Sequence[Result]) -> str:
    """Return the figures as a table, with the numbered notes below."""
    notes = list(dict.fromkeys(note for result in results for note in result.notes))
    rows = [("measure", "value", "unit", "goal", "holds", "notes")]
    for result in results:
        sign = ">=" if result.more_is_better else "<="
        rows.append(
            (
                result.name,
                result.shown,
                result.unit,
                "" if result.goal is None else f"{sign} {result.goal:g}",
                "" if result.goal is None and result.holds else "yes" if result.holds else "NO",
                " ".join(str(notes.index(note) + 1) for note in result.notes),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([line.rstrip() for line in lines] + [f"[{i}] {note}" for i, note in enumerate(notes, 1)])


def save(results: Sequence[Result], path: Path) -> None:
    """Write the figures as a JSON list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([result.to_document() for result in results], indent=2) + "\n")
