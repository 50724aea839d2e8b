"""What an officer should look at now: rules over the log and the books, each with its threshold.

Nothing is done about an alarm here, and none is kept: it is there as long as its cause is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from sandbox import freezes
from sandbox.audit.event import Kind, timestamp
from sandbox.audit.explore.explorer import REFUSED
from sandbox.store.tables import account, budget, event_index

IN_A_ROW: Final = 5
"""Refusals of one person with nothing granted between them."""
LOOKED_BACK: Final = 2_000
"""Newest entries in which refusals in a row are looked for."""
ROW_WITHIN: Final = timedelta(days=1)
NEAR_THE_END: Final = 0.9
"""Share of a budget that is spent."""
_LOOKS: Final = frozenset({Kind.AUDIT_READ, Kind.AUDIT_EXPORTED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """One thing to look at."""

    rule: str
    """Name of the rule, stable, for programs."""
    sentence: str
    filters: tuple[tuple[str, str], ...] = ()
    """The search that shows what it is about; empty where there is none."""
    grave: bool = False
    """Whether it concerns the log or the books themselves."""


def alarms(connection: Connection, *, now: datetime) -> Iterator[Alarm]:
    """Yield what freezes, people's attempts, accounts and budgets give cause for."""
    yield from _freezes(connection)
    yield from _refusals(connection, now)
    yield from _lockouts(connection, now)
    yield from _budgets(connection)


def _freezes(connection: Connection) -> Iterator[Alarm]:
    for stands in freezes.standing(connection):
        if stands.final:
            continue  # an authorization that has ended is nothing to look at any more
        target = stands.target
        named = (("subject", target.name),) if target.name else ()
        yield Alarm(
            rule="frozen",
            sentence=f"Frozen since {stands.at[:16].replace('T', ' ')} UTC: {target.said}.",
            filters=(("kind", Kind.ACCESS_FROZEN.value), *named),
        )


def _refusals(connection: Connection, now: datetime) -> Iterator[Alarm]:
    query = select(event_index.c.actor, event_index.c.kind, event_index.c.at)
    rows = connection.execute(query.order_by(event_index.c.seq.desc()).limit(LOOKED_BACK))
    begin = timestamp(now - ROW_WITHIN)
    counts: defaultdict[str, int] = defaultdict(int)
    ended: set[str] = set()
    for actor, kind, at in rows:
        if at < begin or actor in ended or kind in _LOOKS:
            continue
        if kind in REFUSED:
            counts[actor] += 1
        else:
            ended.add(actor)
    for actor, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        if count >= IN_A_ROW:
            yield Alarm(
                rule="refusals-in-a-row",
                sentence=f"{actor} was refused {count} times in a row, nothing granted between.",
                filters=(("actor", actor),),
            )


def _lockouts(connection: Connection, now: datetime) -> Iterator[Alarm]:
    query = select(account.c.name, account.c.locked_until).where(account.c.locked_until > timestamp(now))
    for name, until in connection.execute(query.order_by(account.c.name)):
        yield Alarm(
            rule="login-lockout",
            sentence=f"Account {name} is locked until {until[11:16]} UTC after wrong passwords.",
            filters=(("subject", name),),
        )


def _budgets(connection: Connection) -> Iterator[Alarm]:
    query = select(budget.c.scope, budget.c.cap, budget.c.spent).where(budget.c.cap > 0)
    for scope, cap, spent in connection.execute(query.order_by(budget.c.scope)):
        if spent >= NEAR_THE_END * cap:
            name = scope.partition(":")[2] if scope.startswith("authorization:") else ""
            yield Alarm(
                rule="budget-near-its-end",
                sentence=f"{spent * 100 // cap} % of budget {scope} is spent.",
                filters=(("authorization", name),) if name else (),
            )
