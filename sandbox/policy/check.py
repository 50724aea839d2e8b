"""May this person ask this question now?

The checks run in this order, and the first that fails refuses: (1) the authorization exists and the
person's group holds it (one refusal for both, so that names cannot be probed), (2) its term runs, (3)
each table is in its scope, (4) each column may be used the way it is used and something bounds what
one unit changes, (5) every expression is total and every key public. All of it looks at the question
and the policy only, so a refusal costs nothing and tells nothing about anyone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from datetime import datetime
from typing import Final

from sandbox.errors import NotAllowed, NotAnswerable
from sandbox.policy.aggregates import TypedAggregate, typed_aggregate
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.dataset import DatasetPolicy
from sandbox.policy.grades import PopulationPolicy
from sandbox.policy.policies import Policies
from sandbox.policy.relations import Opener
from sandbox.policy.roles import Actor
from sandbox.policy.scope import Scope, offer
from sandbox.policy.terms import term_of, test_of
from sandbox.query.expr import Aggregate, Column, Query, Scalar
from sandbox.query.typed import Field, Relation, Term, Test

_CHECKED: Final = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedQuery:
    """A question that passed :func:`check`, with all the policy it is answered under.

    Raises:
        TypeError: made by anything but :func:`check`.
    """

    query: Query
    """The question as asked."""
    dataset: DatasetPolicy
    source: Relation
    unit: Field
    """Whose rows the source's rows are."""
    where: Test | None
    keys: tuple[Term, ...]
    """As the question's keys; each has a public set of values, unless :attr:`unlisted`."""
    unlisted: bool
    """Whether a key's values are not public, so that only groups of enough units may be shown."""
    aggregates: Mapping[Aggregate, TypedAggregate]
    """Every aggregate of the question."""
    authorization: AuthorizationPolicy
    population: PopulationPolicy
    actor_name: str
    policy_digest: str
    """Digest of the policies that allowed it."""
    proof: InitVar[object]
    """Held by :func:`check` alone, so that the type proves the check."""

    def __post_init__(self, proof: object) -> None:
        if proof is not _CHECKED:
            raise TypeError("only check() makes a CheckedQuery")


def check(
    query: Query, *, policies: Policies, authorization: str, actor: Actor, now: datetime
) -> CheckedQuery:
    """Return ``query`` as one that ``actor`` may ask at ``now`` under ``authorization``.

    Args:
        query: what is asked.
        policies: everything that is allowed.
        authorization: name of the authorization that the question is asked under.
        actor: who asks.
        now: the moment it is asked; aware of its time zone.

    Raises:
        NotAllowed: the authorization does not allow it.
        NotAnswerable: a value cannot be used like this, or nothing bounds what one unit changes.
        ValueError: ``now`` has no time zone.
    """
    granted = held_now(policies, authorization=authorization, actor=actor, now=now)
    dataset = policies.datasets[granted.dataset]
    opened = Opener(dataset, granted).open(query.source)
    keys = tuple(_key(key, opened.scope, granted) for key in query.keys)
    return CheckedQuery(
        query=query,
        dataset=dataset,
        source=opened.relation,
        unit=opened.unit,
        where=None if query.where is None else test_of(query.where, opened.scope),
        keys=keys,
        unlisted=any(not key.type.values for key in keys),
        aggregates={
            aggregate: typed_aggregate(aggregate, opened.scope, opened.unit) for aggregate in query.aggregates
        },
        authorization=granted,
        population=policies.populations[dataset.population],
        actor_name=actor.name,
        policy_digest=policies.digest,
        proof=_CHECKED,
    )


def _key(key: Scalar, scope: Scope, granted: AuthorizationPolicy) -> Term:
    term = term_of(key, scope)
    if term.type.values:
        return term
    if isinstance(key, Column) and _may_group_unlisted(key, scope):
        if granted.loss.threshold_delta is not None:
            return term
        raise NotAllowed(
            "no-threshold",
            f"The values of {key.name} are not public, and no delta is reserved for such keys.",
            allowed=offer("You may group by", scope.group_keys()),
        )
    what = f"The column {key.name}" if isinstance(key, Column) else "An expression of GROUP BY"
    raise NotAnswerable(
        "not-a-group-key",
        f"{what} cannot group: its possible values are not public, or too many.",
        allowed=offer("You may group by", scope.group_keys()).removesuffix(".")
        + ", by BIN(measure, width), by CASE, or by a part of a date that has a period.",
    )


def _may_group_unlisted(column: Column, scope: Scope) -> bool:
    policy = scope.value(column).policy
    return policy is not None and policy.may_group


def held_now(policies: Policies, *, authorization: str, actor: Actor, now: datetime) -> AuthorizationPolicy:
    """Return the authorization if ``actor`` may ask under it at ``now``: checks (1) and (2).

    They depend on the person and the moment, so they hold for one request only.

    Raises:
        NotAllowed: the person does not hold it, or its term does not run.
        ValueError: ``now`` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError("the moment of a question needs a time zone")
    granted = _held(policies, authorization=authorization, actor=actor)
    _running(granted, now)
    return granted


def _held(policies: Policies, *, authorization: str, actor: Actor) -> AuthorizationPolicy:
    granted = policies.authorizations.get(authorization)
    if granted is None or granted.group not in actor.groups:
        raise NotAllowed(
            "authorization-not-held",
            "You hold no authorization of this name.",
            allowed="Name one of your groups' authorizations; a data steward adds people to a group.",
        )
    return granted


def _running(granted: AuthorizationPolicy, now: datetime) -> None:
    start, end = granted.term.start, granted.term.end
    if now < start:
        raise NotAllowed(
            "authorization-not-begun",
            "The authorization has not begun.",
            allowed=f"It answers questions from {start.isoformat()} on.",
        )
    if now >= end:
        raise NotAllowed(
            "authorization-over",
            f"The authorization ended at {end.isoformat()}.",
            allowed="Ask the data steward for a new one, or name another that runs.",
        )
