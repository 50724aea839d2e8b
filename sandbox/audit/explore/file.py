"""The file that searches are made from, and how it follows the log.

What holds:

1. Every batch of entries is in it whole or not at all, together with the number of entries it knows.
2. It is bound to the log: it keeps the digest of the last entry it knows, and one that belongs to another
   log, to another version or to a log that was set back is emptied and made again.
3. Nothing waits for it but searches: it has a lock of its own, so that no record of a question does.

A file of SQLite also where the state is in PostgreSQL: the same search in both, no extension and no right
that a database's administrator would have to give, and no write beside the log in the log's own database.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sandbox.audit.explore import places
from sandbox.audit.explore.words import grams, searchable

VERSION: Final = 1
"""Of what is kept; a file of another one is made again."""
FACETS: Final = ("kind", "actor", "authorization", "dataset", "decision")
DAY: Final = "day"
SAMPLED: Final = 32
"""Of so many entries one is looked at to know how frequent pieces of words are."""
WAIT: Final = 30.0
"""Seconds to wait for another process that is indexing."""
_SCHEMA: Final = """
CREATE TABLE state (version INTEGER NOT NULL, size INTEGER NOT NULL, last BLOB NOT NULL);
CREATE TABLE facet (
    name TEXT NOT NULL, value TEXT NOT NULL, block INTEGER NOT NULL, bits BLOB NOT NULL,
    UNIQUE (name, value, block)
);
CREATE TABLE gram (gram TEXT PRIMARY KEY, entries INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(body, tokenize='trigram', content='', detail='none', columnsize=0)
"""
_NAMES: Final = ("words", "gram", "facet", "state")


class SearchFile:
    """The file at ``path``; safe to use from threads and from several processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a connection that reads one state of the file."""
        with self._opened() as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Open the one transaction that may change the file now."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                _make_current(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def remove(self) -> None:
        """Remove the file; it is made again by whoever looks for something."""
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._make()
        with closing(sqlite3.connect(self.path, timeout=WAIT, isolation_level=None)) as connection:
            for pragma in (
                "journal_mode=WAL",
                "synchronous=NORMAL",
                "trusted_schema=OFF",
                "cache_size=-32000",
            ):
                connection.execute(f"PRAGMA {pragma}")
            yield connection

    def _make(self) -> None:
        if self.path.exists():
            return
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return
        if os.geteuid() == 0:  # a command of root's must not shut the gateway out
            owner = self.path.parent.stat()
            os.chown(self.path, owner.st_uid, owner.st_gid)


def known(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Return how many entries the file knows, -1 if it is not of this version, and the last one's digest."""
    try:
        row = connection.execute("SELECT size, last FROM state WHERE version = ?", (VERSION,)).fetchone()
    except sqlite3.OperationalError:  # nothing was ever written
        row = None
    return (-1, b"") if row is None else (int(row[0]), bytes(row[1]))


def empty(connection: sqlite3.Connection) -> None:
    """Forget everything."""
    for name in _NAMES:
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute("INSERT INTO state VALUES (?, 0, x'')", (VERSION,))


def add(connection: sqlite3.Connection, first: int, leaves: Sequence[bytes]) -> None:
    """Take in the entries from place ``first`` on."""
    sets: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    sampled: Counter[str] = Counter()
    texts: list[tuple[int, str]] = []
    for seq, leaf in enumerate(leaves, first):
        event = json.loads(leaf)
        text = searchable(event)
        texts.append((seq + 1, text))
        if seq % SAMPLED == 0:
            sampled.update(set(grams(text)))
        for facet in _facets(event):
            sets[facet].append(seq)
    connection.executemany("INSERT INTO words (rowid, body) VALUES (?, ?)", texts)
    connection.executemany(
        "INSERT INTO gram VALUES (?, ?) ON CONFLICT DO UPDATE SET entries = entries + excluded.entries",
        sorted(sampled.items()),
    )
    for (name, value), seqs in sets.items():
        _add_places(connection, name, value, seqs)
    size = first + len(leaves)
    connection.execute("UPDATE state SET size = ?, last = ?", (size, digest(leaves[-1])))


def digest(leaf: bytes) -> bytes:
    """Return what is kept of the last entry."""
    return hashlib.sha256(leaf).digest()


def _facets(event: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in FACETS:
        if event[name]:
            yield name, event[name]
    yield DAY, event["at"][:10]


def _add_places(connection: sqlite3.Connection, name: str, value: str, seqs: Sequence[int]) -> None:
    for block, bits in places.of(seqs).items():
        key = (name, value, block)
        found = connection.execute(
            "SELECT bits FROM facet WHERE name = ? AND value = ? AND block = ?", key
        ).fetchone()
        held = places.unpack(found[0]) if found else 0
        connection.execute(
            "INSERT OR REPLACE INTO facet VALUES (?, ?, ?, ?)", (*key, places.pack(held | bits))
        )


def _make_current(connection: sqlite3.Connection) -> None:
    if known(connection)[0] < 0:
        empty(connection)
