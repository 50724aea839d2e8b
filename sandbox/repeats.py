"""Answers that were given, kept so that the same question again gives the same answer at no cost.

What holds:

- the same answer means the same plan (canonical question, policies, authorization, epsilon, noise) on
  the same snapshot. A key holds both digests, so another authorization, another policy or new data is
  another question; the authorization is compared once more when an answer is found;
- an answer is kept in the transaction that records its outcome: what has no outcome ``answered`` in the
  log was never kept, whenever a crash came;
- the first answer stays. Where two processes answered the same question at once, both were charged, and
  repeats give the one that was recorded first;
- what is handed out again has the digest that its outcome in the log states, or is not handed out.

The noisy table left the gateway before, so keeping it tells nobody anything new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import Engine, delete

from sandbox.answer import table_document
from sandbox.audit.group import Transaction
from sandbox.audit.receipt import Receipt
from sandbox.canonical import Canonical, decode, digest, digest_of, encode
from sandbox.errors import Conflict, Unavailable
from sandbox.privacy.post import AnswerTable
from sandbox.recent import Recent
from sandbox.store import engine as store
from sandbox.store import tables

KEPT_CELLS = 1_000_000
"""Cells of all answers kept in memory, about 100 MB at most; all others are read from the database."""
_FIND = (
    "SELECT answer.document, answer.seq, entry.leaf FROM answer "
    "JOIN entry ON entry.seq = answer.seq WHERE answer.key = ?"
)
_AT = "SELECT key FROM answer WHERE seq = ?"
_KEEP = f"{store.insert_sql(tables.answer)} ON CONFLICT (key) DO NOTHING"


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """An answer as it was given the first time."""

    table: AnswerTable
    receipt: Receipt
    """Its claims, in the name of who paid for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """An answer on its way into the database."""

    key: str
    policy: str
    """Digest of the policies it was asked under."""
    document: bytes
    """Canonical JSON of the key, the table and the receipt's claims but the place of its outcome."""

    @classmethod
    def of(cls, key: str, *, table: AnswerTable, claims: Mapping[str, Canonical], policy: str) -> Kept:
        """Return what is kept of a new answer."""
        document: dict[str, Canonical] = {"key": key, "table": table_document(table), "receipt": claims}
        return cls(key=key, policy=policy, document=encode(document))

    @property
    def digest(self) -> str:
        """What the outcome states, so that nobody can change the kept answer afterwards."""
        return digest(self.document)


def key_of(plan_digest: str, snapshot_digest: str) -> str:
    """Return what makes two answers the same answer."""
    return digest_of({"plan": plan_digest, "snapshot": snapshot_digest})


class Repeats:
    """The answers of one state database, with those used last in memory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._recent: Recent[str, Given] = Recent(KEPT_CELLS, weight=_cells)
        self._asked: dict[str, _Turn] = {}
        self._lock = Lock()

    def find(self, key: str, *, authorization: str) -> Given | None:
        """Return the answer kept under ``key``; None where it was never given.

        Raises:
            Unavailable: the kept bytes are not those that the log recorded.
        """
        found = self.recent(key, authorization=authorization)
        if found is None:
            found = _under(self._stored(key), authorization)
            if found is not None:
                self._recent.put(key, found)
        return found

    def at(self, seq: int) -> Given | None:
        """Return the answer whose outcome stands at ``seq`` of the log; None where it is not kept.

        Raises:
            Unavailable: the kept bytes are not those that the log recorded.
        """
        with store.reading(self._engine) as connection:
            row = store.run(connection, _AT, (seq,)).fetchone()
        return None if row is None else self._stored(row[0])

    def recent(self, key: str, *, authorization: str) -> Given | None:
        """Return the answer under ``key`` if it is still in memory; see :meth:`find`."""
        return _under(self._recent.get(key), authorization)

    def keep(self, transaction: Transaction, kept: Kept, *, seq: int) -> None:
        """Keep an answer in the transaction that records its outcome at ``seq``; an older one stays."""
        row = (kept.key, seq, kept.policy, kept.document)
        store.run(transaction.connection, _KEEP, row)

    def forget(self, transaction: Transaction, *, policy: str) -> None:
        """Remove the answers that nobody can get again: those of other policies than ``policy``."""
        transaction.connection.execute(delete(tables.answer).where(tables.answer.c.policy != policy))

    @contextmanager
    def turn(self, key: str, *, wait: float) -> Iterator[None]:
        """Let one thread at a time answer one question, so that the others find its answer.

        Raises:
            Conflict: another thread was still answering it after ``wait`` seconds.
        """
        with self._lock:
            turn = self._asked.setdefault(key, _Turn())
            turn.wanted += 1
        try:
            if not turn.lock.acquire(timeout=max(0.0, wait)):
                raise Conflict(
                    "already-being-answered",
                    "The same question is being answered for somebody at this moment.",
                    allowed="Ask again in a moment; you were charged nothing.",
                )
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            with self._lock:
                turn.wanted -= 1
                if not turn.wanted:
                    del self._asked[key]

    def _stored(self, key: str) -> Given | None:
        with store.reading(self._engine) as connection:
            row = store.run(connection, _FIND, (key,)).fetchone()
        if row is None:
            return None
        document, seq, leaf = row
        try:
            if decode(leaf)["body"]["kept"] != digest(document):
                raise _broken()
            content = decode(document)
            table, claims = content["table"], content["receipt"]
        except (ValueError, TypeError, KeyError) as error:
            raise _broken() from error
        if content["key"] != key:
            raise _broken()
        rows = tuple(tuple(row) for row in table["rows"])
        return Given(
            table=AnswerTable(columns=tuple(table["columns"]), rows=rows), receipt=Receipt(**claims, seq=seq)
        )


class _Turn:
    """Who answers one question now, and how many want to."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.wanted = 0


def _under(found: Given | None, authorization: str) -> Given | None:
    if found is not None and found.receipt.authorization != authorization:
        raise _broken()
    return found


def _cells(given: Given) -> int:
    return max(1, len(given.table.columns) * len(given.table.rows))


def _broken() -> Unavailable:
    return Unavailable(
        "answer-broken",
        "The kept answer to this question is not the one that the log recorded, so it is not given again.",
        allowed="Ask for a fresh answer; it is charged anew.",
    )
