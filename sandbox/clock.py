"""The time of decisions, which never goes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock


class SteadyClock:
    """Gives the current time; never an earlier one than it gave or was told of, whatever the system says.

    A system clock that is set back would run an authorization again that has ended, or let a package be
    fetched again that expired. Set back, this one goes on at the pace of the monotonic clock instead of
    standing still, so a time that must pass still passes. Safe to use from threads.

    Args:
        system: the system's time.
        monotonic: seconds that nobody can set; only tests pass either.
    """

    def __init__(
        self,
        *,
        system: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._system = system
        self._monotonic = monotonic
        self._lock = Lock()
        self._latest = system()
        self._at = monotonic()

    def __call__(self) -> datetime:
        """Return the time now, in UTC."""
        with self._lock:
            at = self._monotonic()
            self._latest = max(self._system(), self._latest + timedelta(seconds=at - self._at))
            self._at = at
            return self._latest

    def not_before(self, moment: datetime) -> None:
        """Never give an earlier time than ``moment``, such as that of the newest record."""
        with self._lock:
            self._latest = max(self._latest, moment)
