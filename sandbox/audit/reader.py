"""What can be asked of the log by whoever may read it; :class:`sandbox.audit.log.Log` also writes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from sandbox.audit import reading
from sandbox.audit.event import Kind
from sandbox.audit.reading import Entry
from sandbox.errors import Unavailable
from sandbox.store import engine as store

_LOOKS = frozenset({Kind.AUDIT_READ, Kind.AUDIT_EXPORTED})
"""What is done with the log and not with what it is about."""


class Reader:
    """The entries of one state database.

    Args:
        engine: from :func:`sandbox.store.engine.open_state`.
        private_key: 32 bytes that open sealed texts.
    """

    def __init__(self, engine: Engine, *, private_key: bytes) -> None:
        self.engine = engine
        self._private_key = private_key

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
        before: int | None = None,
        limit: int = 50,
    ) -> list[Entry]:
        """Return the newest entries that fit all that is given, newest first.

        For a text, days or decisions see :class:`~sandbox.audit.explore.explorer.Explorer`.

        Args:
            actor: account name.
            kind: value of :class:`~sandbox.audit.event.Kind`.
            subject: an id; entries that are only related to it are found too.
            dataset: name of a dataset.
            authorization: name of an authorization.
            before: only entries before this place, for the next page.
            limit: how many at most.
        """
        exact = {"actor": actor, "kind": kind, "dataset": dataset, "authorization": authorization}
        with self.reading() as connection:
            return reading.search(connection, exact=exact, subject=subject, before=before, limit=limit)

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
        return [found[seq] for seq in sorted(found) if found[seq].event["kind"] not in _LOOKS]

    def reveal(self, seq: int) -> str | None:
        """Return the private text of entry ``seq``, None if there is none (or none any more).

        The caller records who looked, with kind ``audit.read``, before showing it.

        Raises:
            NotFound: there is no such entry.
            Refusal: the sealed text is not the one the leaf commits to.
        """
        with self.reading() as connection:
            return reading.reveal(connection, seq, private_key=self._private_key)

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
            with store.reading(self.engine) as connection:
                yield connection
        except store.FAILURES as error:
            raise unavailable() from error


def unavailable() -> Unavailable:
    """Return the one refusal of whatever the log cannot do now."""
    return Unavailable(
        "log-unavailable",
        "The log cannot be read or written at the moment, so nothing is answered or released.",
        allowed="Try again later.",
    )
