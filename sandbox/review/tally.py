"""What the reviews of one round come to: who approves which file, and what leaves.

Functions of the reviews alone, without the database: the desk asks them when a review comes in, the
sealer once more before anything is signed. Whose review counts is decided before, by
:func:`standing`: it is bound to exactly what is there now, and its writer may still review.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from sandbox.review.finding import Verdict
from sandbox.review.request import Request, StoredFile, Vote
from sandbox.review.status import Status

APPROVE, CHANGES = "approve", "changes"
"""What a review says of one file."""
_UNANIMOUS = {"return": Status.RETURNED, "reject": Status.REJECTED}


class FileState(StrEnum):
    """Where one file of a round stands."""

    REFUSED = "REFUSED"
    """A check refuses it, and nobody excused that."""
    CLEAN = "CLEAN"
    """Nothing was found."""
    NEEDS_ACK = "NEEDS_ACK"
    """Whoever approves it must weigh what was found."""
    APPROVED = "APPROVED"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    CONFLICTED = "CONFLICTED"
    """Some approve it, others ask for changes."""


def standing(
    votes: Iterable[Vote], *, binding: str, eligible: Callable[[str], bool] = lambda _: True
) -> tuple[Vote, ...]:
    """Return the reviews that count: bound to what is there now, by people who may still review."""
    return tuple(vote for vote in votes if vote.binding == binding and eligible(vote.reviewer))


def vetoes(votes: Iterable[Vote], name: str) -> tuple[str, ...]:
    """Return who asks for changes to the file ``name`` without having been overridden."""
    return tuple(vote.reviewer for vote in votes if not vote.overridden and vote.files.get(name) != APPROVE)


def approvals(votes: Iterable[Vote], name: str) -> tuple[str, ...]:
    """Return who approves the file ``name``."""
    return tuple(vote.reviewer for vote in votes if vote.files.get(name) == APPROVE)


def leaving(names: Iterable[str], votes: Sequence[Vote], *, quorum: int) -> tuple[str, ...]:
    """Return the files that leave: enough approvals each, and no veto that stands.

    Nothing leaves where somebody rejects the request and stands by it.
    """
    if any(vote.verdict == "reject" and not vote.overridden for vote in votes):
        return ()
    return tuple(name for name in names if len(approvals(votes, name)) >= quorum and not vetoes(votes, name))


def outcome(names: Sequence[str], votes: Sequence[Vote], *, quorum: int, consented: bool) -> Status | None:
    """Return where the blind phase ends, or None while reviews are missing.

    Reviews that all say the same need nobody to bring them together: the round ends as they say.

    Args:
        names: all files of the round.
        votes: the reviews that count.
        quorum: how many there must be.
        consented: whether the data steward has agreed, or need not.
    """
    if len(votes) < quorum:
        return None
    verdicts = {vote.verdict for vote in votes}
    if len(verdicts) == 1 and verdicts <= _UNANIMOUS.keys():
        return _UNANIMOUS[verdicts.pop()]
    if consented and len(leaving(names, votes, quorum=quorum)) == len(names):
        return Status.APPROVED
    return Status.CONSOLIDATION


def state_of(request: Request, file: StoredFile, votes: Sequence[Vote]) -> FileState:
    """Return where ``file`` stands by the reviews ``votes``, which may be none or one's own alone."""
    approved, changes = approvals(votes, file.name), vetoes(votes, file.name)
    if approved and changes:
        return FileState.CONFLICTED
    if approved or changes:
        return FileState.APPROVED if approved else FileState.CHANGES_REQUESTED
    return _by_findings(request, file)


def _by_findings(request: Request, file: StoredFile) -> FileState:
    excused = {excuse.code for excuse in request.excuses if excuse.steward}
    refused = {one.code for one in file.report.findings if one.severity == "refuse"}
    if refused - excused:
        return FileState.REFUSED
    return FileState.CLEAN if file.report.verdict is Verdict.PASS else FileState.NEEDS_ACK
