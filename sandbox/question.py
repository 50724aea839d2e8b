"""A question made ready to be paid: parsed, checked and planned.

All of it looks at the text, the policies, the wish and the registration profile only, so what was made
once is made again without the work. What depends on the person and the moment (does the group hold the
authorization, does its term run) is checked every time, before anything kept is handed out; what is
kept belongs to one person, and a text that was refused is never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sandbox.canonical import digest_of
from sandbox.errors import Malformed
from sandbox.ledger.scopes import BudgetLine, lines_of
from sandbox.policy.authorization import LossLimits
from sandbox.policy.check import CheckedQuery, check, held_now
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor
from sandbox.policy.values import spell
from sandbox.privacy.accuracy import epsilon_for
from sandbox.privacy.bound import Profile
from sandbox.privacy.plan import Plan, make_plan
from sandbox.query.render import canonical, template
from sandbox.query.sql import parse
from sandbox.recent import Recent
from sandbox.reviewed.plan import ReviewedPlan, make_reviewed_plan
from sandbox.sources.snapshot import Snapshot, shape_of

KEPT_QUESTIONS = 512
"""How many questions are kept ready; each is a few kilobytes."""
Copies = Callable[[str, str], Snapshot]
"""From a dataset's name and the shape that its copy must have to the copy that answers now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a question may cost, or how exact its answer should be; by default the most it may cost."""

    epsilon: Decimal | None = None
    """The epsilon to spend."""
    target_error: Decimal | None = None
    """Half the width that the 95 % interval of every output should have, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One question as it came in, before anything is known of it."""

    sql: str
    """The text, as it was written."""
    authorization: str
    """Name of the authorization it is asked under."""
    wish: Wish
    """What it may cost, or how exact it should be."""
    actor: Actor
    """Who asks, as the hub knows them now."""
    arrived: float
    """When it came, in monotonic seconds."""
    id: str | None = None
    """The caller's own id of it, if there is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One question that one person may ask, and what it will cost."""

    plan: Plan
    snapshot: Snapshot
    """The copy that it was planned for."""
    plan_digest: str
    """Digest of the plan: the canonical question, the policies, the authorization, the noise."""
    digest: str
    """Digest of the canonical question alone."""
    template: str
    """The question without its values, as the log shows it."""
    lines: tuple[BudgetLine, ...]
    """The budgets it is charged to."""


class Questions:
    """Makes questions ready under one set of policies."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._shapes = {name: shape_of(dataset) for name, dataset in policies.datasets.items()}
        self._checked: Recent[tuple[str, str, str], CheckedQuery] = Recent(KEPT_QUESTIONS)
        self._planned: Recent[tuple[str, str, str, Wish, str], Question] = Recent(KEPT_QUESTIONS)

    def ready(self, request: Request, *, now: datetime, copies: Copies) -> Question:
        """Return the question of ``request``, as one that its actor may ask at ``now``.

        Args:
            request: what is asked, by whom, under what.
            now: the moment of the check; aware of its time zone.
            copies: gives the copy that answers questions of a dataset now; its profile, noisy and paid
                for, tells how many rows of a unit are best looked at.

        Raises:
            Refusal: it is not in the language, not allowed, cannot be planned, or has no copy.
        """
        checked = self._check(request, now=now)
        name = checked.dataset.name
        snapshot = copies(name, self._shapes[name])
        key = (request.sql, request.authorization, request.actor.name, request.wish, snapshot.digest)
        found = self._planned.get(key)
        if found is None:
            found = _question(_plan(checked, request.wish, snapshot.profile), snapshot)
            self._planned.put(key, found)
        return found

    def reviewed(self, request: Request, *, now: datetime, copies: Copies) -> tuple[ReviewedPlan, Snapshot]:
        """Return what is read for a reviewed answer to ``request``, and the copy it is read from.

        Raises:
            Refusal: it is not in the language, not allowed, has no reviewed answer, or has no copy.
        """
        checked = self._check(request, now=now)
        plan = make_reviewed_plan(checked, most_rows=self._policies.review.max_rows)
        name = checked.dataset.name
        return plan, copies(name, self._shapes[name])

    def _check(self, request: Request, *, now: datetime) -> CheckedQuery:
        actor, authorization = request.actor, request.authorization
        key = (request.sql, authorization, actor.name)
        found = self._checked.get(key)
        if found is not None:
            held_now(self._policies, authorization=authorization, actor=actor, now=now)
            return found
        made = check(
            parse(request.sql), policies=self._policies, authorization=authorization, actor=actor, now=now
        )
        self._checked.put(key, made)
        return made


def _plan(checked: CheckedQuery, wish: Wish, profiles: Mapping[str, Profile]) -> Plan:
    if wish.target_error is not None:
        if wish.epsilon is not None:
            raise Malformed(
                "two-wishes",
                "Both an epsilon and an error are wished for.",
                allowed="Name one of them; the other follows.",
            )
        epsilon = epsilon_for(checked, target=wish.target_error, profiles=profiles)
    else:
        epsilon = _one_spelling(wish.epsilon, checked.authorization.loss)
    return make_plan(checked, epsilon=epsilon, profiles=profiles)


def _question(plan: Plan, snapshot: Snapshot) -> Question:
    query = plan.checked.query
    return Question(
        plan=plan,
        snapshot=snapshot,
        plan_digest=plan.digest,
        digest=digest_of(canonical(query)),
        template=template(query),
        lines=lines_of(plan),
    )


def _one_spelling(epsilon: Decimal | None, limits: LossLimits) -> Decimal:
    """Return the epsilon so that 0.5 and 0.50 are one question."""
    wished = limits.per_query_epsilon if epsilon is None else epsilon
    return Decimal(spell(wished)) if wished.is_finite() else wished
