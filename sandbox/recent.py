"""The values used last, up to a total weight; safe to use from several threads.

Only for values that never change under their key: nothing is ever refreshed, only forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A memory that forgets what was not used for longest.

    Args:
        limit: largest total weight; a single value above it is not kept at all.
        weight: of one value; every value counts 1 where left out.
    """

    def __init__(self, limit: int, *, weight: Callable[[V], int] = lambda _: 1) -> None:
        self._limit = limit
        self._weight = weight
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._total = 0
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        """Return the value kept under ``key``, which counts as a use; None where there is none."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V) -> None:
        """Keep ``value``, and forget others as long as the total weight is above the limit."""
        weight = self._weight(value)
        if weight > self._limit:
            return
        with self._lock:
            self._total += weight - self._held.pop(key, (value, 0))[1]
            self._held[key] = (value, weight)
            while self._total > self._limit:
                self._total -= self._held.popitem(last=False)[1][1]
