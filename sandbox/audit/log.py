"""The log: every event becomes a leaf of one Merkle tree, in the transaction of what it records.

The order in one transaction, which no caller can change:

1. take the write lock of the state database (SQLite's, so it holds between processes too);
2. read the tree's frontier;
3. the caller's own rows and leaves: ``tx.connection`` and ``tx.append``;
4. sign one checkpoint over all leaves and store it;
5. commit, durable when it returns.

Whatever fails at 1, 4 or 5 leaves nothing behind and raises
:class:`~sandbox.errors.Unavailable`: without a record nothing is answered. Leaves are stored as
the bytes that were hashed and are never encoded again. Reading is :mod:`sandbox.audit.reading`'s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from sandbox.audit import checkpoint, commitment, merkle, reading
from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.keys import SigningKey, VerifyKey
from sandbox.audit.reading import Entry, Status
from sandbox.errors import Conflict, Refusal, StartupRefusal, Unavailable
from sandbox.store import engine as store
from sandbox.store import tables


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
        write = self.connection.execute
        write(tables.entry.insert().values(seq=seq, leaf=leaf))
        nodes = self.frontier.push(leaf)
        write(
            tables.node.insert(), [{"level": level, "idx": idx, "hash": value} for level, idx, value in nodes]
        )
        if opening:
            nonce, sealed = opening.seal(self._private_key, seq)
            write(tables.private.insert().values(seq=seq, nonce=nonce, ciphertext=sealed))
        write(tables.event_index.insert().values(_index_row(event, seq=seq, at=self.at)))
        subjects = sorted({event.subject, *event.related})
        write(tables.event_subject.insert(), [{"subject": subject, "seq": seq} for subject in subjects])
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
                if tx.frontier.size > before:
                    self._sign(tx)
        except IntegrityError as error:
            raise Conflict(
                "state-changed",
                "The state was changed at the same moment; nothing was written.",
                allowed="Look again, then repeat the request.",
            ) from error
        except SQLAlchemyError as error:
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
            with self.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _unavailable() from error

    def _begin(self, connection: Connection) -> Transaction:
        last = connection.execute(select(func.max(tables.entry.c.seq))).scalar()
        size = 0 if last is None else last + 1
        frontier = reading.frontier(connection, size)
        return Transaction(connection, frontier=frontier, private_key=self._private_key, at=self._clock())

    def _sign(self, tx: Transaction) -> None:
        head = checkpoint.Checkpoint(origin=self.origin, size=tx.frontier.size, root=tx.frontier.root())
        tx.connection.execute(tables.checkpoint.insert().values(size=head.size, note=head.sign(self._signer)))


def _index_row(event: Event, *, seq: int, at: datetime) -> dict[str, object]:
    return {
        "seq": seq,
        "at": timestamp(at),
        "kind": event.kind.value,
        "actor": event.actor,
        "subject": event.subject,
        "authorization": event.authorization,
        "dataset": event.dataset,
        "decision": event.decision,
    }


def _unavailable() -> Unavailable:
    return Unavailable(
        "log-unavailable",
        "The log cannot be read or written at the moment, so nothing is answered or released.",
        allowed="Try again later.",
    )
