"""Who of the reviewers looks at which request: drawn at random, taken, or given up.

Where the policy says ``seats = "drawn"`` only who has a seat reviews, so that an author cannot bring a
request to a reviewer of their choice. As many are drawn as must approve; where a seat is free, or the
round is overdue, another takes one. Whoever declares a conflict of interest never reviews that request.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from sandbox.audit.event import Kind
from sandbox.audit.group import Transaction
from sandbox.errors import Conflict, NotAllowed
from sandbox.policy.policies import Policies
from sandbox.review import changes, rules
from sandbox.review.request import Request
from sandbox.review.status import Status

OPEN = frozenset({Status.REVIEW, Status.CONSOLIDATION})
"""States in which reviews are taken."""


def check(policies: Policies, name: str, request: Request) -> None:
    """Return if ``name`` may review ``request`` as far as seats go.

    Raises:
        NotAllowed: they declared a conflict of interest, or have no seat where one is needed.
    """
    if name in request.declined:
        raise NotAllowed("conflict-declared", "You declared a conflict of interest in this request.")
    if policies.review.seats == "drawn" and name not in request.seats:
        raise NotAllowed(
            "not-seated",
            "Other reviewers were drawn for this request.",
            allowed="Take a seat where one is free or the review is overdue.",
        )


def may_claim(panel: rules.Panel, name: str, request: Request, *, overdue: bool) -> bool:
    """Return whether ``name`` may take a seat: there is a free one, or the review is overdue."""
    able = rules.eligible(panel, request)
    drawn = panel.policies.review.seats == "drawn" and request.status in OPEN
    return drawn and name in able - set(request.seats) and (overdue or _free(request, able) > 0)


def wanted(panel: rules.Panel, request: Request) -> tuple[list[str], int]:
    """Return who can be drawn for ``request``, and how many of them are to be."""
    if panel.policies.review.seats != "drawn" or request.status not in OPEN:
        return [], 0
    able = rules.eligible(panel, request)
    others = sorted(able - set(request.seats))
    return others, min(max(0, _free(request, able)), len(others))


def fill(tx: Transaction, panel: rules.Panel, request: Request) -> Request:
    """Draw reviewers for the free seats of ``request`` and return it as it is then.

    The draw is by the operating system's randomness; neither author nor reviewers can foresee it. Where too
    few may review, the seats that are left stay free.
    """
    others, number = wanted(panel, request)
    if not number:
        return request
    drawn = tuple(sorted(secrets.SystemRandom().sample(others, number)))
    return _seat(tx, replace(request, seats=(*request.seats, *drawn)), actor="system", decision="drawn")


def claim(tx: Transaction, panel: rules.Panel, name: str, request: Request, *, overdue: bool) -> Request:
    """Give ``name`` a seat; again is no mistake.

    Raises:
        Conflict: no seat is free, and the review is not overdue.
    """
    if name in request.seats:
        return request
    if not may_claim(panel, name, request, overdue=overdue):
        raise Conflict("no-free-seat", "No seat is free, and the review is not overdue.")
    return _seat(tx, replace(request, seats=(*request.seats, name)), actor=name, decision="claimed")


def decline(tx: Transaction, panel: rules.Panel, name: str, request: Request, *, reason: str) -> Request:
    """Take ``name`` off this request for good and draw another; what they said of it no longer counts.

    Raises:
        Conflict: it is not in review.
    """
    if request.status not in OPEN:
        raise Conflict("wrong-state", f"The request is {request.status.said}, so it is not reviewed now.")
    if name in request.declined:
        return request
    left = tuple(one for one in request.seats if one != name)
    request = replace(request, seats=left, declined=(*request.declined, name))
    request = _seat(tx, request, actor=name, decision="declined", reason=reason)
    return fill(tx, panel, request)


def _free(request: Request, able: frozenset[str]) -> int:
    return request.quorum - len(able & set(request.seats))


def _seat(
    tx: Transaction, request: Request, *, actor: str, decision: str, reason: str | None = None
) -> Request:
    # No other row version: who has a seat changes nothing that a review is about.
    changes.store_document(tx, request)
    body = {"seats": sorted(request.seats), "declined": sorted(request.declined)}
    event = changes.event(Kind.RELEASE_SEATED, request, actor=actor, decision=decision, body=body)
    tx.append(event, private=reason)
    return request
