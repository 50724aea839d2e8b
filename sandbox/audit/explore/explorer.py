"""The search itself: always complete up to the entry that was the newest one when it began.

1. The file takes in what it does not know yet (:meth:`Explorer.follow`).
2. Facets and days are sets of places; their AND is what may fit.
3. A text is looked for in the leaves of these places where they are few, else among the places that the
   index of pieces of words proposes, newest first, in each case by reading the leaf.
4. The entries of one page are decoded from their leaves; the counts are of the sets.

Counts are exact without a text. With one they stop at :data:`COUNTED` and say so.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from sandbox.audit import reading
from sandbox.audit.event import Kind
from sandbox.audit.explore import file, places
from sandbox.audit.explore.file import DAY, FACETS, SearchFile
from sandbox.audit.explore.found import Day, Found, Wanted
from sandbox.audit.explore.words import Words
from sandbox.audit.reader import Reader
from sandbox.errors import Unavailable
from sandbox.store import engine as store

COUNTED: Final = 500
"""Entries with a text that are counted."""
FEW: Final = 1_000
"""Entries that are read one by one rather than looked up by pieces of words."""
STEP: Final = 500
"""Entries that are read at once."""
BATCH: Final = 1_000
"""Entries that the file takes in at once."""
RAREST: Final = 4
"""Pieces of a text that are looked up; the leaf decides about the rest."""
PATIENCE: Final = 10.0
"""Seconds that a search waits for the file to follow; longer only when it is being made."""
REFUSED: Final = frozenset(
    {
        Kind.QUESTION_REFUSED,
        Kind.REQUEST_REFUSED,
        Kind.RELEASE_REFUSED,
        Kind.BUDGET_REFUSED,
        Kind.LOGIN_REFUSED,
        Kind.DOOR_REFUSED,
    }
)
log = logging.getLogger("sandbox.audit")


class Explorer:
    """Searches one log by way of one file.

    Args:
        reader: the log.
        path: of the file; made where it is missing, and made again where it does not belong to the log.
    """

    def __init__(self, reader: Reader, path: Path) -> None:
        self._reader = reader
        self._file = SearchFile(path)

    def find(self, wanted: Wanted, *, limit: int = 50) -> Found:
        """Return the newest ``limit`` entries that fit, how many there are, and what they are.

        Raises:
            Unavailable: the file is being made and not there yet (code ``search-building``), or the log
                cannot be read.
        """
        with self._ready() as (connection, index, size):
            end = size if wanted.before is None else min(size, wanted.before)
            search = _Search(connection, index, wanted, end)
            return search.found(limit)

    def days(self, count: int = 30) -> tuple[Day, ...]:
        """Return how much happened on the last ``count`` days on which anything did, oldest first."""
        with self._ready() as (_, index, _):
            names = [
                value
                for (value,) in index.execute(
                    "SELECT DISTINCT value FROM facet WHERE name = ? ORDER BY value DESC LIMIT ?",
                    (DAY, count),
                )
            ][::-1]
            refused = _any_of(index, "kind", sorted(REFUSED))
            found = []
            for name in names:
                that_day = _any_of(index, DAY, [name])
                both = places.count(places.both(that_day, refused))
                found.append(Day(day=name, entries=places.count(that_day), refused=both))
        return tuple(found)

    def follow(self, *, patience: float | None = None) -> int:
        """Let the file take in what it does not know yet.

        Args:
            patience: seconds after which to leave the rest for the next time; None to take in all of it.

        Returns:
            How many entries it does not know yet, of those that were there at the beginning.
        """
        until = None if patience is None else time.monotonic() + patience
        with self._reader.reading() as connection:
            size = reading.size(connection)
        while True:
            left = self._follow_once(size)
            if left <= 0 or (until is not None and time.monotonic() >= until):
                return max(0, left)

    def remove(self) -> None:
        """Throw the file away; the next search makes it again."""
        self._file.remove()

    def rebuild(self) -> int:
        """Throw the file away and make it again; return how many entries it knows."""
        self.remove()
        self.follow()
        with self._file.reading() as index:
            return file.known(index)[0]

    def _follow_once(self, size: int) -> int:
        try:
            with self._file.reading() as index:
                known, last = file.known(index)
            if known == size and self._same(known, last):
                return 0
            with self._file.changing() as index, self._reader.reading() as connection:
                known, last = file.known(index)
                if not _belongs(connection, known, last):
                    file.empty(index)
                    known = 0
                leaves = _leaves_from(connection, known, min(BATCH, size - known))
                if leaves:
                    file.add(index, known, leaves)
                return size - known - len(leaves)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise _unavailable() from error
            log.warning("the search file is broken and made again")
            self._file.remove()
            return size

    def _same(self, known: int, last: bytes) -> bool:
        with self._reader.reading() as connection:
            return _belongs(connection, known, last)

    @contextmanager
    def _ready(self) -> Iterator[tuple[Connection, sqlite3.Connection, int]]:
        left = self.follow(patience=PATIENCE)
        if left:
            raise Unavailable(
                "search-building",
                f"The log is being made searchable; {left:,} entries are still to be taken in.",
                allowed="Try again in a minute; entries, stories and proofs can be opened meanwhile.",
            )
        try:
            with self._file.reading() as index, self._reader.reading() as connection:
                yield connection, index, file.known(index)[0]
        except sqlite3.Error as error:
            raise _unavailable() from error


class _Search:
    """One search on two open connections."""

    def __init__(self, log: Connection, index: sqlite3.Connection, wanted: Wanted, end: int) -> None:
        self._log = log
        self._index = index
        self._wanted = wanted
        self._end = end
        self._words = Words(wanted.text) if wanted.text else None
        self._without: dict[str, places.Places] = {}

    def found(self, limit: int) -> Found:
        chosen = {name: value for name in FACETS if (value := getattr(self._wanted, name)) is not None}
        sets = {name: _any_of(self._index, name, [value]) for name, value in chosen.items()}
        around = self._around()
        fits = _all_of([around, *sets.values()])
        # What a facet's other values would give: everything but the facet itself.
        self._without = {
            name: _all_of([around, *(found for other, found in sets.items() if other != name)])
            for name in sets
        }
        total, at_least = places.count(fits), False
        if self._words:
            seqs = list(islice(self._with_text(fits, self._words), COUNTED + 1))
            at_least = len(seqs) > COUNTED
            fits = places.of(seqs[:COUNTED])
            total = places.count(fits)
            self._without = {}
        page = list(islice(places.newest_first(fits), limit))
        older = page[-1] if page and (at_least or total > len(page)) else None
        leaves = _leaves(self._log, page)
        entries = tuple(reading.decoded(seq, leaves[seq]) for seq in page if seq in leaves)
        return Found(entries=entries, older=older, total=total, at_least=at_least, facets=self._counts(fits))

    def _around(self) -> places.Places:
        """Return the places before the end, of the days and about the subject that are wanted."""
        around: places.Places = places.below(self._end)
        if self._wanted.since or self._wanted.until:
            days = self._index.execute(
                "SELECT block, bits FROM facet WHERE name = ? AND value >= ? AND value <= ?",
                (DAY, self._wanted.since or "", self._wanted.until or "9"),
            )
            around = places.both(around, _union(days))
        if self._wanted.subject is not None:
            rows = store.run(
                self._log, "SELECT seq FROM event_subject WHERE subject = ?", (self._wanted.subject,)
            )
            around = places.both(around, places.of(seq for (seq,) in rows.fetchall()))
        return around

    def _with_text(self, fits: places.Places, words: Words) -> Iterator[int]:
        if places.count(fits) <= FEW or not words.grams:
            proposed: Iterable[int] = places.newest_first(fits)
        else:
            proposed = self._proposed(fits, words)
        for seqs in _steps(proposed):
            leaves = _leaves(self._log, seqs)
            yield from (seq for seq in seqs if seq in leaves and words.fit(leaves[seq]))

    def _proposed(self, fits: places.Places, words: Words) -> Iterator[int]:
        match = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in self._rarest(words))
        rows = self._index.execute(
            "SELECT rowid FROM words WHERE words MATCH ? AND rowid <= ? ORDER BY rowid DESC",
            (match, self._end),
        )
        while some := rows.fetchmany(STEP):
            yield from places.members(fits, (seq - 1 for (seq,) in some))

    def _rarest(self, words: Words) -> list[str]:
        frequent = dict(
            self._index.execute(
                f"SELECT gram, entries FROM gram WHERE gram IN ({_marks(words.grams)})",  # noqa: S608  # marks only
                tuple(words.grams),
            ).fetchall()
        )
        return sorted(words.grams, key=lambda gram: (frequent.get(gram, 0), gram))[:RAREST]

    def _counts(self, fits: places.Places) -> dict[str, tuple[tuple[str, int], ...]]:
        counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        rows = self._index.execute("SELECT name, value, block, bits FROM facet WHERE name != ?", (DAY,))
        for name, value, block, bits in rows:
            within = self._without.get(name, fits).get(block)
            if within:
                counts[name, value] += (places.unpack(bits) & within).bit_count()
        return {
            name: tuple(
                sorted(
                    ((value, n) for (facet, value), n in counts.items() if facet == name and n),
                    key=lambda pair: (-pair[1], pair[0]),
                )
            )
            for name in FACETS
        }


def _belongs(connection: Connection, known: int, last: bytes) -> bool:
    """Whether the entry that the file knows last is the log's."""
    if not known:
        return True
    leaves = _leaves(connection, [known - 1])
    return known - 1 in leaves and file.digest(leaves[known - 1]) == last


