"""What is handed to sinks, how the log is read for one that missed something, how a sink says no."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, select

from sandbox.audit import reading
from sandbox.store import tables

PAGE = 256
"""Records read from the log, and written to a sink, at once."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One committed record at its place in the log."""

    seq: int
    """Place in the log, counted from 0."""
    leaf: bytes
    """The exact bytes that were hashed and stored."""


ReadLeaves = Callable[[int], Iterator[Delivered]]
"""Gives every committed record from a place on to the end, in order and without a gap."""


class SinkFailed(Exception):
    """A sink did not take what it was given; one sentence for the operator, without any data in it."""


class Target(Protocol):
    """Where a sink writes to; used by one thread at a time."""

    def write(self, records: Sequence[Delivered]) -> None:
        """Take ``records`` in order; when it returns they are as safe as this kind of sink can make them.

        Raises:
            SinkFailed, OSError: not all of them are; all may be written once more.
        """

    def close(self) -> None:
        """Give back what is open; the next write opens it anew."""


def leaves_of(open_connection: Callable[[], AbstractContextManager[Connection]]) -> ReadLeaves:
    """Return the reader of a log's records, from what :meth:`sandbox.audit.log.Log.reading` opens.

    Each page has a transaction of its own, so a slow sink holds no snapshot of the database.
    """
    entry = tables.entry.c

    def read(first: int) -> Iterator[Delivered]:
        while True:
            query = select(entry.seq, entry.leaf).where(entry.seq >= first).order_by(entry.seq).limit(PAGE)
            with open_connection() as connection:
                page = [Delivered(seq, reading.blob(leaf)) for seq, leaf in connection.execute(query)]
            yield from page
            if len(page) < PAGE:
                return
            first = page[-1].seq + 1

    return read
