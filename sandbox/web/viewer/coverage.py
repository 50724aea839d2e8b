"""How much of a file a reviewer was shown: an aid to them, kept as long as the server runs.

That a file was opened is the desk's record and lasts; which of its rows were shown is not proof of
anything, so it costs no entry in the log and is nobody else's business.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Final

MOST_FILES: Final = 2_000
"""Files remembered over all reviewers; those looked at longest ago are forgotten first."""


class Coverage:
    """Remembers the rows shown of each file to each person. Safe to call from several threads."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], set[int]] = OrderedDict()
        self._lock = Lock()

    def add(self, person: str, sha256: str, rows: Iterable[int]) -> int:
        """Note that these rows were shown; return how many were so far."""
        with self._lock:
            seen = self._seen.setdefault((person, sha256), set())
            self._seen.move_to_end((person, sha256))
            seen.update(rows)
            if len(self._seen) > MOST_FILES:
                self._seen.popitem(last=False)
            return len(seen)

    def seen(self, person: str, sha256: str) -> int:
        """Return how many rows of this file were shown to ``person``."""
        with self._lock:
            return len(self._seen.get((person, sha256), ()))
