"""Every write to the review tables: each asks for the open transaction of its log entry.

A move names the row version it was decided on, and the UPDATE itself compares it; nothing moved
means somebody else was faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection, delete, insert, select, update

from sandbox import canonical
from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.canonical import Canonical, digest, digest_of
from sandbox.errors import Conflict
from sandbox.review.request import Request, StoredFile, Vote, document_of
from sandbox.review.screen.screening import ScreenedFile
from sandbox.review.status import Party, Status, check_move
from sandbox.store import tables


def move(tx: Transaction, request: Request, end: Status, party: Party) -> Request:
    """Move ``request`` and store what changed of its document; return it as it is now.

    Raises:
        Conflict: the table does not allow it, or the request has changed since it was read.
        NotAllowed: another party makes this move.
    """
    check_move(request.status, end, party)
    moved = replace(
        request,
        status=end,
        held_from=request.held_from if end is Status.HELD else None,
        row_version=request.row_version + 1,
        updated_at=timestamp(tx.at),
    )
    t = tables.release_request
    done = tx.connection.execute(
        update(t)
        .where(
            t.c.id == request.id, t.c.row_version == request.row_version, t.c.status == str(request.status)
        )
        .values(
            status=str(end),
            round=moved.round,
            row_version=moved.row_version,
            document=document_of(moved),
            updated_at=moved.updated_at,
            purpose=moved.purpose,
        )
    )
    if done.rowcount != 1:
        raise stale()
    return moved


def step(
    tx: Transaction,
    request: Request,
    end: Status,
    party: Party,
    *,
    actor: str = "system",
    body: Mapping[str, Canonical] | None = None,
    private: str | None = None,
) -> Request:
    """Move ``request`` and record the move in the same transaction; return it as it is now.

    Raises:
        Conflict, NotAllowed: as for :func:`move`.
    """
    moved = move(tx, request, end, party)
    tx.append(event(Kind.RELEASE_MOVED, request, actor=actor, decision=end.said, body=body), private=private)
    return moved


def stale() -> Conflict:
    """Return the refusal of a decision on something that has changed meanwhile."""
    return Conflict(
        "stale",
        "The request has changed since you looked at it.",
        allowed="Look again, then decide.",
    )


def store_document(tx: Transaction, request: Request) -> None:
    """Store what changed of the document of a request that has not moved."""
    t = tables.release_request
    same = (t.c.id == request.id, t.c.row_version == request.row_version)
    tx.connection.execute(update(t).where(*same).values(document=document_of(request)))


def touch(tx: Transaction, request: Request) -> Request:
    """Store the document and make every page that shows the request stale, without moving it.

    Raises:
        Conflict: the request has changed since it was read.
    """
    t = tables.release_request
    touched = replace(request, row_version=request.row_version + 1)
    same = (t.c.id == request.id, t.c.row_version == request.row_version)
    values = {"row_version": touched.row_version, "document": document_of(touched)}
    if tx.connection.execute(update(t).where(*same).values(values)).rowcount != 1:
        raise stale()
    return touched


def at_version(request: Request, row_version: int | None) -> Request:
    """Return ``request`` if it is as its viewer saw it; None asks for no comparison.

    Raises:
        Conflict: it has changed.
    """
    if row_version is not None and request.row_version != row_version:
        raise stale()
    return request


def create(tx: Transaction, request: Request) -> None:
    """Store a new request."""
    tx.connection.execute(
        insert(tables.release_request).values(
            id=request.id,
            author=request.author,
            authorization=request.authorization,
            purpose=request.purpose,
            status=str(request.status),
            round=request.round,
            row_version=request.row_version,
            document=document_of(request),
            created_at=request.created_at,
            updated_at=request.updated_at,
        )
    )


def store_files(tx: Transaction, request: Request, screened: Iterable[ScreenedFile]) -> None:
    """Store the canonical bytes and the report of each file of the request's round."""
    for stored, file in zip(request.files, screened, strict=True):
        known = select(tables.blob.c.sha256).where(tables.blob.c.sha256 == file.sha256)
        if tx.connection.execute(known).first() is None:
            tx.connection.execute(insert(tables.blob).values(sha256=file.sha256, content=file.canonical))
        tx.connection.execute(
            insert(tables.release_file).values(
                request=request.id,
                round=request.round,
                name=stored.name,
                sha256=stored.sha256,
                original_sha256=stored.original_sha256,
                size=stored.size,
                verdict=str(stored.report.verdict),
                report=canonical.encode(stored.report.to_document()),
            )
        )


def store_vote(tx: Transaction, request: Request, vote: Vote) -> None:
    """Store a review; one that the same person gave of this round before gives way."""
    t = tables.vote
    same = (t.c.request == request.id, t.c.round == request.round, t.c.reviewer == vote.reviewer)
    tx.connection.execute(delete(t).where(*same))
    tx.connection.execute(
        insert(t).values(
            request=request.id,
            round=request.round,
            reviewer=vote.reviewer,
            verdict=vote.verdict,
            reason=vote.reason,
            binding=vote.binding,
            at=vote.at,
            document=canonical.encode(
                {
                    "files": dict(vote.files),
                    "acknowledged": dict(vote.acknowledged),
                    "overridden": vote.overridden,
                }
            ),
        )
    )


def store_opened(tx: Transaction, request: Request, file: StoredFile, reviewer: str) -> None:
    """Store that ``reviewer`` was shown these bytes."""
    t = tables.opened
    same = (t.c.request == request.id, t.c.sha256 == file.sha256, t.c.reviewer == reviewer)
    if tx.connection.execute(select(t.c.reviewer).where(*same)).first() is None:
        row = {"request": request.id, "sha256": file.sha256, "reviewer": reviewer, "at": timestamp(tx.at)}
        tx.connection.execute(insert(t).values(row))


def opened_by(connection: Connection, request: Request, reviewer: str) -> frozenset[str]:
    """Return digests of this request's files that ``reviewer`` has opened."""
    t = tables.opened
    query = select(t.c.sha256).where(t.c.request == request.id, t.c.reviewer == reviewer)
    return frozenset(connection.execute(query).scalars())


def event(
    kind: Kind,
    request: Request,
    *,
    actor: str,
    decision: str = "",
    body: Mapping[str, Canonical] | None = None,
) -> Event:
    """Return an event about ``request``; its body always names the round."""
    return Event(
        kind=kind,
        actor=actor,
        subject=request.id,
        authorization=request.authorization,
        decision=decision,
        related=tuple(str(receipt["answer"]) for receipt in request.receipts),
        body={"round": request.round, **(body or {})},
    )


def submitted_body(request: Request) -> dict[str, Canonical]:
    """Return what the log keeps of a submission beside its author; the purpose by its digest."""
    return {
        "round": request.round,
        "purpose": digest(request.purpose.encode()),
        "files": _files_body(request),
    }


def screened_body(request: Request) -> dict[str, Canonical]:
    """Return what the log keeps of a screening: all that a manifest will say about the files."""
    return {
        "round": request.round,
        "files": _files_body(request),
        "risk": request.risk,
        "quorum": request.quorum,
        "report": request.report.digest,
        "receipts": digest_of([dict(receipt) for receipt in request.receipts]),
    }


def _files_body(request: Request) -> list[Canonical]:
    # Digests, never names or contents: the log is read by more people than the files are.
    return [
        {
            "name": digest(file.name.encode()),
            "sha256": file.sha256,
            "report": file.report.digest,
            "verdict": str(file.report.verdict),
            "receipt": file.receipt,
        }
        for file in request.files
    ]
