"""What registration takes, and how it and a question grow with the rows."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench, CannotMeasure
from benchmarks.harness import Result, interleaved, say
from benchmarks.speed import QUESTIONS

GIB = 2**30
REGISTERING = (
    "From the order to the active copy: digest of the source, bounded copy, profile. Memory is the largest "
    "resident set of the process that reads raw rows."
)


def measure(bench: Bench) -> Iterator[Result]:
    """Register two sizes and ask both."""
    large, larger = bench.sizes.large, bench.sizes.larger
    first = bench.registered(large)
    yield Result(
        name=f"registration, {large:,} rows", value=first.seconds, unit="s", goal=60, notes=(REGISTERING,)
    )
    yield Result(
        name=f"registration memory, {large:,} rows",
        value=first.peak_bytes / GIB,
        unit="GiB",
        goal=4,
        notes=(REGISTERING,),
    )
    growth = f"{larger:,} / {large:,} rows"
    names = (f"registration time, {growth}", f"registration memory, {growth}", f"question time, {growth}")
    try:
        second = bench.registered(larger)
    except CannotMeasure as reason:
        yield from (Result(name=name, value=None, unit="ratio", notes=(f"{reason}.",)) for name in names)
        return
    say("questions at both sizes")
    sql = QUESTIONS["by service"][0]
    small, big = interleaved(
        lambda: first.ask(sql), lambda: second.ask(sql), repetitions=max(1, bench.sizes.repetitions // 2)
    )
    ratios = (second.seconds / first.seconds, second.peak_bytes / first.peak_bytes, big / small)
    note = (
        f"In proportion to the rows would be {larger / large:g}. The larger registration took "
        f"{second.seconds:.1f} s and {second.peak_bytes / GIB:.2f} GiB; its question {big * 1e3:.0f} ms."
    )
    for name, ratio in zip(names, ratios, strict=True):
        yield Result(name=name, value=ratio, unit="ratio", notes=(note,))
