"""Reviewing: may this person, on exactly this, having seen and weighed everything?

While a round is blind each reviewer submits one review without knowing of the others. Where they do not
agree their writers see each other's, may change their own, and one of them concludes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from sandbox.audit.event import Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.canonical import Canonical, digest
from sandbox.errors import Conflict, Malformed, NotAllowed, Refusal
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor
from sandbox.review import changes, reviewed, rules, seats, tally
from sandbox.review.request import Request, Vote, read_request
from sandbox.review.status import Party, Status
from sandbox.review.tally import APPROVE, CHANGES

Verdict = Literal["approve", "return", "reject"]
Word = Literal["approve", "changes"]
"""What a review says of one file."""
LONGEST_REASON = 4_000
"""Characters; the width of the column."""
ENDS: dict[str, Status] = {
    "approve": Status.APPROVED,
    "return": Status.RETURNED,
    "reject": Status.REJECTED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ballot:
    """What a reviewer sends."""

    verdict: Verdict
    reason: str
    """Read by the author once the round is over."""
    row_version: int
    """Of the request as the reviewer saw it."""
    acknowledged: Mapping[str, str]
    """Codes of findings weighed, and for each why the file may leave."""
    files: Mapping[str, Word] = field(default_factory=dict)
    """What they say of each file; what is left out follows the verdict."""


def cast(tx: Transaction, panel: rules.Panel, actor: Actor, request_id: str, ballot: Ballot) -> Request:
    """Store one review with its record and return the request as it is then.

    Raises:
        NotAllowed: this person may not review this request, or has no seat.
        Conflict: it is not in review, has changed, was reviewed by them before, or a file was not
            opened or a finding not acknowledged.
        Malformed: the verdict is unknown, contradicts itself, or a reason is missing.
    """
    request = read_request(tx.connection, request_id)
    _check_reviewer(panel.policies, actor, request)
    _check_able(panel, actor, request)
    request = changes.at_version(request, ballot.row_version)
    _check_turn(panel.policies, actor, request)
    vote = _vote_of(tx, panel.policies, actor, request, ballot)
    _check_new(request, vote)
    changes.store_vote(tx, request, vote)
    record(tx, request, vote)
    request = read_request(tx.connection, request.id)
    if request.status is Status.REVIEW:
        return _end_of_blindness(tx, panel, request)
    # A review that was changed is another state of things for whoever concludes from a page.
    return changes.touch(tx, request)


def conclude(tx: Transaction, panel: rules.Panel, actor: Actor, request_id: str, ballot: Ballot) -> Request:
    """End a round on which the reviews did not agree; return the request as it is then.

    Raises:
        NotAllowed: this person has not reviewed this round, or may not any more.
        Conflict: there is nothing to conclude, it has changed, or what is concluded does not follow.
        Malformed: the verdict is unknown or the reason missing.
    """
    request = read_request(tx.connection, request_id)
    _check_reviewer(panel.policies, actor, request)
    _check_able(panel, actor, request)
    request = changes.at_version(request, ballot.row_version)
    if request.status is not Status.CONSOLIDATION:
        raise Conflict("wrong-state", f"The request is {request.status.said}; there is nothing to conclude.")
    votes = rules.standing_votes(panel, request)
    if actor.name not in {vote.reviewer for vote in votes}:
        raise NotAllowed(
            "not-reviewed",
            "Only those whose review of this round stands conclude it.",
            allowed="Review it first.",
        )
    end, reason = _end_of(ballot), checked_reason(ballot.reason)
    if end is Status.APPROVED:
        rules.check_consented(request, panel.policies)
        return approve(tx, request, _checked_leaving(request, votes), actor=actor.name, reason=reason)
    return changes.step(
        tx, request, end, Party.REVIEWER, actor=actor.name, body={"letter": digest(reason.encode())},
        private=reason,
    )  # fmt: skip


def approve(
    tx: Transaction, request: Request, names: tuple[str, ...], *, actor: str, reason: str | None
) -> Request:
    """Move ``request`` to APPROVED with the files that leave, on record by their digests."""
    body: dict[str, Canonical] = {"leaving": sorted(digest(name.encode()) for name in names)}
    request = replace(request, leaving=names)
    return changes.step(tx, request, Status.APPROVED, Party.REVIEWER, actor=actor, body=body, private=reason)


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


def record(tx: Transaction, request: Request, vote: Vote) -> None:
    """Put a review on record: its words by digest, the texts sealed."""
    body: dict[str, Canonical] = {
        "binding": vote.binding,
        "review": vote.digest,
        "files": {digest(name.encode()): word for name, word in vote.files.items()},
        "acknowledged": sorted(vote.acknowledged),
    }
    voted = changes.event(Kind.RELEASE_VOTED, request, actor=vote.reviewer, decision=vote.verdict, body=body)
    texts = [vote.reason, *(f"{code}: {why}" for code, why in sorted(vote.acknowledged.items()))]
    tx.append(voted, private="\n".join(texts))


def _end_of_blindness(tx: Transaction, panel: rules.Panel, request: Request) -> Request:
    votes = rules.standing_votes(panel, request)
    consented = rules.consented(request, panel.policies)
    end = tally.outcome(request.names, votes, quorum=request.quorum, consented=consented)
    if end is None:
        # The row version stays: it would tell the others that somebody has reviewed.
        return request
    if end is Status.APPROVED:
        return approve(tx, request, request.names, actor="system", reason=None)
    return changes.step(tx, request, end, Party.REVIEWER)


def _vote_of(tx: Transaction, policies: Policies, actor: Actor, request: Request, ballot: Ballot) -> Vote:
    _end_of(ballot)
    files = _words_of(request, ballot)
    reason = checked_reason(ballot.reason)
    approved = [name for name, word in files.items() if word == APPROVE]
    if approved:
        _check_opened(request, approved, changes.opened_by(tx.connection, request, actor.name))
        rules.check_acknowledged(request.flagged_in(approved), ballot.acknowledged)
        rules.check_excused(request, approved, at=timestamp(tx.at))
    weighed = request.flagged & ballot.acknowledged.keys()
    return Vote(
        reviewer=actor.name,
        verdict=ballot.verdict,
        reason=reason,
        binding=rules.binding_of(request, policies=policies),
        at=timestamp(tx.at),
        files=files,
        acknowledged={code: ballot.acknowledged[code] for code in sorted(weighed)},
    )


def _words_of(request: Request, ballot: Ballot) -> dict[str, str]:
    """Return what the review says of each file.

    Raises:
        Malformed: it names a file that is not there, or contradicts the verdict.
    """
    usual = APPROVE if ballot.verdict == "approve" else CHANGES
    words = {name: str(ballot.files.get(name, usual)) for name in request.names}
    if ballot.files.keys() - words.keys() or set(words.values()) - {APPROVE, CHANGES}:
        raise Malformed(
            "file-words", "The review names a file that is not there.", allowed="Name the request's files."
        )
    said = set(words.values())
    if (ballot.verdict == "approve" and CHANGES in said) or (ballot.verdict == "reject" and APPROVE in said):
        raise Malformed(
            "file-words",
            f"The review says {ballot.verdict}, and another thing of a file.",
            allowed="Return a request some of whose files may leave as they are.",
        )
    if ballot.verdict == "return" and said == {APPROVE}:
        raise Malformed(
            "file-words", "The review returns the request and asks no file to be changed.",
            allowed="Say which file is to be changed, or approve.",
        )  # fmt: skip
    return words


def _checked_leaving(request: Request, votes: tuple[Vote, ...]) -> tuple[str, ...]:
    names = tally.leaving(request.names, votes, quorum=request.quorum)
    if not names:
        raise Conflict(
            "nothing-approved",
            "No file has enough approvals without a veto that stands.",
            allowed="Change your review, wait for another one, or return the request.",
        )
    return names


def _end_of(ballot: Ballot) -> Status:
    if ballot.verdict not in ENDS:
        raise Malformed(
            "verdict-unknown", "There is no such verdict.", allowed="Say approve, return or reject."
        )
    return ENDS[ballot.verdict]


def _check_reviewer(policies: Policies, actor: Actor, request: Request) -> None:
    granted = policies.authorizations.get(request.authorization)
    if granted is None:
        raise Conflict("authorization-gone", "The authorization behind the request is no longer in force.")
    rules.check_reviewer(actor, request, granted)


def _check_able(panel: rules.Panel, actor: Actor, request: Request) -> None:
    """Refuse who may review by their login, and not by what is known of their account at this moment."""
    if actor.name not in request.declined and actor.name not in rules.eligible(panel, request):
        raise NotAllowed(
            "not-able-now",
            "Your account may not review at present: its role was taken away, or its training has run out.",
            allowed="An administrator can tell you which.",
        )


def _check_turn(policies: Policies, actor: Actor, request: Request) -> None:
    if request.status not in {Status.REVIEW, Status.CONSOLIDATION}:
        raise Conflict("wrong-state", f"The request is {request.status.said}, so it is not reviewed now.")
    seats.check(policies, actor.name, request)


def _check_new(request: Request, vote: Vote) -> None:
    """Refuse what the reviewer has said before: a button that was pressed twice is one review."""
    said = {(one.reviewer, one.binding, one.digest) for one in request.votes if not one.overridden}
    if (vote.reviewer, vote.binding, vote.digest) in said:
        raise Conflict(
            "already-voted",
            "You have already decided on this round.",
            allowed="Another review than that may take its place.",
        )


def _check_opened(request: Request, names: list[str], seen: frozenset[str]) -> None:
    unopened = [file.name for file in request.files if file.name in names and file.sha256 not in seen]
    unopened += [reviewed.READABLE for sha256 in reviewed.evidence_digests(request) if sha256 not in seen]
    if unopened:
        raise Conflict(
            "not-opened",
            f"You have not opened {', '.join(unopened)}.",
            allowed="Open every file; approval is for the bytes you have seen.",
        )
