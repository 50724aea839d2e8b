"""Whether somebody's look is on record already, so that turning its pages is not recorded again."""

from __future__ import annotations

from sqlalchemy import Connection

from sandbox.audit import reading
from sandbox.audit.event import Event


def on_record(connection: Connection, look: Event) -> bool:
    """Return whether the log says of the same person, request, round and content what ``look`` would say.

    The log is asked, and not the table of opened files: that table knows no rounds, and a row that
    somebody put there must not keep a look out of the log.
    """
    looks = reading.search(
        connection,
        exact={"kind": look.kind.value, "actor": look.actor},
        subject=look.subject,
        limit=None,
    )
    return any(one.event["body"] == look.body for one in looks)
