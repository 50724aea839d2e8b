"""What officers and data stewards do to a request: hold, override, excuse, consent, stop.

None of it lets anything leave by itself. A hold stops everything; an override takes a veto away and adds no
approval; an exception brings a refused file before reviewers, as red; a consent is needed beside their
approvals.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sandbox.audit.event import Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.canonical import digest
from sandbox.errors import Conflict, Malformed, NotAllowed
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Channel, Scope
from sandbox.review import beside, changes, rules
from sandbox.review.request import Consent, Excuse, Request
from sandbox.review.status import HOLDABLE, Party, Status
from sandbox.review.voting import checked_reason

LONGEST_EXCUSE_DAYS = 90
INEXCUSABLE = frozenset({"C28", "C29"})
"""Forged receipts and fitted models: refusals that nobody lets through."""
_CONSENTED_IN = frozenset({Status.REVIEW, Status.CONSOLIDATION})


def check_officer(actor: Actor) -> None:
    """Return if ``actor`` is a security officer.

    Raises:
        NotAllowed: they are not.
    """
    if "officers" not in actor.groups or Scope.AUDIT not in actor.scopes:
        raise NotAllowed("not-an-officer", "Only a security officer stops a release.")


def is_steward(policies: Policies, actor: Actor, request: Request) -> bool:
    """Return whether ``actor`` may speak for the data: a steward who has no part in the request."""
    granted = policies.authorizations.get(request.authorization)
    involved = actor.name == request.author or (granted is not None and granted.group in actor.groups)
    named = "stewards" in actor.groups and Scope.POLICY in actor.scopes
    return named and actor.channel is not Channel.NOTEBOOK and granted is not None and not involved


def check_steward(policies: Policies, actor: Actor, request: Request) -> None:
    """Return if ``actor`` may speak for the data of ``request``.

    Raises:
        NotAllowed: they may not, or have reviewed this round.
    """
    if not is_steward(policies, actor, request):
        raise NotAllowed("not-a-steward", "Only a data steward who has no part in the request says this.")
    if actor.name in {vote.reviewer for vote in request.votes}:
        raise NotAllowed("reviewed-it", "Who reviewed a round does not also speak for the data.")


def hold(tx: Transaction, actor: Actor, request: Request, *, reason: str) -> Request:
    """Stop everything about ``request`` until an officer lets it go on.

    Raises:
        NotAllowed: this person is no officer.
        Conflict: it is held or over already.
    """
    check_officer(actor)
    if request.status not in HOLDABLE:
        raise Conflict("wrong-state", f"A request that is {request.status.said} cannot be held.")
    held = replace(request, held_from=request.status)
    body = {"from": request.status.said}
    return changes.step(
        tx, held, Status.HELD, Party.OFFICER, actor=actor.name, body=body, private=checked_reason(reason)
    )


def unhold(tx: Transaction, actor: Actor, request: Request, *, reason: str) -> Request:
    """Let a held request go on where it stood.

    Raises:
        NotAllowed: this person is no officer.
        Conflict: it is not held.
    """
    check_officer(actor)
    if request.status is not Status.HELD or request.held_from is None:
        raise Conflict("wrong-state", f"The request is {request.status.said}, not held.")
    return changes.step(
        tx, request, request.held_from, Party.OFFICER, actor=actor.name, private=checked_reason(reason)
    )


def override(tx: Transaction, actor: Actor, request: Request, *, reviewer: str, reason: str) -> Request:
    """Let the veto of ``reviewer`` not stand; it is no approval, and the quorum stays what it is.

    Raises:
        NotAllowed: this person is no officer.
        Conflict: the round is not being concluded, or no veto of theirs stands.
    """
    check_officer(actor)
    if request.status is not Status.CONSOLIDATION:
        raise Conflict("wrong-state", "A veto is overridden once all reviews are in, and not before.")
    veto = next((vote for vote in request.votes if vote.reviewer == reviewer), None)
    if veto is None or veto.overridden or veto.verdict == "approve":
        raise Conflict("no-veto", "No veto of this reviewer stands.")
    why = checked_reason(reason)
    changes.store_vote(tx, request, replace(veto, overridden=why))
    body = {"reviewer": reviewer, "review": veto.digest, "reason": digest(why.encode())}
    tx.append(
        changes.event(Kind.RELEASE_OVERRIDDEN, request, actor=actor.name, decision="overridden", body=body),
        private=why,
    )
    return changes.touch(tx, request)


def consent(tx: Transaction, policies: Policies, actor: Actor, request: Request, *, reason: str) -> Request:
    """Put the data steward's consent beside the reviews; it is about exactly what is there now.

    Raises:
        NotAllowed: this person is no data steward, or has part in the request.
        Conflict: the request is not red, or not before reviewers.
    """
    check_steward(policies, actor, request)
    if request.risk != "red" or request.status not in _CONSENTED_IN:
        raise Conflict("wrong-state", "Consent is given to a red request while it is before reviewers.")
    given = Consent(
        by=actor.name,
        reason=checked_reason(reason),
        binding=rules.binding_of(request, policies=policies),
        at=timestamp(tx.at),
    )
    request = replace(request, consent=given)
    body = {"binding": given.binding, "reason": digest(given.reason.encode())}
    changes.store_document(tx, request)
    told = changes.event(Kind.RELEASE_CONSENTED, request, actor=actor.name, decision="consented", body=body)
    tx.append(told, private=reason)
    return request


def excuse(
    tx: Transaction,
    policies: Policies,
    actor: Actor,
    request: Request,
    *,
    code: str,
    reason: str,
    days: int,
) -> Request:
    """Let a refusal of a check go before reviewers: an officer proposes it, then a data steward agrees.

    With the last of its refusals excused the request comes to review, as red.

    Raises:
        NotAllowed: this person is neither, or it is not their turn.
        Conflict: the request is not blocked, or the check refuses nothing that could be excused.
        Malformed: the number of days is out of bounds.
    """
    if request.status is not Status.BLOCKED or code not in _excusable(request):
        raise Conflict(
            "nothing-to-excuse",
            f"{code} refuses no file of a blocked request that could be excused.",
            allowed="Files without a canonical form and forged receipts are never excused.",
        )
    proposed = next((one for one in request.excuses if one.code == code), None)
    if proposed is None:
        check_officer(actor)
        return _propose(tx, actor, request, code=code, reason=checked_reason(reason), days=days)
    check_steward(policies, actor, request)
    return _agree(tx, policies, actor, request, proposed, reason=checked_reason(reason))


def _excusable(request: Request) -> frozenset[str]:
    files = [file for file in request.files if file.report.verdict == "refuse"]
    if not all(file.size for file in files):
        return frozenset()  # what has no canonical form cannot be seen, and what is not seen does not leave
    return rules.unexcused(request, request.names, at="") - INEXCUSABLE


def _propose(
    tx: Transaction, actor: Actor, request: Request, *, code: str, reason: str, days: int
) -> Request:
    if not 1 <= days <= LONGEST_EXCUSE_DAYS:
        raise Malformed("excuse-days", f"An exception lasts 1 to {LONGEST_EXCUSE_DAYS} days.")
    expires = timestamp(tx.at + timedelta(days=days))
    one = Excuse(code=code, officer=actor.name, steward="", reason=reason, expires=expires)
    request = replace(request, excuses=(*request.excuses, one))
    _record_excuse(tx, request, one, actor=actor.name, decision="proposed", reason=reason)
    return changes.touch(tx, request)


def _agree(
    tx: Transaction, policies: Policies, actor: Actor, request: Request, proposed: Excuse, *, reason: str
) -> Request:
    if actor.name == proposed.officer:
        raise NotAllowed("second-person", "The second word on an exception is another person's.")
    agreed = replace(proposed, steward=actor.name)
    others = tuple(one for one in request.excuses if one.code != proposed.code)
    request = replace(request, excuses=(*others, agreed))
    _record_excuse(tx, request, agreed, actor=actor.name, decision="agreed", reason=reason)
    if rules.unexcused(request, request.names, at=timestamp(tx.at)):
        return changes.touch(tx, request)
    request = beside.weighed(tx.connection, policies, request) or request
    body = changes.screened_body(request)
    tx.append(
        changes.event(Kind.RELEASE_SCREENED, request, actor="system", decision=Status.BLOCKED.said, body=body)
    )
    return changes.step(tx, request, Status.REVIEW, Party.STEWARD, actor=actor.name)


def _record_excuse(
    tx: Transaction, request: Request, one: Excuse, *, actor: str, decision: str, reason: str
) -> None:
    body = {"code": one.code, "expires": one.expires, "reason": digest(one.reason.encode())}
    tx.append(
        changes.event(Kind.RELEASE_EXCUSED, request, actor=actor, decision=decision, body=body),
        private=reason,
    )
