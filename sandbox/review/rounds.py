"""The files of a request's earlier rounds, to be compared with those of the present one.

What an earlier round held was seen by its reviewers and its author; who may see the request may see it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from sandbox.audit.log import Log
from sandbox.store import tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One file of one round."""

    round: int
    sha256: str
    """Digest of its canonical bytes."""
    content: bytes


def earlier(log: Log, request_id: str, name: str, *, before: int) -> tuple[Version, ...]:
    """Return the versions of the file ``name`` in rounds before ``before``, the newest first.

    A round in which the file had no canonical form is left out.
    """
    f, b = tables.release_file, tables.blob
    query = (
        select(f.c.round, f.c.sha256, b.c.content)
        .join(b, b.c.sha256 == f.c.sha256)
        .where(f.c.request == request_id, f.c.name == name, f.c.round < before, f.c.size > 0)
        .order_by(f.c.round.desc())
    )
    with log.reading() as connection:
        return tuple(
            Version(round=row.round, sha256=row.sha256, content=bytes(row.content))
            for row in connection.execute(query)
        )
