"""A request as one person may see it at this moment.

While a round is blind nobody learns of another's review: reviews, who opened or wrote what, and every
trace of them in the timeline are left out for all but their own author. While it is concluded, those who
reviewed it and those who watch see all of them. Once it is decided everybody who may see the request does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.audit.event import Kind, timestamp
from sandbox.audit.reading import Entry
from sandbox.policy.roles import Actor, Scope
from sandbox.review.comments import Comment
from sandbox.review.finding import Finding, Verdict
from sandbox.review.request import Request, StoredFile, Vote
from sandbox.review.status import Status
from sandbox.review.tally import FileState

BLIND = frozenset({Status.SCREENING, Status.REVIEW})
"""States in which reviews are hidden from everybody."""
_TELLING = frozenset(
    {
        Kind.RELEASE_VOTED,
        Kind.RELEASE_OPENED,
        Kind.RELEASE_COMPARED,
        Kind.RELEASE_REFUSED,
        Kind.RELEASE_COMMENTED,
        Kind.RELEASE_SEATED,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileView:
    """One file of the present round."""

    stored: StoredFile
    opened: bool
    """Whether this viewer has opened these bytes."""
    state: FileState
    """Where it stands, by the reviews that this viewer may see."""

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
            "state": str(self.state),
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
    """Reviews that this viewer may see."""
    comments: tuple[Comment, ...]
    """Comments that this viewer may read."""
    may_vote: bool
    """Whether this viewer may submit or change a review now."""
    why_not: str
    """Why they may not, where they may not."""
    may_conclude: bool
    """Whether this viewer may end the round on which reviews did not agree."""
    seated: bool
    """Whether this viewer was drawn or took a seat."""
    may_claim: bool
    """Whether this viewer may take one."""
    due_at: str
    """When the round should be decided; empty where it is not before reviewers."""
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
                {
                    "reviewer": vote.reviewer,
                    "verdict": vote.verdict,
                    "reason": vote.reason,
                    "at": vote.at,
                    "files": dict(vote.files),
                    "acknowledged": dict(vote.acknowledged),
                    "overridden": vote.overridden,
                }
                for vote in self.votes
            ],
            "leaving": list(request.leaving),
            "held_from": str(request.held_from or ""),
            "consent": asdict(request.consent) if request.consent else None,
            "exceptions": [asdict(one) for one in request.excuses],
            "comments": [comment.to_document() for comment in self.comments],
            "may_conclude": self.may_conclude,
            "seated": self.seated,
            "may_claim": self.may_claim,
            "due_at": self.due_at,
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


def sees_reviews(request: Request, viewer: Actor) -> bool:
    """Return whether ``viewer`` may see what others say of this round."""
    if request.stage in BLIND:
        return False
    if request.stage is Status.CONSOLIDATION:
        reviewed = viewer.name in {vote.reviewer for vote in request.votes}
        return reviewed or (Scope.AUDIT in viewer.scopes and viewer.name != request.author)
    return True


def votes_for(request: Request, viewer: Actor) -> tuple[Vote, ...]:
    """Return the reviews of ``request`` that ``viewer`` may see."""
    if sees_reviews(request, viewer):
        return request.votes
    return tuple(vote for vote in request.votes if vote.reviewer == viewer.name)


def timeline_for(request: Request, viewer: Actor, entries: Iterable[Entry]) -> tuple[Line, ...]:
    """Return the history of ``request`` as ``viewer`` may see it, oldest first."""
    unblinded = sees_reviews(request, viewer)
    lines = []
    for entry in entries:
        this_round = entry.event["body"].get("round") == request.round
        hidden = entry.event["kind"] in _TELLING and this_round and not unblinded
        if hidden and entry.event["actor"] != viewer.name:
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


def began(request: Request, entries: Sequence[Entry]) -> str:
    """Return when the present round came before reviewers, by its entries, oldest first."""
    for entry in reversed(entries):
        named = entry.event["kind"] in {Kind.RELEASE_SCREENED, Kind.RELEASE_MOVED}
        if named and entry.event["decision"] == Status.REVIEW.said:
            return entry.at
    return request.updated_at


def due_of(request: Request, entries: Sequence[Entry], *, within: timedelta) -> str:
    """Return when the present round should be decided; empty where it is not before reviewers."""
    if request.status not in {Status.REVIEW, Status.CONSOLIDATION}:
        return ""
    return timestamp(datetime.fromisoformat(began(request, entries)) + within)
