"""The log: every event becomes a leaf of one Merkle tree, in the transaction of what it records.

The order of one group of transactions, which no caller can change:

1. take the turn in this process, then the write lock of the state database;
2. take the tree's frontier: the one kept from the last commit, where the newest head in the database is
   still that commit's own, else the stored nodes under the newest head;
3. each member's own rows and leaves: ``tx.connection`` and ``tx.append``; whoever waits is the next
   member, and the last one in the queue ends the group, so a group is what arrived during the fsync
   before it;
4. commit entries and head, durable when it returns;
5. let the signer sign one checkpoint over all entries; it is stored with the next group, or by
   :meth:`Log.cover` when somebody wants to read it before;
6. let every sink take the entries;
7. let every member go on.

Whatever fails at 1 to 4 leaves nothing behind; whatever fails at 4 to 6 raises
:class:`~sandbox.errors.Unavailable` in every member: without a signed record nothing is answered. It is
signed after the commit, not before, so that no failed commit ever leaves a signature over entries that do
not exist. Until then a head vouches for them: size and root under a key that the database never sees.
Leaves are stored as the bytes that were hashed and are never encoded again. Reading is
:mod:`sandbox.audit.reading`'s.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine

from sandbox.audit import checkpoint, heads, merkle, reading
from sandbox.audit.event import Event, Kind
from sandbox.audit.group import LIMIT, Group, Transaction
from sandbox.audit.keys import VerifyKey
from sandbox.audit.reader import Reader, unavailable
from sandbox.audit.reading import Status
from sandbox.audit.signer import Hashes, Signer
from sandbox.audit.sinks import Delivered, Sinks
from sandbox.audit.turns import Deadline, Job, Turn, Turns
from sandbox.errors import Conflict, Refusal, SandboxError, StartupRefusal, where
from sandbox.store import engine as store
from sandbox.store import tables

_HEAD = store.insert_sql(tables.head)
_NOTE = "INSERT INTO checkpoint SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM checkpoint WHERE size = ?)"
_LAST = "SELECT (SELECT max(seq) FROM entry), (SELECT mac FROM head ORDER BY size DESC LIMIT 1)"
T = TypeVar("T")
log = logging.getLogger("sandbox.audit")


@dataclass(frozen=True, slots=True)
class _Head:
    """The tree after a commit of ours, and the mark that stands beside it."""

    frontier: merkle.Frontier
    mac: bytes


class Log(Reader):
    """The log of one state database; safe to use from threads and from several processes.

    Args:
        engine: from :func:`sandbox.store.engine.open_state`.
        signer: signs checkpoints.
        private_key: 32 bytes that seal private texts and vouch for heads.
        sinks: copies of the log that are written while it grows; the log closes them.
        commit_deadline: seconds within which a record must be durable and signed.
        clock: gives the current time; only tests pass one.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        signer: Signer,
        private_key: bytes,
        sinks: Sinks | None = None,
        commit_deadline: float = 5.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(engine, private_key=private_key)
        self.origin = signer.origin
        self.key: VerifyKey = signer.key
        self._signer = signer
        self.sinks = sinks
        self._deadline = commit_deadline
        self._clock = clock
        self._turns = Turns()
        # What follows is touched by the thread that has the turn only.
        self._group: Group | None = None
        self._open = ExitStack()
        self._head: _Head | None = None
        self._note: tuple[int, bytes, int] | None = None

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Do ``work`` in one transaction and return what it returned, once that is durable.

        The quick way for what every question does: ``work`` may be done by another caller's thread, between
        that one's own work and the commit both share. An exception of it rolls back what it wrote.

        Raises:
            Unavailable, Conflict: as :meth:`writing`.
        """
        deadline, job = Deadline(self._deadline), Job(work)
        match self._turns.take(wait=deadline.left, job=job):
            case Turn.MINE:
                with self._in_turn(deadline) as transaction:
                    return work(transaction)
            case Turn.LATE:
                raise unavailable()
            case Turn.DONE:
                pass
        if job.error is not None:
            raise job.error
        if job.failure is not None:
            raise job.failure.with_traceback(None)  # many threads raise the one; it must not grow
        return job.result  # type: ignore[no-any-return]  # of the work given, so of its type

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Open the one transaction in which state and log change together; durable when it is left.

        An exception from the body rolls everything back that it wrote and goes on to the caller.

        Raises:
            Unavailable: no lock within the deadline, or the database, the signer or a required sink did
                not take the records in time.
            Conflict: a uniqueness rule of the state was broken by a simultaneous change.
        """
        deadline = Deadline(self._deadline)
        if self._turns.take(wait=deadline.left) is not Turn.MINE:
            raise unavailable()
        with self._in_turn(deadline) as transaction:
            yield transaction

    def now(self) -> datetime:
        """Return the moment that a record written now would bear."""
        return self._clock()

    def append(self, event: Event, *, private: str | None = None) -> int:
        """Write one event in a transaction of its own and return its place."""
        return self.write(lambda transaction: transaction.append(event, private=private))

    def close(self) -> None:
        """Give signer and sinks back; nothing can be written afterwards."""
        self._signer.close()
        if self.sinks is not None:
            self.sinks.close()

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

        Entries that a crash left without their checkpoint are signed now.

        Raises:
            StartupRefusal: leaves, nodes, heads, last checkpoint and signer do not agree.
        """
        try:
            with self.reading() as connection:
                tree = reading.check_tree(connection, origin=self.origin, key=self.key)
                self._check_vouched(connection, tree)
            if tree.size:
                self._sign(tree, self._stored_hashes)
            return self.status()
        except Refusal as error:
            raise StartupRefusal(f"The log does not verify: {error.sentence}") from error

    def cover(self) -> None:
        """Have the newest entry covered by a checkpoint that is stored, whoever wrote the entry.

        Raises:
            Refusal: the log is not what was signed.
            Unavailable: the signer does not answer.
        """
        with self.reading() as connection:
            if reading.covered(connection) >= reading.size(connection):
                return
        self.cover_with(lambda note: note)

    def cover_with(self, complete: Callable[[bytes], bytes]) -> bytes:
        """Store a checkpoint of all entries after ``complete`` has added lines to it, and return it.

        Raises:
            Refusal, Unavailable: as :meth:`cover`.
        """
        with self.reading() as connection:
            tree = reading.frontier(connection, reading.size(connection))
        size, note, _ = self._sign(tree, self._stored_hashes)
        completed = complete(note)
        with self.writing() as transaction:
            store.run(transaction.connection, _NOTE, (size, completed, size))
        return completed

    def status(self) -> Status:
        """Return size, root and signed head of the log."""
        self.cover()
        with self.reading() as connection:
            return reading.status(connection, origin=self.origin, key=self.key)

    def proof(self, seq: int) -> bytes:
        """Return a C2SP tlog-proof that entry ``seq`` is in the log, up to the last checkpoint.

        Raises:
            NotFound: there is no such entry.
        """
        self.cover()
        with self.reading() as connection:
            return reading.proof(connection, seq)

    @contextmanager
    def _in_turn(self, deadline: Deadline) -> Iterator[Transaction]:
        """Be a member of the open group, or of a new one; end it where nobody else waits to be one."""
        group: Group | None = None
        try:
            group = self._joined(deadline)
            with self._membership(group) as transaction:
                yield transaction
        finally:
            self._pass_on(group)
        if not group.wait(deadline.left):
            raise unavailable()

    def _pass_on(self, group: Group | None) -> None:
        """Do the jobs that wait, and give the turn to the next member, or end the group here."""
        while group is not None and group.members < LIMIT:
            found = self._turns.next_job()
            if found is None:
                break
            self._do(group, *found)
        if group is None or group.members >= LIMIT or not self._turns.hand_over():
            try:
                self._end(group)
            finally:
                self._turns.release()

    def _do(self, group: Group, job: Job, tell: Callable[[], None]) -> None:
        def ended(failure: SandboxError | None) -> None:
            job.failure = failure
            tell()

        group.at_end(ended)
        try:
            with self._membership(group) as transaction:
                job.result = job.work(transaction)
        except Exception as error:  # noqa: BLE001  # it is raised where the job was wanted
            job.error = error

    def _joined(self, deadline: Deadline) -> Group:
        """Return the open group, or a new one that holds the write lock."""
        if self._group is None:
            if self.sinks is not None:
                self.sinks.ready()
            try:
                connection = self._open.enter_context(store.writing(self.engine, wait=deadline.left))
                self._group = Group(connection, self._frontier(connection))
            except store.FAILURES as error:
                raise unavailable() from error
        return self._group

    @contextmanager
    def _membership(self, group: Group) -> Iterator[Transaction]:
        transaction = group.join(at=self._clock(), private_key=self._private_key)
        try:
            try:
                yield transaction
                group.keep(transaction)
            except BaseException:
                group.undo(transaction)
                raise
        except store.CONTRADICTIONS as error:
            raise Conflict(
                "state-changed",
                "The state was changed at the same moment; nothing was written.",
                allowed="Look again, then repeat the request.",
            ) from error
        except store.FAILURES as error:
            raise unavailable() from error

    def _end(self, group: Group | None) -> None:
        """Make the group durable and signed, or roll it back, and tell its members which."""
        opened, self._open, self._group = self._open, ExitStack(), None
        failure: SandboxError | None = unavailable()
        try:
            with opened:
                head = self._write_head(group)
            if group is not None and head is not None:
                self._head = head
                self._sign(head.frontier, partial(self._told, group))
                self._deliver(group)
            failure = None
        except store.FAILURES as error:
            log.error("the log: %s", where(error))  # noqa: TRY400  # its text may hold what was written
        except SandboxError as error:
            log.error("the log: %s", where(error))  # noqa: TRY400  # as above
            failure = error
        finally:
            if group is not None:
                group.end(failure)

    def _deliver(self, group: Group) -> None:
        if self.sinks is not None:
            self.sinks.deliver([Delivered(group.first + n, leaf) for n, leaf in enumerate(group.leaves)])

    def _write_head(self, group: Group | None) -> _Head | None:
        if group is None or not (group.broken or group.leaves):
            return None
        if group.broken:
            raise unavailable()
        head = _Head(group.frontier, heads.mac(self._private_key, group.frontier))
        if self._note:
            group.write(_NOTE, self._note)
        group.write(_HEAD, (head.frontier.size, head.mac))
        return head

    def _frontier(self, connection: Connection) -> merkle.Frontier:
        """Return the tree that the next entry makes longer, vouched for by a head or a checkpoint."""
        last, mac = store.run(connection, _LAST).fetchone()
        size = 0 if last is None else last + 1
        head = self._head
        # A head vouches for the root, so equal heads are equal trees, whoever wrote meanwhile.
        if head is not None and head.mac == mac and head.frontier.size == size:
            return head.frontier
        tree = reading.frontier(connection, size)
        self._check_vouched(connection, tree)
        return tree

    def _check_vouched(self, connection: Connection, tree: merkle.Frontier) -> None:
        heads.check(connection, tree, secret=self._private_key, origin=self.origin, key=self.key)

    def _sign(self, tree: merkle.Frontier, hashes: Hashes) -> tuple[int, bytes, int]:
        """Have all of ``tree`` signed and keep the checkpoint, which may cover more than it.

        Returns:
            The values of :data:`_NOTE`.

        Raises:
            Refusal: what was signed is not this log (code ``log-broken``).
            Unavailable: the signer does not answer.
        """
        note = self._signer.sign(tree.size, hashes)
        signed = checkpoint.parse(note)
        if signed.size == tree.size and signed.root != tree.root():
            raise Refusal("log-broken", "The signer has signed other entries than those of the log.")
        if signed.size > tree.size:
            with self.reading() as connection:
                if signed.size > reading.size(connection):
                    raise Refusal("log-broken", "The signer has signed entries that the log has lost.")
        self._note = (signed.size, note, signed.size)
        return self._note

    def _told(self, group: Group, first: int, end: int) -> Sequence[bytes]:
        """Return the leaf hashes ``[first, end)``, of the group's own entries without the database."""
        if first < group.first:
            return self._stored_hashes(first, end)
        return [merkle.leaf_hash(leaf) for leaf in group.leaves[first - group.first : end - group.first]]

    def _stored_hashes(self, first: int, end: int) -> Sequence[bytes]:
        with self.reading() as connection:
            return reading.leaf_hashes(connection, first, end)
