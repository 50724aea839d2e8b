"""Applying a signed decision: it opens what it says, or nothing, and either leaves its record.

The checks run in one transaction, in this order: (1) who brings it may decide and cannot ask, (2) it is
about an authorization there is, made by who brings it, dated today and with a reason, (3) their registered
key signed it, (4) it was not applied before, (5) its windows have the policy's length, share no day with
another and stay within the policy's epsilon, (6) what it raises can be raised, goes up, and stays within
the policy's cap. Then the decision and its entry in the log become durable together.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations

from sqlalchemy import Connection

from sandbox.audit.event import Event, Kind
from sandbox.audit.group import Transaction
from sandbox.audit.keys import VerifyKey
from sandbox.audit.log import Log
from sandbox.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal, Unavailable
from sandbox.ledger.decisions import MOST_WINDOWS, REASON_LIMIT, Decision, Raise, Signed, key_of
from sandbox.ledger.ledger import Ledger
from sandbox.ledger.opened import Standing
from sandbox.ledger.scopes import analyst_scope, spoken
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.names import PERSON_NAME
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Scope
from sandbox.policy.values import spell
from sandbox.store import engine as store
from sandbox.store import tables

DATE_TOLERANCE = timedelta(days=1)
"""How far a decision's own date may be from the log's, so that none is signed in store."""
_DECISION = store.insert_sql(tables.budget_decision)
_APPLIED = "SELECT seq FROM budget_decision WHERE id = ?"
_KEY = store.insert_sql(tables.decider_key)


def register_key(log: Log, person: str, public: VerifyKey | None, *, actor: str) -> int:
    """Let signatures of ``public`` be ``person``'s from here on, in place of any earlier key's.

    Decisions that were applied before stand: they were signed with the key of their time.

    Args:
        log: of the state database.
        person: an account's name.
        public: the public half; None, and from here on no signature counts as theirs.
        actor: the administrator at the terminal.

    Returns:
        The entry of the log.
    """
    raw = b"" if public is None else public.raw
    event = Event(
        kind=Kind.DECIDER_KEY_CHANGED,
        actor=actor,
        subject=person,
        decision="withdrawn" if public is None else "registered",
        body={"public": base64.b64encode(raw).decode()},
    )

    def register(tx: Transaction) -> int:
        seq = tx.append(event)
        store.run(tx.connection, _KEY, (seq, person, raw))
        return seq

    return log.write(register)


def grant(ledger: Ledger, log: Log, signed: Signed, *, policies: Policies, actor: Actor) -> int:
    """Apply a decision.

    Args:
        ledger: knows what was decided before.
        log: gets the entry, in the same transaction.
        signed: the decision's bytes and signature.
        policies: everything that is allowed.
        actor: who brings it, which is who made it.

    Returns:
        The entry of the log.

    Raises:
        Refusal: it is not applied; the refusal is on record.
    """

    def apply(tx: Transaction) -> int:
        may_decide(actor)  # 1
        decision = Decision.read(signed.document)
        policy = _about(decision, policies, actor, at=tx.at)  # 2
        signed.check(key_of(tx.connection, decision.by, before=tx.frontier.size))  # 3
        _not_applied(tx.connection, signed)  # 4
        standing = ledger.decided.standing(tx.connection, decision.authorization)
        _check_windows(decision, policy, standing)  # 5
        for raised in decision.raises:  # 6
            _check_raise(raised, policy, standing)
        event = Event(
            kind=Kind.BUDGET_GRANTED,
            actor=actor.name,
            subject=signed.id,
            authorization=policy.name,
            dataset=policy.dataset,
            decision="granted",
            body=signed.said(),
        )
        seq = tx.append(event)
        row = (signed.id, policy.name, signed.document, signed.signature, seq)
        store.run(tx.connection, _DECISION, row)
        return seq

    try:
        return log.write(apply)
    except Unavailable:
        raise
    except Refusal as refusal:
        log.append(
            Event(kind=Kind.BUDGET_REFUSED, actor=actor.name, subject=signed.id, decision=refusal.code)
        )
        raise


def may_decide(actor: Actor) -> None:
    """Return if ``actor`` may decide about budgets.

    Raises:
        NotAllowed: their role does not include it, or they could spend what they decide about.
    """
    if Scope.BUDGET not in actor.scopes:
        raise NotAllowed(
            "role-missing",
            "Your role does not include decisions about budgets.",
            allowed="A steward or the authority decides.",
        )
    if Scope.QUERY in actor.scopes:
        raise NotAllowed(
            "decider-asks",
            "Who can ask questions does not decide what questions may spend.",
            allowed="A steward or the authority who is in no group of analysts decides.",
        )


def _about(decision: Decision, policies: Policies, actor: Actor, *, at: datetime) -> AuthorizationPolicy:
    policy = policies.authorizations.get(decision.authorization)
    if policy is None:
        raise NotFound("authorization-unknown", f"There is no authorization {decision.authorization!r}.")
    if decision.by != actor.name:
        raise NotAllowed("decision-of-another", "This decision was made in somebody else's name.")
    if abs(datetime.fromisoformat(decision.at) - at) > DATE_TOLERANCE:
        raise NotAllowed(
            "decision-date",
            "The decision does not bear today's date.",
            allowed="Decide anew; a decision is applied within a day of its date.",
        )
    if not 0 < len(decision.reason.strip()) <= REASON_LIMIT:
        raise Malformed(
            "decision-reason",
            "A decision needs a reason.",
            allowed=f"Say why in at most {REASON_LIMIT} characters.",
        )
    if not decision.windows and not decision.raises:
        raise Malformed("decision-empty", "This decision opens and raises nothing.")
    return policy


def _not_applied(connection: Connection, signed: Signed) -> None:
    if store.run(connection, _APPLIED, (signed.id,)).fetchone() is not None:
        raise Conflict("decision-applied", "This decision was applied before; it counts once.")


def _check_windows(decision: Decision, policy: AuthorizationPolicy, standing: Standing) -> None:
    limits = policy.loss.window
    if not decision.windows:
        return
    if limits is None:
        raise NotAllowed(
            "no-windows-here",
            f"Time does not limit the budgets of authorization {policy.name}.",
            allowed="A [loss.window] in its policy would.",
        )
    if len(decision.windows) > MOST_WINDOWS:
        raise Malformed("window-many", f"One decision opens at most {MOST_WINDOWS} windows.")
    for window in decision.windows:
        if (window.until - window.first).days != limits.days:
            raise NotAllowed(
                "window-length",
                f"The window of {window.first} does not last {limits.days} days, as the policy says.",
            )
        if not 0 < window.epsilon <= limits.epsilon:
            raise NotAllowed(
                "window-epsilon",
                f"The window of {window.first} would have another epsilon than the policy admits.",
                allowed=f"Write more than 0 and at most {spell(limits.epsilon)}.",
            )
    for one, other in combinations((*standing.windows, *decision.windows), 2):
        if one.meets(other):
            raise Conflict(
                "window-open",
                f"The windows of {one.first} and of {other.first} would share days.",
                allowed="A window is opened once; let the next one begin where the last one ends.",
            )


def _check_raise(raised: Raise, policy: AuthorizationPolicy, standing: Standing) -> None:
    limits = _limits_of(raised.scope, policy)
    if limits is None:
        raise NotAllowed(
            "not-raisable",
            f"The policy lets nobody raise the budget of {spoken(raised.scope)}.",
            allowed="initial_epsilon and analyst_most_epsilon of the authorization say what may be raised.",
        )
    least, most = limits
    present = max(least, standing.raises.get(raised.scope, least))
    if not present < raised.epsilon <= most:
        raise NotAllowed(
            "raise-out-of-range",
            f"The budget of {spoken(raised.scope)} stands at epsilon {spell(present)}.",
            allowed=f"Raise it to more than that and to at most {spell(most)}, the policy's cap.",
        )


def _limits_of(scope: str, policy: AuthorizationPolicy) -> tuple[Decimal, Decimal] | None:
    """Return where a budget begins and how far it may be raised; None where it may not be."""
    loss = policy.loss
    if scope == f"authorization:{policy.name}" and loss.initial_epsilon is not None:
        return loss.initial_epsilon, loss.total_epsilon
    person = scope.removeprefix(analyst_scope(policy.name, ""))
    if (
        person != scope
        and PERSON_NAME.fullmatch(person)
        and loss.analyst_epsilon
        and loss.analyst_most_epsilon
    ):
        return loss.analyst_epsilon, loss.analyst_most_epsilon
    return None
