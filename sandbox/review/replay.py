"""Where a request stands by the log alone, and whether what is stored is that.

The row of a request can be changed by whoever holds the database's file; the log cannot without its
checkpoints telling. Sealing and downloads therefore ask both, and act only where they agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, select

from sandbox.audit import reading
from sandbox.audit.event import Kind
from sandbox.audit.reading import Entry
from sandbox.review.status import HOLDABLE, INITIAL, TRANSITIONS, Status
from sandbox.store import tables

_ENDS: dict[str, Status] = {
    Kind.RELEASE_SEALED: Status.SEALING,
    Kind.RELEASE_WITHDRAWN: Status.WITHDRAWN,
}
_NAMED = frozenset({Kind.RELEASE_SCREENED, Kind.RELEASE_MOVED})
"""Events whose decision is the state they lead to."""
_STATES = {status.said: status for status in Status}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reviewed:
    """What the log keeps of one review."""

    binding: str
    verdict: str
    digest: str
    files: Mapping[str, str]
    """Word on each file, by the digest of its name."""
    overridden: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What the log says of a request."""

    status: Status
    round: int
    since: str
    """When it came to its present state."""
    held_from: Status | None = None
    quorum: int = 0
    risk: str = ""
    reviews: Mapping[str, Reviewed] = field(default_factory=dict)
    """Last review of each reviewer of this round."""
    consent: tuple[str, str] | None = None
    """Who consented, and to what."""
    excused: frozenset[tuple[str, str]] = frozenset()
    """Checks whose refusal was let before reviewers in this round, and until when."""
    seats: frozenset[str] = frozenset()
    declined: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()
    """Digests of the names of files that were approved."""
    downloads: int = 0
    expires: str = ""
    """Until when the package may be fetched; empty before there is one."""


def replay(entries: Iterable[Entry]) -> Standing | None:
    """Return where the entries of one request, oldest first, lead.

    None where there are none, or where one of them makes a move that the table does not have, approves what
    the reviews before it do not approve, or lets a held request go on elsewhere: such a request stands
    nowhere, and nothing of it may leave.
    """
    standing: Standing | None = None
    for entry in entries:
        if entry.event["kind"] not in _COUNTED:
            continue
        after = _after(standing, entry)
        if after is None or not _follows(standing, after):
            return None
        standing = after
    return standing


def standing_of(connection: Connection, request_id: str) -> Standing | None:
    """Return where the request stands by the log."""
    entries = reading.search(connection, subject=request_id, limit=None)[::-1]
    # Others may be about the request too: an answer's entries, refusals before there was a request.
    return replay(entry for entry in entries if entry.event["subject"] == request_id)


def agrees(connection: Connection, request_id: str, *, status: Status, round_: int) -> bool:
    """Return whether the log holds the request in ``status`` and ``round_``."""
    standing = standing_of(connection, request_id)
    return standing is not None and (standing.status, standing.round) == (status, round_)


def differing(connection: Connection) -> tuple[str, ...]:
    """Return the ids of all stored requests whose state or round is not that of the log."""
    t = tables.release_request
    rows = connection.execute(select(t.c.id, t.c.status, t.c.round).order_by(t.c.id)).all()
    return tuple(
        row.id for row in rows if not agrees(connection, row.id, status=Status(row.status), round_=row.round)
    )


def _follows(before: Standing | None, after: Standing) -> bool:
    if before is None:
        return after.status is INITIAL
    if before.status is after.status:
        return True
    back = before.status is Status.HELD and after.status in HOLDABLE
    return (before.status, after.status) in TRANSITIONS and (not back or after.status is before.held_from)


def _after(standing: Standing | None, entry: Entry) -> Standing | None:
    event = entry.event
    kind, body = event["kind"], event["body"]
    if kind == Kind.RELEASE_SUBMITTED:
        kept = standing or Standing(status=INITIAL, round=0, since=entry.at)
        return Standing(
            status=INITIAL, round=body["round"], since=entry.at, seats=kept.seats, declined=kept.declined
        )
    if standing is None or body.get("round") != standing.round:
        return None
    teller = _TELLERS.get(kind)
    return teller(standing, event) if teller else _moved(standing, entry)


def _moved(standing: Standing, entry: Entry) -> Standing | None:
    event = entry.event
    kind, body, decision = event["kind"], event["body"], event["decision"]
    # What was weighed again at sealing is no state: the move that follows it says where it leads.
    status = _ENDS.get(kind, _STATES.get(decision, standing.status))
    if status is Status.APPROVED and standing.status is not Status.HELD:
        leaving = frozenset(body.get("leaving", ()))
        if not leaving or not all(_approved(standing, name) for name in leaving):
            return None
        standing = replace(standing, leaving=leaving)
    held = status is Status.HELD
    return replace(
        standing,
        status=status,
        since=entry.at if status is not standing.status else standing.since,
        held_from=(standing.held_from or standing.status) if held else None,
        quorum=body.get("quorum", standing.quorum),
        risk=body.get("risk", standing.risk),
        expires=body.get("expires", standing.expires),
    )


def _approved(standing: Standing, name: str) -> bool:
    """Return whether reviews bound to one and the same thing approve the file, and no veto stands."""
    for binding in {review.binding for review in standing.reviews.values()}:
        counted = [
            review
            for who, review in standing.reviews.items()
            if review.binding == binding and who not in standing.declined
        ]
        agreed = sum(review.files.get(name) == "approve" for review in counted)
        vetoed = any(
            not review.overridden and (review.verdict == "reject" or review.files.get(name) != "approve")
            for review in counted
        )
        consented = standing.risk != "red" or (standing.consent or ("", ""))[1] == binding
        if agreed >= standing.quorum and not vetoed and consented:
            return True
    return False


def _voted(standing: Standing, event: Mapping[str, Any]) -> Standing:
    body = event["body"]
    review = Reviewed(
        binding=body["binding"], verdict=event["decision"], digest=body["review"], files=body["files"]
    )
    return replace(standing, reviews={**standing.reviews, event["actor"]: review})


def _overridden(standing: Standing, event: Mapping[str, Any]) -> Standing | None:
    reviewer = event["body"]["reviewer"]
    review = standing.reviews.get(reviewer)
    if review is None or review.digest != event["body"]["review"]:
        return None
    return replace(standing, reviews={**standing.reviews, reviewer: replace(review, overridden=True)})


def _consented(standing: Standing, event: Mapping[str, Any]) -> Standing:
    return replace(standing, consent=(event["actor"], event["body"]["binding"]))


def _excused(standing: Standing, event: Mapping[str, Any]) -> Standing:
    if event["decision"] != "agreed":
        return standing
    return replace(standing, excused=standing.excused | {(event["body"]["code"], event["body"]["expires"])})


def _seated(standing: Standing, event: Mapping[str, Any]) -> Standing:
    body = event["body"]
    return replace(standing, seats=frozenset(body["seats"]), declined=frozenset(body["declined"]))


def _downloaded(standing: Standing, _: Mapping[str, Any]) -> Standing:
    return replace(standing, downloads=standing.downloads + 1)


_TELLERS = {
    Kind.RELEASE_VOTED: _voted,
    Kind.RELEASE_OVERRIDDEN: _overridden,
    Kind.RELEASE_CONSENTED: _consented,
    Kind.RELEASE_EXCUSED: _excused,
    Kind.RELEASE_SEATED: _seated,
    Kind.RELEASE_DOWNLOADED: _downloaded,
}
_COUNTED = _NAMED | _ENDS.keys() | _TELLERS.keys() | {Kind.RELEASE_SUBMITTED}
