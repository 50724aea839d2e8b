"""How long an officer waits for a search over a large log, on each database the log can be in."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from benchmarks.bench import Bench
from benchmarks.databases import states
from benchmarks.entries import START, Clock, write
from benchmarks.harness import Result, say, seconds_of
from sandbox.audit.explore.explorer import Explorer
from sandbox.audit.explore.found import Wanted
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.settings import Settings
from sandbox.store.engine import open_state

GOAL_MS: Final = 200.0
PATIENCE: Final = 120.0
"""Seconds one transaction of the generator may take."""
DAY: Final = START.date().isoformat()
SEARCHES: Final = (
    Wanted(),
    Wanted(before=300_000),
    Wanted(actor="analyst-00"),
    Wanted(actor="analyst-59", kind="question.outcome"),
    Wanted(kind="release.voted"),
    Wanted(kind="question.refused", decision="over-budget", actor="analyst-03"),
    Wanted(kind="release.voted", actor="analyst-03"),
    Wanted(dataset="water", authorization="water-study", decision="failed"),
    Wanted(since=DAY, until="2026-03-31"),
    Wanted(since="2026-05-01", until="2026-05-02", kind="question.intent"),
    Wanted(text="visits"),
    Wanted(text="analyst-17"),
    Wanted(text="discrete laplace"),
    Wanted(text="median(age)"),
    Wanted(text="edian"),
    Wanted(text="nothing of the kind"),
    Wanted(text="table-2.csv"),
    Wanted(text="over-bud", dataset=None, actor="analyst-20"),
    Wanted(text="quarter", kind="question.intent", since="2026-04-01", until="2026-06-30"),
    Wanted(text="unknown", kind="question.outcome"),
)
HOW: Final = (
    "An explorer's whole answer: following the log, the 50 newest entries that fit, read from their leaves, "
    "and the counts of every facet. Over kinds, people, days, and parts of words, frequent, rare and absent, "
    "each in turns, and ids and digests as they stand in the log."
)


def measure(bench: Bench) -> Iterator[Result]:
    """Write the entries, make them searchable, and search."""
    total = bench.sizes.entries
    with ExitStack() as stack:
        for name, settings in states(bench.work / "search", stack):
            explorer, log = _opened(settings, total, name, stack)
            making = seconds_of(explorer.rebuild)
            taken = sorted(1e3 * one for one in _searched(explorer, log, bench.sizes.searches))
            note = f"{name}: median {statistics.median(taken):.0f} ms, slowest {taken[-1]:.0f} ms."
            yield Result(
                name=f"search p95 at {_said(total)} entries, log in {name}",
                value=taken[min(len(taken) - 1, int(0.95 * len(taken)))],
                unit="ms",
                goal=GOAL_MS,
                notes=(HOW, note),
            )
            yield Result(
                name=f"making {_said(total)} entries searchable, log in {name}",
                value=making,
                unit="s",
                notes=("`sandbox audit reindex`; otherwise the file follows the log while it grows.",),
            )


def _opened(settings: Settings, total: int, name: str, stack: ExitStack) -> tuple[Explorer, Log]:
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = open_state(settings)
    stack.callback(engine.dispose)
    signer = KeySigner(SigningKey.create(settings.home / "log.key"), state=settings.home / "signed")
    stack.callback(signer.close)
    log = Log(engine, signer=signer, private_key=bytes(32), commit_deadline=PATIENCE, clock=Clock(total))
    say(f"writing {total:,} entries to {name}")
    write(log, total, said=lambda _: None)
    return Explorer(log, settings.home / "search.sqlite"), log


def _searched(explorer: Explorer, log: Log, repetitions: int) -> Iterator[float]:
    ids = [entry.event for entry in log.search(limit=200)]
    searches = [
        *SEARCHES,
        Wanted(subject=ids[7]["subject"]),
        Wanted(text=ids[11]["subject"]),
        Wanted(text=next(body["plan"] for event in ids if "plan" in (body := event["body"]))),
        Wanted(text=ids[23]["subject"][:8]),
    ]
    for repetition in range(repetitions + 1):
        for wanted in searches:
            taken = seconds_of(lambda wanted=wanted: explorer.find(wanted))  # type: ignore[misc]  # bound at once
            if repetition:
                yield taken


def _said(total: int) -> str:
    return f"{total / 1e6:g} M" if total >= 10**5 else f"{total:,}"
