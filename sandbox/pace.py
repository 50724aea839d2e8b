"""When an answer leaves: on a fixed grid of moments, so that time tells no more than which step it was.

How long an engine takes depends on the data. So whatever a question ends in (an answer, a refusal, the
constant error, a fault) is held back until the first edge of the grid that is not past, counted from
the moment the request arrived. The grid goes on in multiples of its last edge, and what is not ready
at the last edge is replaced by the constant error. Only a repeated answer may leave at an earlier edge
of its own: that it is a repeat is said in the answer, and no row is read for it.

The engine is stopped at an edge too, one before the last, so that what ran into the deadline leaves
together with what ended just before it.

Waiting happens in the calling thread, and takes no place from a question that is being worked on.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise
from threading import BoundedSemaphore, Event
from typing import TypeVar

from sandbox.errors import StartupRefusal, Unavailable
from sandbox.settings import Settings

T = TypeVar("T")
AT_ONCE = 16
"""Questions worked on at once; the engine and the log have their own, smaller limits."""
CONSTANT_SENTENCE = "The question could not be completed; whatever it was charged stands."


def not_completed() -> Unavailable:
    """Return the one refusal of every question that was paid and not answered, whatever the reason."""
    return Unavailable("not-completed", CONSTANT_SENTENCE)


class Pace:
    """The grid of one gateway.

    Args:
        edges: seconds after arrival, rising; empty for no grid at all.
        repeat_edge: seconds after which a repeated answer may leave already.
        deadline: seconds after arrival at which the engine is stopped; an edge, not the last.
        clock: monotonic seconds; only tests pass one.
        sleep: waits for seconds, or less; only tests pass one.

    Raises:
        StartupRefusal: the edges do not rise, or the deadline is not one of them.
    """

    def __init__(
        self,
        edges: tuple[float, ...],
        *,
        repeat_edge: float,
        deadline: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        _check(edges, repeat_edge=repeat_edge, deadline=deadline)
        self._edges = edges
        self._early = (repeat_edge, *edges) if edges else ()
        self._deadline = deadline
        self._slots = BoundedSemaphore(AT_ONCE)
        self._clock = clock
        self._ended = Event()
        self._sleep = sleep or self._ended.wait

    @classmethod
    def of(cls, settings: Settings) -> Pace:
        """Return the grid that the settings state.

        Raises:
            StartupRefusal: the edges do not rise, or the deadline is not one of them.
        """
        return cls(
            settings.latency_buckets, repeat_edge=settings.repeat_bucket, deadline=settings.query_deadline
        )

    def now(self) -> float:
        """Return the present moment on the clock that arrivals are measured by."""
        return self._clock()

    def left(self, arrived: float) -> float:
        """Return the seconds until the engine must stop; negative when that is past."""
        return arrived + self._deadline - self._clock()

    def run(self, work: Callable[[], T], *, arrived: float, early: Callable[[T], bool]) -> T:
        """Do ``work`` and return its result, or raise its refusal, at an edge of the grid.

        Args:
            work: answers the question.
            arrived: when the request came, by :meth:`now`.
            early: whether a result may leave at the edge of repeated answers.

        Raises:
            Unavailable: no place became free in time (``too-busy``, nothing was charged), or the last
                edge is past (``not-completed``).
        """
        try:
            result = self._work(work, arrived)
        except Exception:
            if self._hold(arrived, self._edges):
                raise not_completed() from None
            raise
        if self._hold(arrived, self._early if early(result) else self._edges):
            raise not_completed()
        return result

    def end(self) -> None:
        """Hold nothing back any more; only for a server that nobody can hear any more."""
        self._ended.set()

    def _work(self, work: Callable[[], T], arrived: float) -> T:
        if not self._slots.acquire(timeout=max(0.0, self.left(arrived))):
            raise too_busy()
        try:
            return work()
        finally:
            self._slots.release()

    def _hold(self, arrived: float, edges: tuple[float, ...]) -> bool:
        """Wait for the next edge; return whether the last one was past."""
        if not edges:
            return False
        taken = self._clock() - arrived
        late = taken > edges[-1]
        edge = edges[-1] * math.ceil(taken / edges[-1]) if late else edges[bisect_left(edges, taken)]
        while (rest := arrived + edge - self._clock()) > 0 and not self._ended.is_set():
            self._sleep(rest)
        return late


def too_busy() -> Unavailable:
    """Return the refusal of a question that nobody had the time for before its deadline."""
    return Unavailable(
        "too-busy",
        "Too many questions are being answered at this moment; you were charged nothing.",
        allowed="Ask again in a moment.",
    )


def _check(edges: tuple[float, ...], *, repeat_edge: float, deadline: float) -> None:
    if not edges:
        return
    steps = (0.0, repeat_edge, *edges)
    if not all(first < second < math.inf for first, second in pairwise(steps)):
        raise StartupRefusal(
            "SANDBOX_LATENCY_BUCKETS must be seconds that rise, the first above SANDBOX_REPEAT_BUCKET."
        )
    if deadline not in edges[:-1]:
        raise StartupRefusal(
            f"SANDBOX_QUERY_DEADLINE is {deadline:g}; it must be one of SANDBOX_LATENCY_BUCKETS but the last."
        )
