"""Whether somebody's look at a file is on record already, so that turning its pages is not recorded again."""

from __future__ import annotations

from sqlalchemy import Connection

from sandbox.audit import reading
from sandbox.audit.event import Kind
from sandbox.review.request import Request


def on_record(connection: Connection, request: Request, *, sha256: str, person: str) -> bool:
    """Return whether the log says that ``person`` saw these bytes in this round of the request.

    The log is asked, and not the table of opened files: that table knows no rounds, and a row that
    somebody put there must not keep a look out of the log.
    """
    looks = reading.search(
        connection,
        exact={"kind": Kind.RELEASE_OPENED.value, "actor": person},
        subject=request.id,
        limit=None,
    )
    seen = {(look.event["body"]["round"], look.event["body"]["sha256"]) for look in looks}
    return (request.round, sha256) in seen
