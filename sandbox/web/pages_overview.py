"""The officer's overview: does the log hold, what to look at now, what happened lately; and verifying it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from sandbox.audit.event import Kind
from sandbox.audit.explore.found import Day, Wanted
from sandbox.audit.verification import BROKEN
from sandbox.errors import Refusal, Unavailable
from sandbox.gateway import Gateway
from sandbox.governance import watch
from sandbox.governance.watch import Alarm
from sandbox.policy.load import load_witnesses
from sandbox.web.chart import chart
from sandbox.web.render import page
from sandbox.web.route import Call, Reply, download, redirect
from sandbox.witness import cosigning

LATEST: Final = 12
DAYS: Final = 30
BAD_OUTCOMES: Final = ("failed", "unknown")
LAGS: Final = 100
"""Entries that a copy was offered and has not taken, from which on it is said to lag."""
AGAIN_SECONDS: Final = 2
"""After so many seconds the page of a running verification asks how far it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """How far one further place has followed the log: a witness, or a sink."""

    name: str
    sentence: str
    behind: int
    """Entries it has not seen."""
    problem: str = ""


def overview(call: Call) -> Reply:
    """Show the state of the log, alarms, days and the newest entries."""
    call.gateway.looks.record_search(call.actor.name, Wanted(), channel=call.actor.channel.value)
    log, now = call.gateway.books.log, datetime.now(UTC)
    status = log.status()
    days, building = _days(call.gateway)
    followers = [*witnesses(call.gateway, status.size), *sinks(call.gateway, status.size)]
    started = log.search(kind=Kind.GATEWAY_STARTED, limit=1)
    return page(
        call,
        "overview.html",
        status=status,
        signer=call.gateway.books.log.origin,
        followers=followers,
        started=started[0] if started else None,
        verified=call.gateway.verification.last(),
        progress=call.gateway.verification.progress,
        alarms=[(alarm, urlencode(alarm.filters)) for alarm in _alarms(call.gateway, followers, now)],
        chart=chart(days) if days else None,
        building=building,
        entries=log.search(limit=LATEST),
    )


def verification(call: Call) -> Reply:
    """Show how far a verification is, how the last one ended, and how to do it without this server."""
    progress = call.gateway.verification.progress
    shown = page(
        call,
        "verification.html",
        progress=progress,
        verified=call.gateway.verification.last(),
        status=call.gateway.books.log.status(),
    )
    return replace(shown, headers={"Refresh": str(AGAIN_SECONDS)}) if progress.running else shown


def verify(call: Call) -> Reply:
    """Begin to verify the stored log in full."""
    call.gateway.verification.start(call.actor.name)
    return redirect("/audit/verification")


def checkpoint(call: Call) -> Reply:
    """Hand out the signed head of the log."""
    call.gateway.looks.record(call.actor.name, subject="checkpoint", channel=call.actor.channel.value)
    status = call.gateway.books.log.status()
    return download(name=f"checkpoint-{status.size}", data=status.checkpoint)


def witnesses(gateway: Gateway, size: int) -> Iterator[Copy]:
    """Yield how far each witness has followed the log of so many entries."""
    try:
        named = load_witnesses(gateway.settings.policies)
        for one in cosigning.standings(gateway.books.log, named):
            yield Copy(name=one.witness, sentence=one.sentence, behind=size - one.size, problem=one.problem)
    except Refusal as refusal:
        yield Copy(name="witnesses", sentence=refusal.sentence, behind=size, problem=refusal.sentence)


def sinks(gateway: Gateway, size: int) -> Iterator[Copy]:
    """Yield how far each further place that a log of so many entries is copied to has come."""
    held = gateway.books.log.sinks
    for one in held.states() if held is not None else ():
        kind = "required" if one.required else "not required"
        sentence = f"copied to {one.name} ({kind}) up to entry {one.last}"
        behind = max(0, size - 1 - one.last)
        problem = one.why or (f"it is {behind} entries behind." if one.missed >= LAGS else "")
        yield Copy(name=one.name, sentence=sentence, behind=behind, problem=problem)


def _alarms(gateway: Gateway, followers: Sequence[Copy], now: datetime) -> Iterator[Alarm]:
    last = gateway.verification.last()
    if last is not None and last.event["decision"] == BROKEN:
        yield Alarm(rule="log-broken", sentence=str(last.event["body"]["sentence"]), grave=True)
    for one in followers:
        if one.problem:
            yield Alarm(rule="follower-failing", sentence=f"{one.name}: {one.problem}", grave=True)
    with gateway.books.log.reading() as connection:
        yield from watch.alarms(connection, now=now)
    yield from _outcomes(gateway, now)


def _outcomes(gateway: Gateway, now: datetime) -> Iterator[Alarm]:
    """Yield today's questions that were paid and not answered."""
    today = now.date().isoformat()
    for decision in BAD_OUTCOMES:
        wanted = Wanted(kind=Kind.QUESTION_OUTCOME, decision=decision, since=today)
        try:
            found = gateway.explorer.find(wanted, limit=1)
        except Unavailable:
            return  # the page says that the log is being made searchable
        if found.total:
            yield Alarm(
                rule=f"outcome-{decision}",
                sentence=f"{found.total} paid questions of today have the outcome {decision}.",
                filters=(("kind", wanted.kind or ""), ("decision", decision), ("since", today)),
            )


def _days(gateway: Gateway) -> tuple[tuple[Day, ...], str]:
    try:
        return gateway.explorer.days(DAYS), ""
    except Unavailable as refusal:
        return (), refusal.sentence
