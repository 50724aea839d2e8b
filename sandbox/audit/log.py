"""The log: every event becomes a leaf of one Merkle tree, in the transaction of what it records.

The order in one transaction, which no caller can change:

1. take the write lock of the state database (SQLite's, so it holds between processes too);
2. take the tree's frontier: the one kept from the last commit, where the newest signed checkpoint is
   still byte for byte that commit's own, else the stored nodes;
3. the caller's own rows and leaves: ``tx.connection`` and ``tx.append``;
4. sign one checkpoint over all leaves and store it;
5. commit, durable when it returns.

Whatever fails at 1, 4 or 5 leaves nothing behind and raises
:class:`~sandbox.errors.Unavailable`: without a record nothing is answered. Leaves are stored as
the bytes that were hashed and are never encoded again. Reading is :mod:`sandbox.audit.reading`'s.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, delete
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from sandbox.audit import checkpoint, commitment, merkle, reading
from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.keys import SigningKey, VerifyKey
from sandbox.audit.reading import Entry, Status
from sandbox.errors import Conflict, Refusal, StartupRefusal, Unavailable
from sandbox.store import engine as store
from sandbox.store import tables

_ENTRY, _NODE, _CHECKPOINT, _PRIVATE, _INDEX, _SUBJECT = (
    store.insert_sql(table)
    for table in (
        tables.entry,
        tables.node,
        tables.checkpoint,
        tables.private,
        tables.event_index,
        tables.event_subject,
    )
)
_LAST = "SELECT (SELECT max(seq) FROM entry), (SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1)"


@dataclass(frozen=True, slots=True)
class _Head:
    """The tree after a commit of ours, and the note that was signed over it."""

    frontier: merkle.Frontier
    note: bytes


class Transaction:
    """One open transaction; what is written through it is durable together or not at all."""

    def __init__(
        self, connection: Connection, *, frontier: merkle.Frontier, private_key: bytes, at: datetime
    ) -> None:
        self.connection = connection
        """For the caller's own reads and writes, under the same lock."""
        self.at = at
        """The moment written into every leaf of this transaction."""
        self.frontier = frontier
        self._private_key = private_key

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
        write = store.driver(self.connection)
        write.execute(_ENTRY, (seq, leaf))
        write.executemany(_NODE, self.frontier.push(leaf))
        if opening:
            nonce, sealed = opening.seal(self._private_key, seq)
            write.execute(_PRIVATE, (seq, nonce, sealed))
        write.execute(_INDEX, _index_row(event, seq=seq, at=self.at))
        write.executemany(_SUBJECT, [(subject, seq) for subject in sorted({event.subject, *event.related})])
        return seq

    def erase(self, seq: int, *, actor: str) -> int:
        """Destroy the sealed text of entry ``seq`` and record that; every proof stays valid."""
        self.connection.execute(delete(tables.private).where(tables.private.c.seq == seq))
        return self.append(Event(kind=Kind.PRIVATE_ERASED, actor=actor, subject=f"entry-{seq}"))


