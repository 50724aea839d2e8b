"""What is asked of the log, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.audit.reading import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One search; whatever is left out fits everything."""

    kind: str | None = None
    actor: str | None = None
    authorization: str | None = None
    dataset: str | None = None
    decision: str | None = None
    subject: str | None = None
    """An id; entries that are only related to it are found too."""
    text: str | None = None
    """Part of a value in the entry, see :mod:`sandbox.audit.explore.words`."""
    since: str | None = None
    """The first day, ``YYYY-MM-DD``, UTC."""
    until: str | None = None
    """The last day."""
    before: int | None = None
    """Only entries before this place, for the next page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The entries of one page, and what there is beyond it."""

    entries: tuple[Entry, ...]
    """Newest first."""
    older: int | None
    """The place to give as ``before`` for the next page; None on the last one."""
    total: int
    """How many entries fit, this page's among them; those before ``before``, if that was given."""
    at_least: bool
    """Whether there are more than ``total``, and the counts of the facets are of the newest ones only."""
    facets: Mapping[str, tuple[tuple[str, int], ...]]
    """For each facet its values with the number of entries that fit all the rest, most frequent first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """How much happened on one day."""

    day: str
    entries: int
    refused: int
    """Of these, attempts that were refused."""
