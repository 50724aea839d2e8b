"""Which budgets a question is charged to, as the policy states them.

One line for each scope, never two: however many tables or datasets a question reads, one scope has one
name, and :func:`together` keeps one line for each name, with the smallest cap. What cannot be told from
the policy alone (which time window is open, how far a decision has raised a budget) is filled in by
:mod:`sandbox.ledger.opened`, inside the transaction that charges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.check import CheckedQuery
from sandbox.policy.dataset import DatasetPolicy
from sandbox.policy.grades import PopulationPolicy
from sandbox.privacy.loss import Loss
from sandbox.privacy.plan import Plan
from sandbox.privacy.threshold import capped, charged


@dataclass(frozen=True, kw_only=True, slots=True)
class Closed:
    """Why nothing can be charged to a budget now, whatever is left of it."""

    code: str
    sentence: str
    allowed: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetLine:
    """One budget that a question is charged to."""

    scope: str
    """Kind and name, such as ``population:NAME``; :func:`spoken` says it to people."""
    cap: Loss
    """All that may be spent on it, ever; of a reserve of delta, in units of 1e-18."""
    delta: Decimal
    """The delta at which people read this budget as an epsilon; of a reserve, all of it."""
    each: Loss = Loss(0)  # noqa: RUF009  # frozen
    """What one question takes of it; 0 where no question is meant."""
    begins: Loss | None = None
    """What may be spent before a decision raises it, at most to :attr:`cap`; None: all of the cap."""
    authorization: str = ""
    """Whose decisions open or raise it; empty where none can."""
    windowed: bool = False
    """Whether it stands for whichever time window is open now."""
    closed: Closed | None = None
    """Why it takes no charge now; None where it does."""


def is_delta(scope: str) -> bool:
    """Return whether ``scope`` is a reserve of delta, so that its numbers are no zCDP."""
    return scope.partition(":")[0].endswith("-delta")


def analyst_scope(authorization: str, person: str) -> str:
    """Return the scope of one person under one authorization."""
    return f"analyst:{authorization}:{person}"


def authorization_line(authorization: AuthorizationPolicy) -> BudgetLine:
    """Return what all questions under ``authorization`` may spend together."""
    limits = authorization.loss
    return BudgetLine(
        scope=f"authorization:{authorization.name}",
        cap=_cap(limits.total_epsilon, limits.delta_of_losses),
        delta=limits.delta_of_losses,
        begins=None
        if limits.initial_epsilon is None
        else _cap(limits.initial_epsilon, limits.delta_of_losses),
        authorization=authorization.name,
    )


def population_line(population: PopulationPolicy) -> BudgetLine:
    """Return the lifetime budget of ``population``."""
    return BudgetLine(
        scope=f"population:{population.name}",
        cap=_cap(population.lifetime_epsilon, population.delta_of_losses),
        delta=population.delta_of_losses,
    )


def dataset_lines(dataset: DatasetPolicy, population: PopulationPolicy) -> tuple[BudgetLine, ...]:
    """Return the dataset's own budget, if it has one."""
    if dataset.lifetime_epsilon is None:
        return ()
    delta = population.delta_of_losses
    cap = _cap(dataset.lifetime_epsilon, delta)
    return (BudgetLine(scope=f"dataset:{dataset.name}", cap=cap, delta=delta),)


def analyst_lines(authorization: AuthorizationPolicy, person: str) -> tuple[BudgetLine, ...]:
    """Return what ``person`` may spend under ``authorization``, if that is limited."""
    limits = authorization.loss
    if limits.analyst_epsilon is None:
        return ()
    least = _cap(limits.analyst_epsilon, limits.delta_of_losses)
    most = limits.analyst_most_epsilon
    return (
        BudgetLine(
            scope=analyst_scope(authorization.name, person),
            cap=least if most is None else _cap(most, limits.delta_of_losses),
            delta=limits.delta_of_losses,
            begins=None if most is None else least,
            authorization=authorization.name,
        ),
    )


def window_lines(authorization: AuthorizationPolicy) -> tuple[BudgetLine, ...]:
    """Return what may be spent in the window that is open now, if time limits it at all."""
    limits = authorization.loss
    if limits.window is None:
        return ()
    return (
        BudgetLine(
            scope=f"window:{authorization.name}",
            cap=_cap(limits.window.epsilon, limits.delta_of_losses),
            delta=limits.delta_of_losses,
            authorization=authorization.name,
            windowed=True,
        ),
    )


