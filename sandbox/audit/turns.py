"""One turn at a time, first come first served, handed from one thread to the next.

A thread whose work any thread may do leaves it in the queue as a :class:`Job`: whoever has the turn does
it on the way, which spares two changes of threads for each of them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any


class Turn(Enum):
    """How a wait for the turn ended."""

    MINE = "mine"
    """The calling thread has the turn, and has to give it away."""
    DONE = "done"
    """Another thread has done the job."""
    LATE = "late"
    """The wait ran out; a job may still be done by the thread that has begun it."""


class Job:
    """Work that any thread with the turn may do.

    Args:
        work: what to do; its argument is whatever the thread with the turn hands it.
    """

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        """What the work raised, for the thread that wanted it done."""
        self.failure: BaseException | None = None
        """What came in between after the work; one for many jobs."""


class _Ticket:
    """Of one thread that waits."""

    def __init__(self, job: Job | None) -> None:
        self.job = job
        self.outcome = Turn.LATE
        self._given = threading.Lock()
        self._given.acquire()

    def call(self, outcome: Turn) -> None:
        self.outcome = outcome
        self._given.release()

    def wait(self, seconds: float) -> bool:
        return self._given.acquire(timeout=max(0.0, seconds))


class Turns:
    """A lock whose owner can see whether somebody waits, and give it to exactly that one.

    A plain lock cannot: between the look and the release the waiting thread may give up, and then nobody
    has the turn who was counted on.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queue: deque[_Ticket] = deque()
        self._taken = False

    def take(self, *, wait: float, job: Job | None = None) -> Turn:
        """Wait for the turn, or for ``job`` to be done by somebody else, for ``wait`` seconds at most."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return Turn.MINE
            mine = _Ticket(job)
            self._queue.append(mine)
        if mine.wait(wait):
            return mine.outcome
        with self._guard:
            if mine in self._queue:
                self._queue.remove(mine)
        return mine.outcome  # MINE if the turn was handed over while the wait ran out

    def next_job(self) -> tuple[Job, Callable[[], None]] | None:
        """Take the job of the thread that waits longest, and what tells that thread when it is done.

        For the thread that has the turn; None where that thread wants the turn itself, or nobody waits.
        """
        with self._guard:
            if not self._queue or self._queue[0].job is None:
                return None
            ticket = self._queue.popleft()
        assert ticket.job is not None  # noqa: S101  # looked at above, under the same lock
        return ticket.job, lambda: ticket.call(Turn.DONE)

    def hand_over(self) -> bool:
        """Give the turn to whoever waits longest; return False, and keep it, where nobody waits."""
        with self._guard:
            if not self._queue:
                return False
            self._queue.popleft().call(Turn.MINE)
            return True

    def release(self) -> None:
        """Give the turn away, to the next thread or to the first that comes."""
        with self._guard:
            if self._queue:
                self._queue.popleft().call(Turn.MINE)
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
