"""Heads: size and root of the tree, vouched for under a key that the database never sees.

A head is written in the transaction of its entries, so it vouches for them before a checkpoint does.
"""

from __future__ import annotations

import hmac

from sqlalchemy import Connection

from sandbox.audit import reading
from sandbox.audit.keys import VerifyKey, mark
from sandbox.audit.merkle import Frontier
from sandbox.errors import Refusal
from sandbox.store import engine as store

_NEWEST = "SELECT mac FROM head ORDER BY size DESC LIMIT 1"
_PURPOSE = b"head of the log"


def mac(secret: bytes, tree: Frontier) -> bytes:
    """Return the 32 bytes that vouch for size and root of ``tree``."""
    return mark(secret, _PURPOSE, tree.size.to_bytes(8) + tree.root())


def check(connection: Connection, tree: Frontier, *, secret: bytes, origin: str, key: VerifyKey) -> None:
    """Check that the newest head, or before the first one a checkpoint, is of exactly this tree.

    Raises:
        Refusal: it is of another tree (code ``log-broken``).
    """
    row = store.run(connection, _NEWEST).fetchone()
    if row is None:  # of a version that signed within the transaction
        last, _ = reading.head(connection, origin=origin, key=key)
        vouched = (last.size, last.root) == (tree.size, tree.root())
    else:
        vouched = hmac.compare_digest(row[0], mac(secret, tree))
    if not vouched:
        raise Refusal("log-broken", "The log holds other entries than those that were recorded.")