def reserve_lines(authorization: AuthorizationPolicy, population: PopulationPolicy) -> tuple[BudgetLine, ...]:
    """Return what the delta of a question is charged to whose keys are not public; in units of 1e-18.

    The cap is 0, so that nothing can be charged, where the policy reserves no delta.
    """
    return (
        _reserve(f"authorization-delta:{authorization.name}", authorization.loss.reserved_delta),
        _reserve(f"population-delta:{population.name}", population.reserved_delta),
    )


def population_lines(population: PopulationPolicy) -> tuple[BudgetLine, ...]:
    """Return all that is limited for ``population``: its lifetime budget, and its reserve if it has one."""
    reserve = population.reserved_delta
    own = population_line(population)
    return (own, _reserve(f"population-delta:{population.name}", reserve)) if reserve else (own,)


def budget_lines(
    authorization: AuthorizationPolicy, dataset: DatasetPolicy, population: PopulationPolicy, *, person: str
) -> tuple[BudgetLine, ...]:
    """Return every budget that ``person`` may come to spend under ``authorization``, reserves included."""
    reserves = reserve_lines(authorization, population) if authorization.loss.reserved_delta else ()
    return together((*_losses(authorization, dataset, population, person), *reserves))


def scopes_for(checked: CheckedQuery) -> tuple[BudgetLine, ...]:
    """Return the budgets of loss that ``checked`` is charged to."""
    return together(_losses(checked.authorization, checked.dataset, checked.population, checked.actor_name))


def delta_lines(checked: CheckedQuery) -> tuple[BudgetLine, ...]:
    """Return the reserves that ``checked`` is charged to, if its keys are not public."""
    return reserve_lines(checked.authorization, checked.population)


def lines_of(plan: Plan) -> tuple[BudgetLine, ...]:
    """Return every budget that ``plan`` is charged to, each with what it takes of it."""
    lines = [replace(line, each=plan.loss) for line in scopes_for(plan.checked)]
    if plan.threshold is not None:
        delta = Loss(charged(plan.threshold.delta))
        lines += [replace(line, each=delta) for line in delta_lines(plan.checked)]
    return together(lines)


def together(lines: Iterable[BudgetLine]) -> tuple[BudgetLine, ...]:
    """Return ``lines`` with each scope once, in the order of their names; the most restrictive one wins.

    Raises:
        ValueError: one scope would be charged two different losses.
    """
    found: dict[str, BudgetLine] = {}
    for line in lines:
        other = found.setdefault(line.scope, line)
        if other.each != line.each:
            raise ValueError("one question costs every scope the same once")
        found[line.scope] = min(other, line, key=_room)
    return tuple(found[scope] for scope in sorted(found))


def spoken(scope: str) -> str:
    """Return ``scope`` as a person reads it, such as ``window 2026-06-01 of authorization study``."""
    kind, _, name = scope.partition(":")
    first, _, second = name.partition(":")
    match kind:
        case "analyst":
            return f"analyst {second} under authorization {first}"
        case "window":
            return (
                f"window {second} of authorization {first}" if second else f"window of authorization {first}"
            )
        case "authorization-delta" | "population-delta":
            return f"reserved delta of {kind.removesuffix('-delta')} {name}"
        case _:
            return f"{kind} {name}"


def _losses(
    authorization: AuthorizationPolicy, dataset: DatasetPolicy, population: PopulationPolicy, person: str
) -> tuple[BudgetLine, ...]:
    return (
        authorization_line(authorization),
        population_line(population),
        *dataset_lines(dataset, population),
        *analyst_lines(authorization, person),
        *window_lines(authorization),
    )


def _reserve(scope: str, delta: Decimal | None) -> BudgetLine:
    reserved = delta or Decimal(0)
    return BudgetLine(scope=scope, cap=Loss(capped(reserved)), delta=reserved)


def _room(line: BudgetLine) -> tuple[int, int]:
    return line.cap.picorho, line.cap.picorho if line.begins is None else line.begins.picorho


def _cap(epsilon: Decimal, delta: Decimal) -> Loss:
    return Loss.cap(epsilon=epsilon, delta=delta)
