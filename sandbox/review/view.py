"""A request as one person may see it at this moment.

While a request is in review, nobody learns of another's vote: votes, who opened what, and every
trace of both in the timeline are left out for all but their own author. Once it is decided, votes
and reasons are shown to everybody who may see the request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.audit.event import Kind
from sandbox.audit.reading import Entry
from sandbox.review.finding import Finding, Verdict
from sandbox.review.request import Request, StoredFile, Vote
from sandbox.review.status import Status

BLIND = frozenset({Status.SCREENING, Status.REVIEW})
"""States in which votes are hidden."""
_TELLING = frozenset({Kind.RELEASE_VOTED, Kind.RELEASE_OPENED, Kind.RELEASE_REFUSED})


@dataclass(frozen=True, kw_only=True, slots=True)
class FileView:
    """One file of the present round."""

    stored: StoredFile
    opened: bool
    """Whether this viewer has opened these bytes."""

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.stored.name

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the checks found."""
        return self.stored.report.findings

    @property
    def verdict(self) -> Verdict:
        """What the findings come to."""
        return self.stored.report.verdict

    def to_document(self) -> dict[str, Any]:
        """Return the file for pages and programs."""
        return {
            "name": self.name,
            "kind": self.stored.kind,
            "size": self.stored.size,
            "sha256": self.stored.sha256,
            "original_sha256": self.stored.original_sha256,
            "receipt": self.stored.receipt,
            "verdict": str(self.verdict),
            "findings": self.stored.report.to_document(),
            "opened": self.opened,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the timeline."""

    at: str
    actor: str
    kind: str
    decision: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outbox:
    """The package of a released request."""

    sha256: str
    expires_at: str
    downloads_left: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseView:
    """Everything that a page shows of one request."""

    request: Request
    files: tuple[FileView, ...]
    votes: tuple[Vote, ...]
    """Votes that this viewer may see."""
    may_vote: bool
    """Whether this viewer may decide now."""
    why_not: str
    """Why they may not, where they may not."""
    timeline: tuple[Line, ...]
    outbox: Outbox | None

    @property
    def id(self) -> str:
        """Id of the request."""
        return self.request.id

    @property
    def author(self) -> str:
        """Account name of who submitted it."""
        return self.request.author

    @property
    def status(self) -> Status:
        """Where it stands."""
        return self.request.status

    @property
    def row_version(self) -> int:
        """What a decision must name, so that a stale page decides nothing."""
        return self.request.row_version

    @property
    def to_acknowledge(self) -> tuple[str, ...]:
        """Codes that an approval must acknowledge."""
        return tuple(sorted(self.request.flagged))

    def to_document(self) -> dict[str, Any]:
        """Return the view for pages and programs."""
        request = self.request
        return {
            "id": request.id,
            "author": request.author,
            "authorization": request.authorization,
            "purpose": request.purpose,
            "status": str(request.status),
            "round": request.round,
            "row_version": request.row_version,
            "risk": request.risk,
            "quorum": request.quorum,
            "findings": request.report.to_document(),
            "to_acknowledge": list(self.to_acknowledge),
            "files": [file.to_document() for file in self.files],
            "votes": [
                {"reviewer": vote.reviewer, "verdict": vote.verdict, "reason": vote.reason, "at": vote.at}
                for vote in self.votes
            ],
            "may_vote": self.may_vote,
            "why_not": self.why_not,
            "timeline": [
                {"at": line.at, "actor": line.actor, "kind": line.kind, "decision": line.decision}
                for line in self.timeline
            ],
            "package": None
            if self.outbox is None
            else {
                "sha256": self.outbox.sha256,
                "expires_at": self.outbox.expires_at,
                "downloads_left": self.outbox.downloads_left,
            },
            "created_at": request.created_at,
            "updated_at": request.updated_at,
        }


def votes_for(request: Request, viewer: str) -> tuple[Vote, ...]:
    """Return the votes of ``request`` that ``viewer`` may see."""
    if request.status not in BLIND:
        return request.votes
    return tuple(vote for vote in request.votes if vote.reviewer == viewer)


def timeline_for(request: Request, viewer: str, entries: Iterable[Entry]) -> tuple[Line, ...]:
    """Return the history of ``request`` as ``viewer`` may see it, oldest first."""
    lines = []
    for entry in entries:
        hidden = entry.event["kind"] in _TELLING and request.status in BLIND
        this_round = entry.event["body"].get("round") == request.round
        if hidden and this_round and entry.event["actor"] != viewer:
            continue
        lines.append(
            Line(
                at=entry.at,
                actor=entry.event["actor"],
                kind=entry.event["kind"],
                decision=entry.event["decision"],
            )
        )
    return tuple(lines)
