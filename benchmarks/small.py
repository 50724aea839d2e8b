"""What a question costs beyond its data: a small table, a repeated question, many noisy cells."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Final

from benchmarks.bench import Bench
from benchmarks.harness import Result, interleaved, say
from benchmarks.timers import NOISE, WHOLE, Stopwatch

ROWS: Final = 1_000
SMALL: Final = "SELECT service, COUNT(*) AS n{turn}, AVG(cost) AS mean FROM visits GROUP BY service"
MANY: Final = "SELECT tile_x, tile_y, COUNT(*) AS n FROM visits GROUP BY tile_x, tile_y"
CELLS: Final = 10_000


def measure(bench: Bench) -> Iterator[Result]:
    """Measure the overhead, its parts, a repeat and the noise of many cells."""
    ours, asks = bench.registered(ROWS), bench.sizes.asks
    say(f"small question: {asks} times, and {asks} repeats")
    turns = count()
    fresh, repeated = interleaved(
        lambda: ours.ask(SMALL.format(turn=next(turns))),  # another text each time
        lambda: ours.repeat(SMALL.format(turn=""), epsilon=Decimal("0.02")),
        repetitions=asks,
    )
    note = f"Median of {asks} through Gateway.ask: new questions, in turns with one that repeats."
    yield Result(
        name=f"small question, {ROWS:,} rows",
        value=fresh * 1e3,
        unit="ms",
        goal=8,
        notes=(note,),
    )
    yield Result(name="the same question again", value=repeated * 1e3, unit="ms", goal=1, notes=(note,))
    steps = Stopwatch()
    with steps.running():
        for _ in range(asks):
            ours.ask(SMALL.format(turn=next(turns)))
    for name, seconds in steps.medians().items():
        if name != WHOLE:
            yield Result(name=f"  of which {name}", value=seconds * 1e3, unit="ms")
    say("noise of many cells")
    cells = Stopwatch()
    ours.ask(MANY)
    with cells.running():
        for _ in range(max(3, bench.sizes.repetitions)):
            ours.ask(MANY)
    yield Result(
        name=f"noise for {CELLS:,} cells",
        value=cells.median(NOISE) * 1e3,
        unit="ms",
        goal=2,
        notes=("The step of the gateway that adds noise, in questions with that many cells.",),
    )
