"""One file that shows one entry to be in the log: C2SP tlog-proof.

::

    c2sp.org/tlog-proof@v1
    index 73894
    <hash of the leaf's sibling, base64>
    ...

    <the signed checkpoint>

See https://c2sp.org/tlog-proof. The optional ``extra`` line is not written and not accepted.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

HEADER = "c2sp.org/tlog-proof@v1"
PATH_LIMIT = 64
"""Hashes of the longest path that is read: sizes stay below 2**63."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """The parts of a tlog-proof."""

    index: int
    """Place of the entry, counted from 0."""
    path: tuple[bytes, ...]
    """Inclusion path of RFC 9162, the leaf's sibling first."""
    note: bytes
    """The signed checkpoint, not checked yet."""

    def text(self) -> bytes:
        """Return the file."""
        hashes = (base64.b64encode(item).decode() for item in self.path)
        return "\n".join([HEADER, f"index {self.index}", *hashes, "", ""]).encode() + self.note


def parse(data: bytes) -> Proof:
    """Read a proof; accepts only what :meth:`Proof.text` writes.

    Raises:
        ValueError: it is something else.
    """
    top, _, note = data.partition(b"\n\n")
    try:
        _, index, *hashes = top.decode("ascii").split("\n")
        path = tuple(base64.b64decode(line, validate=True) for line in hashes[: PATH_LIMIT + 1])
        proof = Proof(index=int(index.removeprefix("index ")), path=path, note=note)
    except (ValueError, binascii.Error) as error:
        raise ValueError("not a tlog-proof") from error
    if len(path) > PATH_LIMIT or proof.text() != data:
        raise ValueError("not a tlog-proof as it is written")
    return proof
