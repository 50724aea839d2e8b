"""How many bytes pass between each person's browser and notebook, by day (UTC).

Whatever reaches a browser is out; no look at single bytes could tell a figure from a copy. So the door
counts, and stops at a limit that no work needs. The counts are a file, ``traffic.json``, for whoever
watches; a door that is killed forgets at most the last :data:`SAVE_SECONDS`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

SAVE_SECONDS = 10.0


@dataclass(slots=True)
class Traffic:
    """One person's bytes of one day."""

    to_notebook: int = 0
    to_browser: int = 0


def _today() -> date:
    return datetime.now(UTC).date()


class Meter:
    """Counts, and says when a day's bytes are used up.

    Args:
        path: of the file that holds the counts.
        limit: bytes a day to one person's browser.
        today: the present day; only tests pass it.
    """

    def __init__(self, path: Path, *, limit: int, today: Callable[[], date] = _today) -> None:
        self._path = path
        self._limit = limit
        self._today = today
        self._day = today()
        self._people: dict[str, Traffic] = {}
        self._saved = True
        if path.exists():
            document = json.loads(path.read_text())
            if document["day"] == self._day.isoformat():
                self._people = {name: Traffic(**counts) for name, counts in document["people"].items()}

    def to_notebook(self, name: str, size: int) -> None:
        """Count ``size`` bytes into the notebook of ``name``."""
        self._of(name).to_notebook += size
        self._saved = False

    def to_browser(self, name: str, size: int) -> bool:
        """Count ``size`` bytes to the browser of ``name``; whether they are within the day's limit."""
        self._of(name).to_browser += size
        self._saved = False
        return not self.used_up(name)

    def used_up(self, name: str) -> bool:
        """Whether no more bytes may go to the browser of ``name`` today."""
        return self._of(name).to_browser > self._limit

    def save(self) -> None:
        """Write the counts to their file, where they changed."""
        if self._saved:
            return
        people = {
            name: {"to_notebook": traffic.to_notebook, "to_browser": traffic.to_browser}
            for name, traffic in sorted(self._people.items())
        }
        partial = self._path.with_suffix(".new")
        partial.write_text(json.dumps({"day": self._day.isoformat(), "people": people}, indent=1))
        partial.replace(self._path)
        self._saved = True

    async def save_now_and_then(self) -> None:
        """Keep the file up to date, until cancelled."""
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            self.save()

    def _of(self, name: str) -> Traffic:
        today = self._today()
        # A clock that is set back must not give a used-up day again.
        if today > self._day:
            self._day, self._people = today, {}
        return self._people.setdefault(name, Traffic())
