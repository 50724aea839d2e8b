"""A log of generated entries, as many as wanted, written by the real log in large transactions.

People, datasets and kinds are as uneven as in use: a few analysts ask most questions, most questions are
answered, and a release comes after some hundred of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from sandbox.audit.event import Event, Kind
from sandbox.audit.log import Log

TOGETHER: Final = 10_000
"""Entries of one transaction."""
DAYS: Final = 300
START: Final = datetime(2026, 1, 1, 6, tzinfo=UTC)
ANALYSTS: Final = 60
DATASETS: Final = ("visits", "schools", "permits", "traffic", "water", "housing")
TEMPLATES: Final = (
    "SELECT district, COUNT(*) AS n FROM visits WHERE service = ? GROUP BY district",
    "SELECT region, AVG(cost) AS mean_cost, SUM(cost) AS total FROM visits GROUP BY region",
    "SELECT MEDIAN(age) FROM pupils WHERE grade >= ? AND region = ?",
    "SELECT year, quarter, COUNT(*) AS n FROM permits WHERE kind = ? GROUP BY year, quarter",
)
REFUSED, LOGINS, RELEASES, ANSWERED = 0.06, 0.02, 0.01, 0.995
"""Shares: of refused questions, log-ins and releases among what people do, of answers among outcomes."""
CODES: Final = ("column-closed", "over-budget", "sql-malformed", "authorization-not-held", "group-too-fine")


class Clock:
    """Time that goes from :data:`START` over :data:`DAYS` while so many entries are written."""

    def __init__(self, total: int) -> None:
        self._step = timedelta(days=DAYS) * TOGETHER / max(1, total)
        self._now = START

    def __call__(self) -> datetime:
        """Return the moment of the next transaction."""
        now, self._now = self._now, self._now + self._step
        return now


def write(log: Log, total: int, *, said: Callable[[int], None]) -> None:
    """Write ``total`` entries; ``said`` is told how many there are after each transaction."""
    events = _events(random.Random(11))  # noqa: S311  # the same entries each time, nothing is secret
    written = 0
    while written < total:
        with log.writing() as transaction:
            for event in islice(events, min(TOGETHER, total - written)):
                transaction.append(event)
                written += 1
        said(written)


def _events(chance: random.Random) -> Iterator[Event]:
    answered: list[str] = []
    while True:
        person = f"analyst-{min(int(chance.expovariate(0.08)), ANALYSTS - 1):02d}"
        dataset = DATASETS[min(int(chance.expovariate(0.7)), len(DATASETS) - 1)]
        subject = UUID(int=chance.getrandbits(128)).hex
        share = chance.random()
        if share < REFUSED:
            yield _refused(chance, person, dataset, subject)
        elif share < REFUSED + LOGINS:
            yield Event(kind=Kind.LOGIN, actor=person, subject=person, decision="granted")
        elif share < REFUSED + LOGINS + RELEASES and answered:
            yield from _release(chance, person, dataset, answered)
        else:
            yield from _question(chance, person, dataset, subject)
            answered = [*answered[-9:], subject]


def _question(chance: random.Random, person: str, dataset: str, subject: str) -> Iterator[Event]:
    common = {"actor": person, "subject": subject, "authorization": f"{dataset}-study", "dataset": dataset}
    loss = chance.randrange(1, 400) * 10**9
    yield Event(
        kind=Kind.QUESTION_INTENT,
        decision="charged",
        body={
            "channel": "notebook",
            "policy": _digest(chance),
            "plan": _digest(chance),
            "template": chance.choice(TEMPLATES),
            "epsilon": f"0.{chance.randrange(1, 99):02d}",
            "loss": loss,
        },
        **common,  # type: ignore[arg-type]  # all of it text
    )
    yield Event(
        kind=Kind.QUESTION_OUTCOME,
        decision="answered" if chance.random() < ANSWERED else chance.choice(("failed", "unknown")),
        body={
            "answer": _digest(chance),
            "csv": _digest(chance),
            "mechanism": "discrete laplace",
            "loss": loss,
        },
        **common,  # type: ignore[arg-type]  # as above
    )


def _refused(chance: random.Random, person: str, dataset: str, subject: str) -> Event:
    return Event(
        kind=Kind.QUESTION_REFUSED,
        actor=person,
        subject=subject,
        authorization=f"{dataset}-study",
        decision=chance.choice(CODES),
        body={"channel": "notebook", "policy": _digest(chance)},
    )


def _release(chance: random.Random, person: str, dataset: str, answered: list[str]) -> Iterator[Event]:
    subject = f"r-{chance.getrandbits(48):012x}"
    steps = (
        (Kind.RELEASE_SUBMITTED, person, "review"),
        (Kind.RELEASE_OPENED, "rita", ""),
        (Kind.RELEASE_VOTED, "rita", "approve"),
        (Kind.RELEASE_VOTED, "rolf", "approve"),
        (Kind.RELEASE_SEALED, "system", "released"),
        (Kind.RELEASE_DOWNLOADED, person, "granted"),
    )
    for kind, actor, decision in steps:
        yield Event(
            kind=kind,
            actor=actor,
            subject=subject,
            authorization=f"{dataset}-study",
            dataset=dataset,
            decision=decision,
            related=tuple(answered) if kind is Kind.RELEASE_SUBMITTED else (),
            body={"files": [{"name": "table-2.csv", "sha256": _digest(chance)}]},
        )


def _digest(chance: random.Random) -> str:
    return f"sha256:{chance.getrandbits(256):064x}"
