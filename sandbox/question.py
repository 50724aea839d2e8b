"""A question made ready to be paid: parsed, checked and planned.

All of it looks at the text, the policies and the epsilon only, so what was made once is made again
without the work. What depends on the person and the moment (does the group hold the authorization,
does its term run) is checked every time, before anything kept is handed out; what is kept belongs to
one person, and a text that was refused is never kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sandbox.canonical import digest_of
from sandbox.ledger.ledger import BudgetLine, scopes_for
from sandbox.policy.authorization import LossLimits
from sandbox.policy.check import check, held_now
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor
from sandbox.policy.values import spell
from sandbox.privacy.plan import Plan, make_plan
from sandbox.query.render import canonical, template
from sandbox.query.sql import parse
from sandbox.recent import Recent
from sandbox.sources.snapshot import shape_of

KEPT_QUESTIONS = 512
"""How many questions are kept ready; each is a few kilobytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One question as it came in, before anything is known of it."""

    sql: str
    """The text, as it was written."""
    authorization: str
    """Name of the authorization it is asked under."""
    epsilon: Decimal | None
    """The pure loss wished; None for the most one question may cost."""
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
    plan_digest: str
    """Digest of the plan: the canonical question, the policies, the authorization, the noise."""
    digest: str
    """Digest of the canonical question alone."""
    template: str
    """The question without its values, as the log shows it."""
    shape: str
    """What a copy must have been made under to answer it."""
    lines: tuple[BudgetLine, ...]
    """The budgets it is charged to."""


class Questions:
    """Makes questions ready under one set of policies."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._kept: Recent[tuple[str, str, Decimal | None, str], Question] = Recent(KEPT_QUESTIONS)

    def ready(self, request: Request, *, now: datetime) -> Question:
        """Return the question of ``request``, as one that its actor may ask at ``now``.

        Args:
            request: what is asked, by whom, under what.
            now: the moment of the check; aware of its time zone.

        Raises:
            Refusal: it is not in the language, not allowed, or cannot be planned.
        """
        actor, authorization = request.actor, request.authorization
        key = (request.sql, authorization, request.epsilon, actor.name)
        found = self._kept.get(key)
        if found is not None:
            held_now(self._policies, authorization=authorization, actor=actor, now=now)
            return found
        checked = check(
            parse(request.sql), policies=self._policies, authorization=authorization, actor=actor, now=now
        )
        epsilon = _one_spelling(request.epsilon, checked.authorization.loss)
        made = _question(make_plan(checked, epsilon=epsilon))
        self._kept.put(key, made)
        return made


def _question(plan: Plan) -> Question:
    query = plan.checked.query
    return Question(
        plan=plan,
        plan_digest=plan.digest,
        digest=digest_of(canonical(query)),
        template=template(query),
        shape=shape_of(plan.checked.dataset),
        lines=scopes_for(plan.checked),
    )


def _one_spelling(epsilon: Decimal | None, limits: LossLimits) -> Decimal:
    """Return the epsilon so that 0.5 and 0.50 are one question."""
    wished = limits.per_query_epsilon if epsilon is None else epsilon
    return Decimal(spell(wished)) if wished.is_finite() else wished