def _leaves_from(connection: Connection, first: int, count: int) -> list[bytes]:
    rows = store.run(
        connection,
        "SELECT leaf FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq",
        (first, first + max(0, count)),
    )
    return [reading.blob(leaf) for (leaf,) in rows.fetchall()]


def _leaves(connection: Connection, seqs: Sequence[int]) -> dict[int, bytes]:
    if not seqs:
        return {}
    statement = f"SELECT seq, leaf FROM entry WHERE seq IN ({_marks(seqs)})"  # noqa: S608  # marks only
    return {seq: reading.blob(leaf) for seq, leaf in store.run(connection, statement, seqs).fetchall()}


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def _steps(seqs: Iterable[int]) -> Iterator[list[int]]:
    """Yield ``seqs`` in lists, the first ones shorter: most searches end with them."""
    rest, step = iter(seqs), STEP // 8
    while some := list(islice(rest, step)):
        yield some
        step = min(STEP, 2 * step)


def _any_of(index: sqlite3.Connection, name: str, values: Sequence[str]) -> dict[int, int]:
    return _union(
        index.execute(
            f"SELECT block, bits FROM facet WHERE name = ? AND value IN ({_marks(values)})",  # noqa: S608  # marks only
            (name, *values),
        )
    )


def _union(rows: Iterable[tuple[int, bytes]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for block, bits in rows:
        found[block] = found.get(block, 0) | places.unpack(bits)
    return found


def _all_of(sets: Sequence[places.Places]) -> dict[int, int]:
    found = dict(sets[0])
    for other in sets[1:]:
        found = places.both(found, other)
    return found


def _unavailable() -> Unavailable:
    return Unavailable(
        "search-unavailable",
        "The log cannot be searched at the moment.",
        allowed="Try again; `sandbox audit reindex` makes the search file again.",
    )
