"""How far a reader of the log or of the notices has come; moved in the transaction of what it did."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, insert, select, update

from sandbox.store.tables import notice_cursor as cursors


def place(connection: Connection, name: str) -> int | None:
    """Return how far ``name`` has come, None where it has never begun."""
    return connection.execute(select(cursors.c.place).where(cursors.c.name == name)).scalar()


def begin(connection: Connection, name: str, start: Callable[[], int]) -> int:
    """Return how far ``name`` has come; one that has never begun begins at ``start``."""
    found = place(connection, name)
    if found is None:
        found = start()
        connection.execute(insert(cursors).values(name=name, place=found))
    return found


def move(connection: Connection, name: str, *, old: int, new: int) -> bool:
    """Move ``name`` from ``old`` to ``new``; False where somebody else has moved it meanwhile."""
    moved = update(cursors).where(cursors.c.name == name, cursors.c.place == old).values(place=new)
    return connection.execute(moved).rowcount == 1
