"""Reads the log behind the desk and keeps a notice for everybody whom an entry concerns.

The notices of a page of the log and the place up to which it was read are one transaction, so a crash
at any moment neither loses a notice nor keeps one twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from sandbox.audit import reading
from sandbox.audit.reading import Entry
from sandbox.errors import NotFound
from sandbox.notices import box, cursor
from sandbox.notices.concerning import Concerned
from sandbox.policy.policies import Policies
from sandbox.store.engine import reading as state_reading
from sandbox.store.engine import writing
from sandbox.store.tables import entry as entries
from sandbox.store.tables import event_index

NAME = "log"
PAGE = 200
"""Entries about releases of one transaction."""
WAIT = 5.0
"""Seconds to wait for the write lock; the log's own writers come first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Follower:
    """Follows one log."""

    engine: Engine
    """Of the state database."""
    policies: Policies
    people: Callable[[], Mapping[str, frozenset[str]]]
    """Gives the groups of everybody whose account is open."""
    review_time: timedelta
    clock: Callable[[], datetime]

    def begin(self) -> None:
        """Begin at the present end of the log, unless it was followed before."""
        with writing(self.engine, wait=WAIT) as connection:
            cursor.begin(connection, NAME, lambda: _last(connection))

    def follow(self) -> None:
        """Keep a notice for everything that the log says since; writes only where it has grown."""
        with state_reading(self.engine) as connection:
            grown = cursor.place(connection, NAME) != _last(connection)
        while grown and self._page():
            pass

    def remind(self) -> None:
        """Keep a notice for everything that is due because of the time that has passed."""
        concerned = self._concerned()
        with state_reading(self.engine) as connection:
            happenings = concerned.by_time(connection, now=self.clock())
            due = [one for one in happenings if box.missing(connection, one)]
        if not due:
            return
        with writing(self.engine, wait=WAIT) as connection:
            box.put(connection, due)

    def _page(self) -> bool:
        """Read one page; return whether there may be more."""
        concerned = self._concerned()
        with writing(self.engine, wait=WAIT) as connection:
            old = cursor.begin(connection, NAME, lambda: -1)
            last = _last(connection)
            found = _releases(connection, after=old, until=last)
            for entry in found:
                try:
                    happenings = list(concerned.by_entry(connection, entry))
                except NotFound:
                    continue  # an attempt on a request that is not there
                box.put(connection, happenings)
            more = len(found) == PAGE
            cursor.move(connection, NAME, old=old, new=found[-1].seq if more else last)
        return more

    def _concerned(self) -> Concerned:
        return Concerned(policies=self.policies, people=self.people(), review_time=self.review_time)


def _last(connection: Connection) -> int:
    last = connection.execute(select(func.max(entries.c.seq))).scalar()
    return -1 if last is None else last


def _releases(connection: Connection, *, after: int, until: int) -> list[Entry]:
    t = event_index
    about = (t.c.seq > after, t.c.seq <= until, t.c.kind.startswith("release."))
    places = connection.execute(select(t.c.seq).where(*about).order_by(t.c.seq).limit(PAGE)).scalars().all()
    return [reading.entry(connection, seq) for seq in places]