class Log:
    """The log of one state database; safe to use from threads and from several processes.

    Args:
        engine: from :func:`sandbox.store.engine.open_state`.
        signer: signs checkpoints.
        private_key: 32 bytes that seal private texts.
        origin: the log's name in its checkpoints.
        commit_deadline: seconds within which a transaction must have its lock.
        clock: gives the current time; only tests pass one.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        signer: SigningKey,
        private_key: bytes,
        origin: str = checkpoint.DEFAULT_ORIGIN,
        commit_deadline: float = 5.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.engine = engine
        self.origin = origin
        self.key: VerifyKey = signer.public
        self._signer = signer
        self._private_key = private_key
        self._deadline = commit_deadline
        self._clock = clock
        # Threads queue here in order; SQLite's own waiting is by chance and would starve some of 32.
        self._turn = threading.Lock()
        self._head: _Head | None = None

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Open the one transaction in which state and log change together; commit at the end.

        An exception from the body rolls everything back and goes on to the caller.

        Raises:
            Unavailable: no lock within the deadline, or the database did not take the writes.
            Conflict: a uniqueness rule of the state was broken by a simultaneous change.
        """
        started = time.monotonic()
        if not self._turn.acquire(timeout=self._deadline):
            raise _unavailable()
        try:
            wait = self._deadline - (time.monotonic() - started)
            with store.writing(self.engine, wait=wait) as connection:
                tx = self._begin(connection)
                before = tx.frontier.size
                yield tx
                head = self._sign(tx) if tx.frontier.size > before else self._head
            self._head = head  # committed; whatever fails before this line leaves the old one
        except (IntegrityError, sqlite3.IntegrityError) as error:
            raise Conflict(
                "state-changed",
                "The state was changed at the same moment; nothing was written.",
                allowed="Look again, then repeat the request.",
            ) from error
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise _unavailable() from error
        finally:
            self._turn.release()

    def append(self, event: Event, *, private: str | None = None) -> int:
        """Write one event in a transaction of its own and return its place."""
        with self.writing() as tx:
            return tx.append(event, private=private)

    def close_open_intents(self) -> int:
        """Give every question that was charged and never concluded the outcome ``unknown``.

        For the process that answers questions, at its start only: a question that another process
        is answering at this moment would be closed too.

        Returns:
            How many there were.
        """
        with self.writing() as tx:
            open_intents = reading.open_intents(tx.connection)
            for intent in open_intents:
                event = Event(
                    kind=Kind.QUESTION_OUTCOME,
                    actor="system",
                    subject=str(intent.event["subject"]),
                    authorization=str(intent.event["authorization"]),
                    dataset=str(intent.event["dataset"]),
                    decision="unknown",
                    body={"intent": intent.seq},
                )
                tx.append(event)
        return len(open_intents)

    def check_start(self) -> Status:
        """Recompute the tree from all leaves and compare it with what was stored and signed.

        Raises:
            StartupRefusal: leaves, nodes and last checkpoint do not agree.
        """
        with self.reading() as connection:
            try:
                return reading.check_tree(connection, origin=self.origin, key=self.key)
            except Refusal as error:
                raise StartupRefusal(f"The log does not verify: {error.sentence}") from error

    def entry(self, seq: int) -> Entry:
        """Return one entry.

        Raises:
            NotFound: there is none at this place.
        """
        with self.reading() as connection:
            return reading.entry(connection, seq)

    def search(
        self,
        *,
        actor: str | None = None,
        kind: str | None = None,
        subject: str | None = None,
        dataset: str | None = None,
        authorization: str | None = None,
        text: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Entry]:
        """Return the newest entries that fit all that is given, newest first.

        Args:
            actor: account name.
            kind: value of :class:`~sandbox.audit.event.Kind`.
            subject: an id; entries that are only related to it are found too.
            dataset: name of a dataset.
            authorization: name of an authorization.
            text: part of the stored event's text, whatever the case of its ASCII letters.
            before: only entries before this place, for the next page.
            limit: how many at most.
        """
        exact = {"actor": actor, "kind": kind, "dataset": dataset, "authorization": authorization}
        with self.reading() as connection:
            return reading.search(
                connection, exact=exact, subject=subject, text=text, before=before, limit=limit
            )

    def story(self, subject: str) -> list[Entry]:
        """Return every entry about ``subject``, oldest first."""
        with self.reading() as connection:
            return reading.search(connection, subject=subject, limit=None)[::-1]

    def trace(self, subject: str) -> list[Entry]:
        """Return the whole story of a question or a release, in both directions, oldest first.

        That is every entry about ``subject`` and about whatever those entries are related to: the
        answers in a release, the releases an answer went into. Mere reading of the log is left out.
        """
        with self.reading() as connection:
            found = {entry.seq: entry for entry in reading.search(connection, subject=subject, limit=None)}
            others = {
                name for entry in found.values() for name in (entry.event["subject"], *entry.event["related"])
            }
            for other in others - {subject}:
                found |= {entry.seq: entry for entry in reading.search(connection, subject=other, limit=None)}
        return [found[seq] for seq in sorted(found) if found[seq].event["kind"] != Kind.AUDIT_READ]

    def reveal(self, seq: int) -> str | None:
        """Return the private text of entry ``seq``, None if there is none (or none any more).

        The caller records who looked, with kind ``audit.read``, before showing it.

        Raises:
            NotFound: there is no such entry.
            Refusal: the sealed text is not the one the leaf commits to.
        """
        with self.reading() as connection:
            return reading.reveal(connection, seq, private_key=self._private_key)

    def status(self) -> Status:
        """Return size, root and signed head of the log."""
        with self.reading() as connection:
            return reading.status(connection, origin=self.origin, key=self.key)

    def proof(self, seq: int) -> bytes:
        """Return a C2SP tlog-proof that entry ``seq`` is in the log, up to the last checkpoint.

        Raises:
            NotFound: there is no such entry.
        """
        with self.reading() as connection:
            return reading.proof(connection, seq)

    def leaf(self, seq: int) -> bytes:
        """Return the exact bytes of entry ``seq``, what a proof is checked against.

        Raises:
            NotFound: there is no such entry.
        """
        with self.reading() as connection:
            return reading.leaf(connection, seq)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that can read one state of the database and change nothing."""
        try:
            with self.engine.connect() as connection, connection.begin():
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise _unavailable() from error

    def _begin(self, connection: Connection) -> Transaction:
        last, note = store.driver(connection).execute(_LAST).fetchone()
        size = 0 if last is None else last + 1
        head = self._head
        # The note is signed over the root, so equal notes are equal trees, whoever wrote meanwhile.
        if head is not None and head.note == note and head.frontier.size == size:
            frontier = head.frontier.copy()
        else:
            frontier = reading.frontier(connection, size)
        return Transaction(connection, frontier=frontier, private_key=self._private_key, at=self._clock())

    def _sign(self, tx: Transaction) -> _Head:
        tree = tx.frontier
        note = checkpoint.Checkpoint(origin=self.origin, size=tree.size, root=tree.root()).sign(self._signer)
        store.driver(tx.connection).execute(_CHECKPOINT, (tree.size, note))
        return _Head(tree, note)


def _index_row(event: Event, *, seq: int, at: datetime) -> tuple[object, ...]:
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


def _unavailable() -> Unavailable:
    return Unavailable(
        "log-unavailable",
        "The log cannot be read or written at the moment, so nothing is answered or released.",
        allowed="Try again later.",
    )
