"""May this person ask this question now?

The checks run in this order, and the first that fails refuses: (1) the authorization exists and the
person's group holds it (one refusal for both, so that names cannot be probed), (2) its term runs,
(3) the table is in its scope, (4) every column may be used the way it is used, (5) every value has
its column's type. All of it looks at the question and the policy only, so a refusal costs nothing
and tells nothing about anyone.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass, replace
from datetime import datetime
from typing import Final

from sandbox.errors import NotAllowed
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.columns import OpenedColumns
from sandbox.policy.dataset import DatasetPolicy, TablePolicy
from sandbox.policy.grades import PopulationPolicy
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor
from sandbox.query.expr import Aggregate, Query

_CHECKED: Final = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedQuery:
    """A question that passed :func:`check`, with all the policy it is answered under.

    Raises:
        TypeError: made by anything but :func:`check`.
    """

    query: Query
    """The question; each literal has its column's type (Decimal for measures, date for dates)."""
    dataset: DatasetPolicy
    table_name: str
    table: TablePolicy
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
        NotAnswerable: a column cannot be used like this, or a value does not fit its column.
        ValueError: ``now`` has no time zone.
    """
    granted = held_now(policies, authorization=authorization, actor=actor, now=now)
    dataset = policies.datasets[granted.dataset]
    if query.table not in granted.tables:
        raise NotAllowed(
            "table-out-of-scope",
            "This table is not opened by the authorization.",
            allowed=f"It opens: {', '.join(sorted(granted.tables))}.",
        )
    table = dataset.tables[query.table]
    columns = OpenedColumns(table, opened=frozenset(granted.tables[query.table]))
    for key in query.keys:
        columns.require_key(key)
    for output in query.outputs:
        if isinstance(output, Aggregate):
            columns.require_aggregate(output)
    where = None if query.where is None else columns.typed(query.where)
    return CheckedQuery(
        query=replace(query, where=where),
        dataset=dataset,
        table_name=query.table,
        table=table,
        authorization=granted,
        population=policies.populations[dataset.population],
        actor_name=actor.name,
        policy_digest=policies.digest,
        proof=_CHECKED,
    )


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
