"""Where a request stands by the log alone.

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
from sandbox.review.status import INITIAL, TRANSITIONS, Status
from sandbox.store import tables

_ENDS: dict[str, Status] = {
    Kind.RELEASE_SEALED: Status.SEALING,
    Kind.RELEASE_WITHDRAWN: Status.WITHDRAWN,
}
_NAMED = frozenset({Kind.RELEASE_SCREENED, Kind.RELEASE_MOVED})
"""Events whose decision is the state they lead to."""
_STATES = {status.said: status for status in Status}
_COUNTED = _NAMED | _ENDS.keys() | {Kind.RELEASE_SUBMITTED, Kind.RELEASE_VOTED, Kind.RELEASE_DOWNLOADED}
_VOTED = {"return": Status.RETURNED, "reject": Status.REJECTED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What the log says of a request."""

    status: Status
    round: int
    quorum: int = 0
    approvals: Mapping[str, str] = field(default_factory=dict)
    """Who approved this round, and the binding of their latest approval."""
    downloads: int = 0
    expires: str = ""
    """Until when the package may be fetched; empty before there is one."""


def replay(events: Iterable[Mapping[str, Any]]) -> Standing | None:
    """Return where the events of one request, oldest first, lead.

    None where there are none, or where one of them makes a move that the table does not have: such a
    request stands nowhere, and nothing of it may leave.
    """
    standing: Standing | None = None
    for event in events:
        after = _after(standing, event)
        if after is None or not _follows(standing, after):
            return None
        standing = after
    return standing


def standing_of(connection: Connection, request_id: str) -> Standing | None:
    """Return where the request stands by the log."""
    entries = reading.search(connection, subject=request_id, limit=None)[::-1]
    # Others may be about the request too: an answer's entries, refusals before there was a request.
    return replay(
        entry.event
        for entry in entries
        if entry.event["subject"] == request_id and entry.event["kind"] in _COUNTED
    )


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
    return before.status is after.status or (before.status, after.status) in TRANSITIONS


def _after(standing: Standing | None, event: Mapping[str, Any]) -> Standing | None:
    kind, body = event["kind"], event["body"]
    if kind == Kind.RELEASE_SUBMITTED:
        return Standing(status=Status.SCREENING, round=body["round"])
    if standing is None or body.get("round") != standing.round:
        return None
    if kind == Kind.RELEASE_VOTED:
        return _with_vote(standing, event)
    if kind == Kind.RELEASE_DOWNLOADED:
        return replace(standing, downloads=standing.downloads + 1)
    return replace(
        standing,
        status=_status_after(standing.status, kind, event["decision"]),
        quorum=body.get("quorum", standing.quorum),
        expires=body.get("expires", standing.expires),
    )


def _status_after(status: Status, kind: str, decision: str) -> Status:
    if kind in _ENDS:
        return _ENDS[kind]
    # What was weighed again at sealing is no state: the move that follows it says where it leads.
    return _STATES.get(decision, status) if kind in _NAMED else status


def _with_vote(standing: Standing, event: Mapping[str, Any]) -> Standing:
    verdict, binding = event["decision"], event["body"]["binding"]
    if verdict in _VOTED:
        return replace(standing, status=_VOTED[verdict])
    approvals = {**standing.approvals, event["actor"]: binding}
    agreed = sum(other == binding for other in approvals.values())
    status = Status.APPROVED if agreed >= standing.quorum else standing.status
    return replace(standing, approvals=approvals, status=status)
