"""The end of a sealed text's retention: it is destroyed, the entry and every proof over it stay.

What is destroyed is salt and text beside the leaf (:mod:`sandbox.audit.commitment`). Each erasure is an
entry of its own, in the same transaction. The leaf keeps its commitment, which without the salt says
nothing of the text.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select

from sandbox.audit import reading
from sandbox.audit.event import timestamp
from sandbox.audit.log import Log
from sandbox.errors import Unavailable
from sandbox.store import engine as store
from sandbox.store.tables import event_index, private

BATCH = 200
"""Erasures in one transaction: questions wait for it no longer than for each other."""
_PAUSE = 0.05


def sealed_before(log: Log, moment: datetime) -> list[int]:
    """Return the places of all entries before ``moment`` whose text is still kept, oldest first."""
    query = (
        select(private.c.seq)
        .join(event_index, event_index.c.seq == private.c.seq)
        .where(event_index.c.at < timestamp(moment))
        .order_by(private.c.seq)
    )
    with log.reading() as connection:
        return list(connection.scalars(query))


def count_sealed(log: Log, places: Sequence[int]) -> int:
    """Return of how many of these entries the text is still kept.

    Raises:
        NotFound: one of the entries does not exist.
    """
    with log.reading() as connection:
        return sum(_is_sealed(connection, seq) for seq in places)


def end_of_retention(now: datetime, *, days: int) -> datetime:
    """Return the moment before which texts have been kept for ``days``."""
    return now - timedelta(days=days)


def erase(log: Log, places: Sequence[int], *, actor: str) -> int:
    """Destroy the sealed texts of these entries and record each; an erased one is passed over.

    Returns:
        How many were destroyed now.

    Raises:
        NotFound: one of the entries does not exist; nothing of its batch is destroyed.
        Unavailable: the log cannot be written; what was destroyed before is on record.
    """
    count = 0
    for start in range(0, len(places), BATCH):
        with log.writing() as transaction:
            _overwrite_what_is_deleted(transaction.connection)
            for seq in places[start : start + BATCH]:
                if _is_sealed(transaction.connection, seq):
                    transaction.erase(seq, actor=actor)
                    count += 1
    return count


def wipe(engine: Engine, *, patience: float = 10.0) -> bool:
    """Take what was erased out of the database's own journal too.

    SQLite keeps earlier states of pages in its write-ahead log until it is started anew.

    Returns:
        Whether nothing is left in the database's files. False for PostgreSQL, whose owner has to
        VACUUM, and where a reader did not end in time.
    """
    if engine.dialect.name != "sqlite":
        return False
    end = time.monotonic() + patience
    connection = engine.raw_connection()  # a checkpoint is possible outside of transactions only
    try:
        while True:
            busy = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if not busy or time.monotonic() >= end:
                return not busy
            time.sleep(_PAUSE)
    except store.FAILURES:
        return False
    finally:
        connection.close()


def _is_sealed(connection: Connection, seq: int) -> bool:
    reading.leaf(connection, seq)
    return connection.execute(select(private.c.seq).where(private.c.seq == seq)).first() is not None


def _overwrite_what_is_deleted(connection: Connection) -> None:
    """Have SQLite write zeros over what it deletes; how it was built decides what it does otherwise."""
    if connection.dialect.name != "sqlite":
        return
    store.run(connection, "PRAGMA secure_delete=ON")
    if store.run(connection, "PRAGMA secure_delete").fetchone()[0] != 1:
        raise Unavailable(
            "erase-unsafe", "The database does not overwrite what it deletes; nothing was erased."
        )
