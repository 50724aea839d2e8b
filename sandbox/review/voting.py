"""Casting a vote: may this person, on exactly this, having seen everything?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sandbox.audit.event import Kind
from sandbox.audit.group import Transaction
from sandbox.errors import Conflict, Malformed, Refusal
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor
from sandbox.review import changes, reviewed, rules
from sandbox.review.request import Request, read_request
from sandbox.review.status import Party, Status

Verdict = Literal["approve", "return", "reject"]
LONGEST_REASON = 4_000
"""Characters; the width of the column."""
_VETOES: dict[str, Status] = {"return": Status.RETURNED, "reject": Status.REJECTED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ballot:
    """What a reviewer sends."""

    verdict: Verdict
    reason: str
    """Read by the author."""
    row_version: int
    """Of the request as the reviewer saw it."""
    acknowledged: frozenset[str]
    """Codes of findings weighed."""


def cast(tx: Transaction, policies: Policies, actor: Actor, request_id: str, ballot: Ballot) -> Request:
    """Store one vote with its record and return the request as it is then.

    Raises:
        NotAllowed: this person may not review this request.
        Conflict: it is not in review, has changed, was decided by them before, or a file was not
            opened or a finding not acknowledged.
        Malformed: the verdict is unknown or the reason missing.
    """
    request = read_request(tx.connection, request_id)
    _check_reviewer(policies, actor, request)
    request = changes.at_version(request, ballot.row_version)
    if request.status is not Status.REVIEW:
        raise Conflict("wrong-state", f"The request is {request.status.said}, so it is not decided on now.")
    if ballot.verdict not in {"approve", *_VETOES}:
        raise Malformed(
            "verdict-unknown", "There is no such verdict.", allowed="Say approve, return or reject."
        )
    reason = checked_reason(ballot.reason)
    if ballot.verdict == "approve":
        _check_opened(request, changes.opened_by(tx.connection, request, actor.name))
        rules.check_acknowledged(request, ballot.acknowledged)
    binding = rules.binding_of(request, policy_digest=policies.digest)
    changes.store_vote(
        tx, request, reviewer=actor.name, verdict=ballot.verdict, reason=reason, binding=binding
    )
    codes = tuple(sorted(ballot.acknowledged & request.flagged))
    body = {"binding": binding, "acknowledged": list(codes)}
    voted = changes.event(Kind.RELEASE_VOTED, request, actor=actor.name, decision=ballot.verdict, body=body)
    tx.append(voted, private=reason)
    request = replace(request, acknowledged={**request.acknowledged, actor.name: codes})
    return _count(tx, request, ballot.verdict, binding)


def why_not_now(policies: Policies, actor: Actor, request: Request) -> str:
    """Return why ``actor`` may not review ``request``, or an empty string if they may."""
    try:
        _check_reviewer(policies, actor, request)
    except Refusal as refusal:
        return refusal.sentence
    return ""


def checked_reason(reason: str) -> str:
    """Return the reason if there is one.

    Raises:
        Malformed: it is missing or too long.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Malformed(
            "reason-missing",
            "The reason is missing or too long.",
            allowed=f"Say why in at most {LONGEST_REASON} characters; the author reads it.",
        )
    return reason


def _count(tx: Transaction, request: Request, verdict: Verdict, binding: str) -> Request:
    if verdict != "approve":
        return changes.move(tx, request, _VETOES[verdict], Party.REVIEWER)
    votes = read_request(tx.connection, request.id).votes
    approvals = [vote for vote in votes if vote.verdict == "approve" and vote.binding == binding]
    if len(approvals) >= request.quorum:
        return changes.move(tx, request, Status.APPROVED, Party.REVIEWER)
    # The row version stays: it would tell the others that somebody has voted.
    changes.store_document(tx, request)
    return request


def _check_reviewer(policies: Policies, actor: Actor, request: Request) -> None:
    granted = policies.authorizations.get(request.authorization)
    if granted is None:
        raise Conflict("authorization-gone", "The authorization behind the request is no longer in force.")
    rules.check_reviewer(actor, request, granted)


def _check_opened(request: Request, seen: frozenset[str]) -> None:
    unopened = [file.name for file in request.files if file.sha256 not in seen]
    unopened += [reviewed.READABLE for sha256 in reviewed.evidence_digests(request) if sha256 not in seen]
    if unopened:
        raise Conflict(
            "not-opened",
            f"You have not opened {', '.join(unopened)}.",
            allowed="Open every file; approval is for the bytes you have seen.",
        )
