"""Noise drawn ahead of time, each number of it used once.

Drawing takes longer the larger the noise is, so its time would tell about it; and for ten thousand
groups it takes a tenth of a second. So a thread of its own draws while nobody waits. What it drew is
kept in memory alone, handed out once, and dropped in a forked child, which would else use the same
numbers as its parent. Where the pool holds too little, the rest is drawn before anything is used.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sandbox.privacy.mechanism import Noise

Draws = npt.NDArray[np.int64]
KEPT = 16_384
"""Numbers held ready for one scale: more than one answer has groups."""
CHUNK = 1_024
"""Numbers drawn at a time, so that the thread can stop in between."""
MOST_SCALES = 64
"""Scales held ready; the one used longest ago is dropped for the next."""
_STOP_WAIT = 2.0


class Pool:
    """Hands out noise, each number once.

    Args:
        draw: draws numbers of a noise, independently, from a secure source.
    """

    def __init__(self, draw: Callable[[Noise, int], Draws]) -> None:
        self._draw = draw
        self._begin()
        os.register_at_fork(after_in_child=self._begin)
        atexit.register(self.close)

    def __repr__(self) -> str:
        """Show nothing of what is held."""
        return "Pool()"

    def take(self, noise: Noise, count: int) -> Draws:
        """Return ``count`` numbers that nobody else was given or will be."""
        with self._changed:
            held = self._held.pop(noise, _nothing())
            found, rest = held[:count], held[count:]
            self._held[noise] = rest
            while len(self._held) > MOST_SCALES:
                self._held.popitem(last=False)
            self._start()
            self._changed.notify_all()
        if len(found) == count:
            return found
        return np.concatenate([found, self._draw(noise, count - len(found))])

    def held(self, noise: Noise) -> int:
        """Return how many numbers are ready."""
        with self._changed:
            return len(self._held.get(noise, _nothing()))

    def close(self) -> None:
        """Stop drawing, and forget what is held; what is asked afterwards is drawn when it is asked."""
        with self._changed:
            self._closed = True
            self._held.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(_STOP_WAIT)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._held: OrderedDict[Noise, Draws] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._closed = False

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._fill, name="noise-pool", daemon=True)
            self._thread.start()

    def _fill(self) -> None:
        while True:
            with self._changed:
                while not self._closed and self._lacking() is None:
                    self._changed.wait()
                noise = self._lacking()
                if self._closed or noise is None:
                    return
            drawn = self._draw(noise, CHUNK)
            with self._changed:
                if noise in self._held and not self._closed:
                    self._held[noise] = np.concatenate([self._held[noise], drawn])

    def _lacking(self) -> Noise | None:
        """Return the scale, of those used most recently first, that holds too little."""
        return next((noise for noise in reversed(self._held) if len(self._held[noise]) < KEPT), None)


def _nothing() -> Draws:
    return np.empty(0, dtype=np.int64)
