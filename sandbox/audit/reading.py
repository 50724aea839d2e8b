"""Reading the log: entries, search, proofs, and whether leaves, nodes and checkpoint agree.

Functions of one connection; :class:`sandbox.audit.log.Log` opens it. Search uses the derived index
rows, whatever is shown comes from the leaf itself.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_

from sandbox import canonical
from sandbox.audit import checkpoint, commitment, merkle
from sandbox.audit.event import Kind
from sandbox.audit.keys import VerifyKey
from sandbox.audit.proof import Proof
from sandbox.errors import NotFound, Refusal
from sandbox.store.tables import checkpoint as checkpoints
from sandbox.store.tables import entry as entries
from sandbox.store.tables import event_index, event_subject, node, private

STEP = 10_000
"""Leaves that are read at once."""
FIRST_PLACE = -(2**63)
"""Before every place that a row can claim, so that one before the first entry is found too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One event at its place in the log."""

    seq: int
    """Place in the log, counted from 0."""
    at: str
    """When, UTC, ISO 8601."""
    event: Mapping[str, Any]
    """The leaf, decoded: ``kind``, ``actor``, ``subject``, ``authorization``, ``dataset``,
    ``decision``, ``related``, ``body``, and ``private`` where a sealed text belongs to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """The head of the log."""

    size: int
    """Number of entries."""
    root: str
    """Root of the tree, standard base64 as in the checkpoint."""
    checkpoint_at: str
    """When the last entry was written, UTC, ISO 8601; empty for an empty log."""
    checkpoint: bytes
    """The signed note, empty for an empty log."""
    key: str
    """The verifier key, as in ``log.pub``."""
    fingerprint: str
    """SHA-256 of the public key in hex."""


def blob(value: object) -> bytes:
    """Return stored bytes; SQLite keeps whatever type somebody wrote by hand.

    Raises:
        Refusal: they are not bytes any more (code ``log-broken``).
    """
    if not isinstance(value, bytes):
        raise Refusal("log-broken", "A row of the log holds something else than the bytes that were written.")
    return value


def node_of(connection: Connection) -> merkle.Fetch:
    """Return the function that reads stored nodes."""

    def fetch(level: int, index: int) -> bytes:
        query = select(node.c.hash).where(node.c.level == level, node.c.idx == index)
        value = connection.execute(query).scalar()
        if value is None:
            raise Refusal("log-broken", f"Node {index} of level {level} of the log is missing.")
        return blob(value)

    return fetch


def frontier(connection: Connection, size: int) -> merkle.Frontier:
    """Return the stored frontier of the first ``size`` leaves."""
    places = merkle.frontier_nodes(size)
    query = select(node.c.level, node.c.hash).where(tuple_(node.c.level, node.c.idx).in_(places))
    hashes = {level: blob(value) for level, value in connection.execute(query)}
    if len(hashes) != len(places):
        raise Refusal("log-broken", "A node of the log is missing.")
    return merkle.Frontier(size, [hashes[level] for level, _ in places])


def leaf(connection: Connection, seq: int) -> bytes:
    """Return the stored bytes of entry ``seq``; raises NotFound."""
    value = connection.execute(select(entries.c.leaf).where(entries.c.seq == seq)).scalar()
    if value is None:
        raise NotFound("entry-unknown", f"The log has no entry {seq}.")
    return blob(value)


def entry(connection: Connection, seq: int) -> Entry:
    """Return entry ``seq`` decoded; raises NotFound."""
    return decoded(seq, leaf(connection, seq))


def search(
    connection: Connection,
    *,
    exact: Mapping[str, str | None] | None = None,
    subject: str | None = None,
    before: int | None = None,
    limit: int | None,
) -> list[Entry]:
    """Return entries, newest first; the arguments are those of ``Log.search``."""
    query = select(entries.c.seq, entries.c.leaf).join(event_index, event_index.c.seq == entries.c.seq)
    for column, value in (exact or {}).items():
        if value is not None:
            query = query.where(event_index.c[column] == value)
    if subject is not None:
        about = select(event_subject.c.seq).where(event_subject.c.subject == subject)
        query = query.where(entries.c.seq.in_(about))
    if before is not None:
        query = query.where(entries.c.seq < before)
    rows = connection.execute(query.order_by(entries.c.seq.desc()).limit(limit))
    return [decoded(seq, blob(data)) for seq, data in rows]


def open_intents(connection: Connection) -> list[Entry]:
    """Return the intents that have no outcome, oldest first."""
    intent, outcome = event_index.alias(), event_index.alias()
    concluded = (
        select(outcome.c.seq)
        .where(outcome.c.subject == intent.c.subject, outcome.c.kind == Kind.QUESTION_OUTCOME)
        .exists()
    )
    query = (
        select(entries.c.seq, entries.c.leaf)
        .join(intent, intent.c.seq == entries.c.seq)
        .where(intent.c.kind == Kind.QUESTION_INTENT, ~concluded)
        .order_by(entries.c.seq)
    )
    return [decoded(seq, blob(data)) for seq, data in connection.execute(query)]


def reveal(connection: Connection, seq: int, *, private_key: bytes) -> str | None:
    """Return the private text of entry ``seq``, checked against its leaf; None where there is none.

    Raises:
        Refusal: it is not the text that the leaf commits to, or is gone though no entry says that it was
            erased (code ``seal-broken``).
    """
    digest = entry(connection, seq).event.get("private")
    row = connection.execute(
        select(private.c.nonce, private.c.ciphertext).where(private.c.seq == seq)
    ).first()
    if digest is None:
        return None
    if row is None:
        erased = search(connection, exact={"kind": Kind.PRIVATE_ERASED}, subject=f"entry-{seq}", limit=1)
        if not any(found.event["kind"] == Kind.PRIVATE_ERASED for found in erased):
            raise Refusal("seal-broken", "The sealed text of this entry is gone without a record of it.")
        return None
    return commitment.unseal_text(
        private_key, seq=seq, nonce=blob(row.nonce), sealed=blob(row.ciphertext), digest=digest
    )


