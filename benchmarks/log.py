"""What a record costs: the log with many callers and with one, beside appending to a file and flushing it."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.databases import states
from benchmarks.harness import Result, interleaved, say
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.settings import Settings
from sandbox.store.engine import open_state

CALLERS: Final = 32
RECORD: Final = 512
"""Bytes that the plain loop appends: about what a leaf has."""
GOALS: Final = {"SQLite": 1.0, "PostgreSQL": 0.5}
OVERHEAD_MS: Final = 1.5
PLAIN: Final = f"The plain loop appends {RECORD} bytes to a file and calls fdatasync, one caller, in turns."
WHOLE: Final = (
    "Each record is encoded, hashed into the tree, indexed, committed, signed (Ed25519) and acknowledged, "
    "with the signer's state kept in its file."
)


@dataclass(frozen=True, slots=True)
class _Opened:
    log: Log
    plain: int
    """Descriptor of the plain loop's file, beside the database."""


def measure(bench: Bench) -> Iterator[Result]:
    """Write to the log of each database in turns with the plain loop."""
    with ExitStack() as stack:
        for name, settings in states(bench.work / "log", stack):
            opened = _open(settings, bench.work / f"plain-{name}", stack)
            say(f"log in {name}")
            ratios = [_round(opened, bench.sizes.log_seconds) for _ in range(bench.sizes.repetitions)]
            yield Result(
                name=f"log in {name}, records of {CALLERS} callers / plain appends",
                value=statistics.median(ratios),
                unit="ratio",
                goal=GOALS[name],
                more_is_better=True,
                notes=(PLAIN, WHOLE),
            )
            yield _overhead(name, opened, bench.sizes.asks)


def _open(settings: Settings, plain: Path, stack: ExitStack) -> _Opened:
    engine = open_state(settings)
    stack.callback(engine.dispose)
    signer = KeySigner(SigningKey.create(settings.home / "log.key"), state=settings.home / "signed")
    stack.callback(signer.close)
    descriptor = os.open(plain, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    stack.callback(os.close, descriptor)
    return _Opened(Log(engine, signer=signer, private_key=bytes(32)), descriptor)


def _round(opened: _Opened, seconds: float) -> float:
    """Return records of all callers over plain appends, each for ``seconds``."""
    records = _records(opened.log, seconds)
    return records / _appends(opened.plain, seconds)


def _records(log: Log, seconds: float) -> int:
    until = time.monotonic() + seconds
    written = [0] * CALLERS

    def call(number: int) -> None:
        while time.monotonic() < until:
            log.append(_event(f"{number}-{written[number]}"))
            written[number] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(written)


def _appends(descriptor: int, seconds: float) -> int:
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        _append(descriptor)
        count += 1
    return count


def _append(descriptor: int) -> None:
    os.write(descriptor, b"x" * RECORD)
    os.fdatasync(descriptor)


def _overhead(name: str, opened: _Opened, repetitions: int) -> Result:
    """A question has two records; what they take beyond two plain appends."""

    def question() -> None:
        for subject in ("intent", "outcome"):
            opened.log.append(_event(subject))

    def plain() -> None:
        for _ in range(2):
            _append(opened.plain)

    recorded, appended = interleaved(question, plain, repetitions=repetitions)
    return Result(
        name=f"log in {name}, both records of a question beyond two plain appends",
        value=(recorded - appended) * 1e3,
        unit="ms",
        goal=OVERHEAD_MS if name == "SQLite" else None,
        notes=(f"Medians of one caller; {name}: {recorded * 1e3:.2f} ms and {appended * 1e3:.2f} ms.", WHOLE),
    )


def _event(subject: str) -> Event:
    body = {"plan": "sha256:" + "0" * 64, "template": "SELECT ? FROM visits WHERE ? GROUP BY ?" * 3}
    return Event(kind=Kind.QUESTION_INTENT, actor="ana", subject=subject, authorization="study", body=body)
