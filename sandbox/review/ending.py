"""What becomes of the release requests of an authorization that is ended."""

from __future__ import annotations

from sqlalchemy import select

from sandbox.audit.event import Kind
from sandbox.audit.log import Log
from sandbox.review import changes
from sandbox.review.request import read_request
from sandbox.review.status import TRANSITIONS, Party, Status
from sandbox.store import tables

ENDABLE = tuple(start for start, end in TRANSITIONS if end is Status.ENDED)
"""States from which something could still leave."""
ENDED = Status.ENDED.said
"""The decision of the record."""


def end_requests(log: Log, authorization: str, *, actor: str) -> None:
    """Move every request of ``authorization`` from which something could still leave to its end.

    The authorization must be frozen for good before, so that no request comes after this has looked.

    Raises:
        Unavailable: the log cannot be written; what was ended by then stays so.
    """
    t = tables.release_request
    open_ones = (t.c.authorization == authorization, t.c.status.in_(list(map(str, ENDABLE))))
    with log.reading() as connection:
        found = connection.execute(select(t.c.id).where(*open_ones).order_by(t.c.id)).scalars().all()
    for request_id in found:
        with log.writing() as tx:
            request = read_request(tx.connection, request_id)
            if request.status not in ENDABLE:
                continue
            changes.move(tx, request, Status.ENDED, Party.SYSTEM)
            body = {"was": request.status.said, "reason": "its authorization was ended"}
            tx.append(changes.event(Kind.RELEASE_MOVED, request, actor=actor, decision=ENDED, body=body))
