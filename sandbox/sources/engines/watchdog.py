"""Interrupts questions at their deadlines, with one thread for all of them.

A thread for each question costs more than many a small question itself.
"""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

INTERRUPT_AGAIN = 0.05
"""Seconds between interrupts past the deadline: one that comes before the statement starts is lost."""


class _Watched:
    """One running block."""

    def __init__(self, interrupt: Callable[[], object]) -> None:
        self.interrupt = interrupt
        self.ended = False
        self.lock = threading.Lock()
        """Held while it is interrupted, so that nobody is interrupted who has left the block."""


class Watchdog:
    """Interrupts whatever runs past its deadline; its thread starts with the first block."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._due: list[tuple[float, int, _Watched]] = []
        self._numbers = itertools.count()
        self._process = 0

    @contextmanager
    def watch(self, interrupt: Callable[[], object], *, after: float) -> Iterator[None]:
        """Call ``interrupt`` once the block has run for ``after`` seconds, and again until it ends.

        When the block has ended, ``interrupt`` is not running and will not be called.
        """
        watched = _Watched(interrupt)
        self._add(watched, time.monotonic() + after)
        try:
            yield
        finally:
            with watched.lock:
                watched.ended = True
                watched.interrupt = _nothing  # it stays in line until it is due; what it would reach does not

    def _add(self, watched: _Watched, due: float) -> None:
        with self._wake:
            if self._process != os.getpid():  # threads do not survive a fork, and neither do questions
                self._process, self._due = os.getpid(), []
                threading.Thread(target=self._run, name="query-deadlines", daemon=True).start()
            heapq.heappush(self._due, (due, next(self._numbers), watched))
            if self._due[0][2] is watched:
                self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._wake.wait(self._due[0][0] - time.monotonic() if self._due else None)
                watched = heapq.heappop(self._due)[2]
            if _interrupted(watched):
                self._add(watched, time.monotonic() + INTERRUPT_AGAIN)


def _interrupted(watched: _Watched) -> bool:
    """Interrupt a block that still runs; return whether it does."""
    with watched.lock:
        if not watched.ended:
            with suppress(Exception):  # one that failed is tried again, and the others are still waited for
                watched.interrupt()
        return not watched.ended


def _nothing() -> None:
    pass
