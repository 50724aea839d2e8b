"""The body of add-checkpoint: what a log sends to a witness.

::

    old 20852014
    <consistency proof from that size, one hash a line, base64>
    ...

    <the signed checkpoint>

See https://c2sp.org/tlog-witness.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from sandbox.audit import note as signed_note

PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
"""Content type of a conflict, whose body is the size that the witness knows."""
PATH_LIMIT = 63
"""Hashes of the longest proof: sizes stay below 2**63."""
LIMIT = signed_note.LIMIT + (PATH_LIMIT + 2) * 64
"""Bytes of the longest body."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """The parts of a body."""

    old: int
    """Size of the last checkpoint that this witness is thought to have cosigned; 0 for none."""
    path: tuple[bytes, ...]
    """Consistency proof from ``old`` to the checkpoint; empty for 0 and for equal sizes."""
    note: bytes
    """The signed checkpoint, not checked yet."""

    def body(self) -> bytes:
        """Return the bytes that are sent."""
        hashes = (base64.b64encode(item).decode() for item in self.path)
        return "\n".join([f"old {self.old}", *hashes, "", ""]).encode() + self.note


def parse(body: bytes) -> Request:
    """Read a body; accepts only what :meth:`Request.body` writes.

    Raises:
        ValueError: it is something else.
    """
    top, _, note = body.partition(b"\n\n")
    first, *hashes = top.decode("ascii").split("\n")
    if len(hashes) > PATH_LIMIT:
        raise ValueError("the proof is too long")
    try:
        path = tuple(base64.b64decode(line, validate=True) for line in hashes)
    except binascii.Error as error:
        raise ValueError("the proof is not base64") from error
    request = Request(old=int(first.removeprefix("old ")), path=path, note=note)
    if request.body() != body or request.old < 0:
        raise ValueError("not a request as it is written")
    return request
