"""What every engine owes to whoever asks it, and what asking it may give back.

An engine reads one bounded copy, changes nothing, keeps to a deadline, and has fixed limits, because
a limit that follows the machine's state would be one more thing an answer's failure could tell about.
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

from sandbox.errors import SandboxError
from sandbox.sources.terms import Dialect

Value = int | str | bool | date | None
Row = tuple[Value, ...]


class EngineFailure(SandboxError):
    """The question could not be completed; says nothing about why, because why may be data."""

    def __init__(self) -> None:
        super().__init__("The question could not be completed.")


class Engine(Protocol):
    """One kind of engine in one process; safe to call from several threads."""

    @property
    def dialect(self) -> Dialect:
        """The language of its statements."""

    def prepare(self) -> None:
        """Do now what the first question would otherwise wait for.

        Raises:
            StartupRefusal: the engine is described wrongly or is not there.
        """

    def run(self, location: str, sql: str, *, deadline: float) -> list[Row]:
        """Return all rows of one statement over the copy at ``location``.

        Args:
            location: where the registrar of the same engine put the copy.
            sql: one SELECT in :attr:`dialect`.
            deadline: seconds it may take.

        Raises:
            Exception: of any type, with any text, raw values included; the caller lets none of it out.
        """

    def close(self) -> None:
        """Give back what is open; the next question opens it again."""
