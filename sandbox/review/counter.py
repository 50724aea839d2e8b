"""Where released packages are fetched: counted, until their time is over, and only as sealed.

The bytes handed out, the request's state, the number of downloads and their time are compared with
the log, not only with the rows beside them.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from sandbox.audit import reading
from sandbox.audit.event import Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.audit.log import Log
from sandbox.audit.reading import Entry
from sandbox.canonical import digest
from sandbox.errors import Conflict
from sandbox.policy.policies import Policies
from sandbox.review import changes, holding, replay
from sandbox.review.encryption import SUFFIX, keys_of
from sandbox.review.request import Request, read_request
from sandbox.review.status import Party, Status
from sandbox.review.view import Outbox
from sandbox.store import tables


def history(connection: Connection, request_id: str) -> list[Entry]:
    """Return all entries about a request, oldest first."""
    return reading.search(connection, subject=request_id, limit=None)[::-1]


def outbox(connection: Connection, request: Request, *, most: int) -> Outbox | None:
    """Return what is left of a released package, None where there is none to fetch."""
    t = tables.package
    query = select(t.c.sha256, t.c.expires_at, t.c.downloads).where(t.c.request == request.id)
    row = connection.execute(query).one_or_none()
    if row is None or request.status is not Status.RELEASED:
        return None
    return Outbox(sha256=row.sha256, expires_at=row.expires_at, downloads_left=max(0, most - row.downloads))


def hand_out(log: Log, request_id: str, *, actor: str, policies: Policies) -> tuple[str, bytes]:
    """Count one download and return name and bytes of the package.

    Raises:
        NotAllowed: a freeze holds it up.
        Conflict: it is not released, expired, used up, or not what was sealed.
    """
    with log.writing() as tx:
        request = read_request(tx.connection, request_id)
        holding.check(tx.connection, policies, request)
        refusal, content = _take(tx, request, actor=actor, most=policies.review.max_downloads)
    # Raised after the commit: that the package expired, or was tampered with, is to be kept.
    if refusal is not None:
        raise refusal
    suffix = SUFFIX if keys_of(request.sealed["manifest"]) else ""
    return f"release-{request_id}.tar.gz{suffix}", content


def expire(log: Log, *, most: int) -> None:
    """Move every released request whose time or downloads are used up."""
    r, p = tables.release_request, tables.package
    query = select(r.c.id).where(r.c.status == str(Status.RELEASED), r.c.id == p.c.request)
    with log.reading() as connection:
        released = connection.execute(query).scalars().all()
    for request_id in released:
        with log.writing() as tx:
            request = read_request(tx.connection, request_id)
            if request.status is Status.RELEASED and _is_over(tx, request, most=most):
                _move(tx, request, Status.EXPIRED)


def _take(tx: Transaction, request: Request, *, actor: str, most: int) -> tuple[Conflict | None, bytes]:
    if request.status is not Status.RELEASED:
        return Conflict(
            "not-released", f"The request is {request.status.said}; there is nothing to fetch."
        ), b""
    if not replay.agrees(tx.connection, request.id, status=request.status, round_=request.round):
        _move(tx, request, Status.TAMPERED)
        return Conflict("state-changed", "The stored state of the request is not the one on record."), b""
    if _is_over(tx, request, most=most):
        _move(tx, request, Status.EXPIRED)
        return Conflict("expired", "The package may no longer be fetched.", allowed="Submit it anew."), b""
    t = tables.package
    content = bytes(tx.connection.execute(select(t.c.content).where(t.c.request == request.id)).scalar_one())
    if (actor, digest(content)) != _released(tx.connection, request):
        _move(tx, request, Status.TAMPERED)
        return Conflict("bytes-changed", "The stored package is not the one that was sealed."), b""
    counted = tx.connection.execute(
        update(t).where(t.c.request == request.id, t.c.downloads < most).values(downloads=t.c.downloads + 1)
    )
    if counted.rowcount != 1:
        return Conflict("expired", "The package may no longer be fetched."), b""
    body = {"package": digest(content)}
    tx.append(changes.event(Kind.RELEASE_DOWNLOADED, request, actor=actor, body=body))
    return None, content


def _is_over(tx: Transaction, request: Request, *, most: int) -> bool:
    t = tables.package
    row = tx.connection.execute(select(t.c.expires_at, t.c.downloads).where(t.c.request == request.id)).one()
    # By the row, and by the log: the row alone could be set back by whoever holds the database's file.
    logged = replay.standing_of(tx.connection, request.id)
    downloads = max(row.downloads, logged.downloads if logged else most)
    expires = min(row.expires_at, logged.expires if logged and logged.expires else row.expires_at)
    return bool(expires <= timestamp(tx.at) or downloads >= most)


def _released(connection: Connection, request: Request) -> tuple[str, str]:
    """Return author and package digest as the log holds them."""
    events = [entry.event for entry in history(connection, request.id)]
    authors = [event["actor"] for event in events if event["kind"] == Kind.RELEASE_SUBMITTED]
    released = [
        event["body"]["package"]
        for event in events
        if event["kind"] == Kind.RELEASE_MOVED and "package" in event["body"]
    ]
    return (authors[0], released[-1]) if authors and released else ("", "")


def _move(tx: Transaction, request: Request, end: Status) -> None:
    changes.move(tx, request, end, Party.SYSTEM)
    tx.append(changes.event(Kind.RELEASE_MOVED, request, actor="system", decision=end.said))