def last_note(connection: Connection) -> bytes | None:
    """Return the newest signed note, None for an empty log."""
    query = select(checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(1)
    note = connection.execute(query).scalar()
    return None if note is None else blob(note)


def head(connection: Connection, *, origin: str, key: VerifyKey) -> tuple[checkpoint.Checkpoint, bytes]:
    """Return the last checkpoint and its signed note; of an empty log the empty tree, unsigned.

    Raises:
        Refusal: the stored checkpoint is not ours.
    """
    note = last_note(connection)
    if note is None:
        return checkpoint.Checkpoint(origin=origin, size=0, root=merkle.EMPTY_ROOT), b""
    return checkpoint.read(note, origin=origin, key=key), note


def status(connection: Connection, *, origin: str, key: VerifyKey) -> Status:
    """Return the head of the log as its last checkpoint states it."""
    last, note = head(connection, origin=origin, key=key)
    return Status(
        size=last.size,
        root=base64.b64encode(last.root).decode(),
        checkpoint_at=entry(connection, last.size - 1).at if last.size else "",
        checkpoint=note,
        key=key.note_text(origin),
        fingerprint=key.fingerprint,
    )


def check_tree(
    connection: Connection, *, origin: str, key: VerifyKey, said: Callable[[int], None] = lambda _: None
) -> merkle.Frontier:
    """Recompute the tree from the leaves; compare with the stored nodes and the last checkpoint.

    Args:
        connection: reads one state of the database.
        origin: of the log.
        key: that signed the checkpoint.
        said: told now and then how many leaves have been hashed.

    Returns:
        The whole tree, which may be longer than what the checkpoint covers.

    Raises:
        Refusal: a leaf is missing, or the three do not agree (code ``log-broken``).
    """
    last, _ = head(connection, origin=origin, key=key)
    tree = merkle.Frontier()
    root = tree.root()
    # In steps: a driver may hold a whole result in memory, and a server may limit one statement's time.
    while rows := _stored_after(connection, tree.size - 1 if tree.size else FIRST_PLACE):
        for seq, data in rows:
            if seq != tree.size:
                raise Refusal("log-broken", f"Entry {tree.size} of the log is missing.")
            tree.push(blob(data))
            if tree.size == last.size:
                root = tree.root()
        said(tree.size)
    if last.size > tree.size:
        raise Refusal(
            "log-broken", f"The last checkpoint covers {last.size} entries, the log has {tree.size}."
        )
    if last.root != root:
        raise Refusal(
            "log-broken", "The entries of the log are not those its last checkpoint was signed over."
        )
    if frontier(connection, tree.size).root() != tree.root():
        raise Refusal("log-broken", "The stored nodes of the log are not those of its entries.")
    return tree


def _stored_after(connection: Connection, seq: int) -> Sequence[Row[int, bytes]]:
    query = select(entries.c.seq, entries.c.leaf).where(entries.c.seq > seq)
    return connection.execute(query.order_by(entries.c.seq).limit(STEP)).all()


def size(connection: Connection) -> int:
    """Return how many entries the log has."""
    last = connection.execute(select(func.max(entries.c.seq))).scalar()
    return 0 if last is None else last + 1


def covered(connection: Connection) -> int:
    """Return how many entries the newest stored checkpoint covers."""
    return connection.execute(select(func.max(checkpoints.c.size))).scalar() or 0


def leaf_hashes(connection: Connection, first: int, end: int) -> list[bytes]:
    """Return the hashes of the entries ``[first, end)``, as far as there are any."""
    query = select(node.c.hash).where(node.c.level == 0, node.c.idx >= first, node.c.idx < end)
    return [blob(value) for value in connection.scalars(query.order_by(node.c.idx))]


def proof(connection: Connection, seq: int) -> bytes:
    """Return a tlog-proof of entry ``seq`` (https://c2sp.org/tlog-proof); raises NotFound."""
    note = last_note(connection)
    size = connection.execute(select(func.max(checkpoints.c.size))).scalar() or 0
    if note is None or not 0 <= seq < size:
        raise NotFound("entry-unknown", f"The log has no entry {seq}.")
    path = merkle.inclusion_path(seq, size, node_of(connection))
    return Proof(index=seq, path=tuple(path), note=note).text()


def first_proof(connection: Connection, seq: int) -> Proof:
    """Return the proof of entry ``seq`` up to the smallest checkpoint that covers it; raises NotFound."""
    query = select(checkpoints.c.size, checkpoints.c.note).where(checkpoints.c.size > seq)
    row = connection.execute(query.order_by(checkpoints.c.size).limit(1)).one_or_none()
    if row is None or seq < 0:
        raise NotFound("entry-unknown", f"No checkpoint of the log covers entry {seq}.")
    path = merkle.inclusion_path(seq, row.size, node_of(connection))
    return Proof(index=seq, path=tuple(path), note=blob(row.note))


def decoded(seq: int, data: bytes) -> Entry:
    """Return the entry whose stored bytes these are.

    Raises:
        Refusal: they are not an event's (code ``log-broken``).
    """
    try:
        event = canonical.decode(data)
        return Entry(seq=seq, at=event["at"], event=event)
    except (ValueError, TypeError, KeyError) as error:
        raise Refusal("log-broken", f"Entry {seq} of the log is not one that was written.") from error
