"""How reviewers work: what each has decided and how long it took, from the log alone.

Only rounds that are over count: while one is blind, a number that grew would tell that somebody voted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection, select

from sandbox.audit import reading
from sandbox.audit.event import Kind
from sandbox.audit.reading import Entry
from sandbox.review.status import Status
from sandbox.review.view import BLIND
from sandbox.store.tables import release_request

_UNSEEN = BLIND | {Status.HELD}
"""A held request may have been held while it was blind."""
VETOES = frozenset({"return", "reject"})


@dataclass(slots=True)
class ReviewerStatistics:
    """One reviewer's decisions in rounds that are over."""

    verdicts: Counter[str] = field(default_factory=Counter)
    """How often they said what."""
    took: list[timedelta] = field(default_factory=list)
    """From the beginning of each round to their decision."""
    outvoted: int = 0
    """Rounds that they approved and another sent back or refused."""

    def to_document(self, reviewer: str) -> dict[str, Any]:
        """Return them for people and programs; hours to one decimal, as text."""
        hours = [one / timedelta(hours=1) for one in self.took]
        return {
            "reviewer": reviewer,
            "decided": self.verdicts.total(),
            **{verdict: self.verdicts[verdict] for verdict in ("approve", "return", "reject")},
            "outvoted": self.outvoted,
            "median_hours": f"{median(hours):.1f}" if hours else "",
            "longest_hours": f"{max(hours):.1f}" if hours else "",
        }


def by_reviewer(connection: Connection, *, since: str = "") -> Mapping[str, ReviewerStatistics]:
    """Return the statistics of everybody who has decided on a round, by name.

    Args:
        connection: of the state database.
        since: only rounds that began at this moment or later, UTC, ISO 8601; empty for all.
    """
    found: defaultdict[str, ReviewerStatistics] = defaultdict(ReviewerStatistics)
    t = release_request
    requests = select(t.c.id, t.c.status, t.c.round).order_by(t.c.created_at, t.c.id)
    for request, status, round_ in connection.execute(requests).all():
        entries = reading.search(connection, subject=request, limit=None)[::-1]
        for number in range(1, round_ + 1):
            if number < round_ or Status(status) not in _UNSEEN:
                _count([one for one in entries if one.event["body"].get("round") == number], found, since)
    return dict(sorted(found.items()))


def _count(entries: Sequence[Entry], found: defaultdict[str, ReviewerStatistics], since: str) -> None:
    begun = next((one.at for one in entries if one.event["kind"] == Kind.RELEASE_SCREENED), "")
    if not begun or begun < since:
        return
    votes = {
        one.event["actor"]: one for one in entries if one.event["kind"] == Kind.RELEASE_VOTED
    }  # the last word of each; one cast on other bytes gave way to it
    vetoed = any(one.event["decision"] in VETOES for one in votes.values())
    for reviewer, vote in votes.items():
        statistics = found[reviewer]
        statistics.verdicts[vote.event["decision"]] += 1
        statistics.took.append(datetime.fromisoformat(vote.at) - datetime.fromisoformat(begun))
        statistics.outvoted += vetoed and vote.event["decision"] not in VETOES
