"""Transactions that become durable together: one commit, one fsync, one signature for all of them.

Each member writes in its own turn, on the group's one connection. What a member writes beside the log
stands in a savepoint of its own, so a member that fails takes back what it wrote and nothing else.
Records are kept aside and written when somebody looks at the database or when the group ends, many rows
by one statement: on PostgreSQL each statement is a turn to the server and back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete

from sandbox.audit import commitment, merkle
from sandbox.audit.event import Event, Kind, timestamp
from sandbox.errors import SandboxError
from sandbox.store import engine as store
from sandbox.store import tables

LIMIT = 256
"""Members of one group, so that the first does not wait for ever longer queues."""
_STATEMENTS = tuple(
    store.insert_sql(table)
    for table in (tables.entry, tables.node, tables.private, tables.event_index, tables.event_subject)
)
_SAVEPOINT, _ROLLBACK, _RELEASE = (
    "SAVEPOINT member",
    "ROLLBACK TO SAVEPOINT member",
    "RELEASE SAVEPOINT member",
)
_Row = tuple[object, ...]


@dataclass(slots=True)
class _Rows:
    """Rows that are not in the database yet, a list for each of the log's tables."""

    entry: list[_Row] = field(default_factory=list)
    node: list[_Row] = field(default_factory=list)
    private: list[_Row] = field(default_factory=list)
    index: list[_Row] = field(default_factory=list)
    subject: list[_Row] = field(default_factory=list)

    def _lists(self) -> tuple[list[_Row], ...]:
        return self.entry, self.node, self.private, self.index, self.subject

    def take(self, others: _Rows) -> None:
        """Add the rows of ``others`` behind these."""
        for mine, more in zip(self._lists(), others._lists(), strict=True):
            mine.extend(more)

    def write(self, connection: Connection) -> None:
        """Write all, and forget them."""
        for statement, rows in zip(_STATEMENTS, self._lists(), strict=True):
            store.run_many(connection, statement, rows)
            rows.clear()


class Group:
    """One database transaction, and the tree that it makes longer.

    Args:
        connection: of :func:`sandbox.store.engine.writing`, holding the write lock.
        frontier: the tree before it.
    """

    def __init__(self, connection: Connection, frontier: merkle.Frontier) -> None:
        self._connection = connection
        self._rows = _Rows()
        self.frontier = frontier
        """The tree with what all members so far have added."""
        self.first = frontier.size
        """Place of the first entry that the group adds."""
        self.leaves: list[bytes] = []
        """The bytes of its entries, in their order."""
        self.members = 0
        self.broken = False
        """Whether a member could not be taken back, so that nothing of the group may be committed."""
        self._ended = threading.Event()
        self._told: list[Callable[[SandboxError | None], None]] = []
        self._failure: SandboxError | None = None

    def join(self, *, at: datetime, private_key: bytes) -> Transaction:
        """Return the transaction of a new member, whose turn it is."""
        self.members += 1
        return Transaction(self._connection, self._rows, self.frontier.copy(), at=at, private_key=private_key)

    def keep(self, member: Transaction) -> None:
        """Let what ``member`` wrote be part of the group."""
        member.finish()
        self._rows.take(member.rows)
        self.frontier = member.frontier
        self.leaves += member.leaves

    def undo(self, member: Transaction) -> None:
        """Take back what ``member`` wrote; the group goes on without it, if the database still can.

        Raises:
            whatever the database raises; the group is broken then.
        """
        try:
            member.undo()
        except BaseException:
            self.broken = True
            raise

    def write(self, statement: str, row: _Row) -> None:
        """Write whatever is still kept aside, and one more row by ``statement``."""
        self._rows.write(self._connection)
        store.run(self._connection, statement, row)

    def at_end(self, tell: Callable[[SandboxError | None], None]) -> None:
        """Have ``tell`` called when the group has ended, with what failed or None."""
        self._told.append(tell)

    def end(self, failure: SandboxError | None = None) -> None:
        """Tell every member how it ended."""
        self._failure = failure
        self._ended.set()
        for tell in self._told:
            tell(failure)

    def wait(self, seconds: float) -> bool:
        """Return whether it has ended after ``seconds`` at most.

        Raises:
            SandboxError: it has ended and is not durable, or not signed, or not with every required sink.
        """
        if not self._ended.wait(seconds):
            return False
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # many threads raise the one; it must not grow
        return True


class Transaction:
    """What one member writes; durable together, with the group, or not at all."""

    def __init__(
        self,
        connection: Connection,
        earlier: _Rows,
        frontier: merkle.Frontier,
        *,
        at: datetime,
        private_key: bytes,
    ) -> None:
        self._connection = connection
        self._earlier = earlier
        self._private_key = private_key
        self._saved = False
        self.rows = _Rows()
        self.leaves: list[bytes] = []
        self.frontier = frontier
        self.at = at
        """The moment written into every leaf of this transaction."""

    @property
    def connection(self) -> Connection:
        """For the caller's own reads and writes; it sees every record that was appended before."""
        if not self._saved:
            self._earlier.write(self._connection)
            store.run(self._connection, _SAVEPOINT)
            self._saved = True
        self.rows.write(self._connection)
        return self._connection

    def append(self, event: Event, *, private: str | None = None) -> int:
        """Write ``event`` to the log.

        Args:
            event: what happened.
            private: text that the leaf commits to without showing it, kept sealed and erasable.

        Returns:
            The entry's place in the log, counted from 0.

        Raises:
            Malformed, TooLarge: the event cannot be written.
        """
        seq = self.frontier.size
        opening = commitment.make(private) if private is not None else None
        leaf = event.leaf(self.at, commitment=opening.digest if opening else "")
        self.leaves.append(leaf)
        self.rows.entry.append((seq, leaf))
        self.rows.node.extend(self.frontier.push(leaf))
        if opening:
            nonce, sealed = opening.seal(self._private_key, seq)
            self.rows.private.append((seq, nonce, sealed))
        self.rows.index.append(_index_row(event, seq=seq, at=self.at))
        self.rows.subject.extend((subject, seq) for subject in sorted({event.subject, *event.related}))
        return seq

    def erase(self, seq: int, *, actor: str) -> int:
        """Destroy the sealed text of entry ``seq`` and record that; every proof stays valid."""
        self.connection.execute(delete(tables.private).where(tables.private.c.seq == seq))
        return self.append(Event(kind=Kind.PRIVATE_ERASED, actor=actor, subject=f"entry-{seq}"))

    def finish(self) -> None:
        """Close the member's savepoint, keeping what it wrote."""
        if self._saved:
            store.run(self._connection, _RELEASE)

    def undo(self) -> None:
        """Take back whatever it wrote; the group goes on without it."""
        if self._saved:
            store.run(self._connection, _ROLLBACK)
            store.run(self._connection, _RELEASE)


def _index_row(event: Event, *, seq: int, at: datetime) -> _Row:
    """Return the row of ``event_index``, in the order of its columns."""
    return (
        seq,
        timestamp(at),
        event.kind.value,
        event.actor,
        event.subject,
        event.authorization,
        event.dataset,
        event.decision,
    )
