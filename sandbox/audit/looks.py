"""Who looked at the log, on record before anything is shown, and each search once.

What only narrows a search that is on record shows nothing beyond it, and neither does its next page: both
are left out for :data:`STANDS` seconds, so that a person who reads does not fill what they read. Looking
for another person, another id or another text is another search.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from typing import Final

from sandbox.audit.event import Event, Kind
from sandbox.audit.explore.found import Wanted
from sandbox.audit.log import Log
from sandbox.canonical import Canonical
from sandbox.recent import Recent

STANDS: Final = 600.0
"""Seconds for which a search that is on record covers what narrows it."""
NARROWS: Final = frozenset({"kind", "authorization", "dataset", "decision", "since", "until"})
REMEMBERED: Final = 1_000
"""Searches of all people."""
_Filters = frozenset[tuple[str, str]]


class Looks:
    """The looks that one process records.

    Args:
        log: where they are recorded.
        now: monotonic seconds; only tests pass another.
    """

    def __init__(self, log: Log, *, now: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._now = now
        self._recorded: Recent[tuple[str, _Filters], tuple[tuple[float, _Filters], ...]] = Recent(REMEMBERED)

    def record(self, actor: str, *, subject: str, channel: str, **body: Canonical) -> None:
        """Put one look on record."""
        event = Event(kind=Kind.AUDIT_READ, actor=actor, subject=subject, body={"channel": channel, **body})
        self._log.append(event)

    def record_search(self, actor: str, wanted: Wanted, *, channel: str) -> None:
        """Put a search on record, unless one that shows as much is."""
        given = {
            field.name: value
            for field in fields(wanted)
            if field.name != "before" and (value := getattr(wanted, field.name)) is not None
        }
        narrowing = frozenset((name, value) for name, value in given.items() if name in NARROWS)
        key = (actor, frozenset(given.items()) - narrowing)
        since = self._now() - STANDS
        standing = tuple(one for one in self._recorded.get(key) or () if one[0] > since)
        if any(filters <= narrowing for _, filters in standing):
            return
        self.record(actor, subject="search", channel=channel, filters=given)
        self._recorded.put(key, (*standing, (self._now(), narrowing)))
