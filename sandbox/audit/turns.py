"""One turn at a time, first come first served, handed from one thread to the next."""

from __future__ import annotations

import threading
import time
from collections import deque


class _Ticket:
    """Of one thread that waits."""

    def __init__(self) -> None:
        self.given = threading.Lock()
        self.given.acquire()


class Turns:
    """A lock whose owner can see whether somebody waits, and give it to exactly that one.

    A plain lock cannot: between the look and the release the waiting thread may give up, and then nobody
    has the turn who was counted on.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queue: deque[_Ticket] = deque()
        self._taken = False

    def take(self, *, wait: float) -> bool:
        """Return whether the calling thread has the turn, after ``wait`` seconds at most."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            mine = _Ticket()
            self._queue.append(mine)
        if mine.given.acquire(timeout=max(0.0, wait)):
            return True
        with self._guard:
            if mine in self._queue:
                self._queue.remove(mine)
                return False
        return True  # it was handed over while the wait ran out

    def hand_over(self) -> bool:
        """Give the turn to whoever waits longest; return False, and keep it, where nobody waits."""
        with self._guard:
            if not self._queue:
                return False
            self._queue.popleft().given.release()
            return True

    def release(self) -> None:
        """Give the turn away, to the next thread or to the first that comes."""
        with self._guard:
            if self._queue:
                self._queue.popleft().given.release()
            else:
                self._taken = False


class Deadline:
    """A moment that does not move."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then; never negative."""
        return max(0.0, self._until - time.monotonic())
