"""Who has how much left, in exact integers; nobody ever gets more than the cap.

A charge is one transaction of the log, under the write lock from its first read to its commit:

1. an id that was charged before is refused;
2. each scope's row is brought to the cap the policy states now;
3. ``spent + loss <= cap`` stands in the UPDATE of every scope, in the order of their names, and the
   number of changed rows is read: 0 means over budget, and everything is rolled back;
4. the intent goes into the log with the budgets it charges, the charge refers to it, and both are
   durable together.

Nothing is ever given back. The condition uses the policy's cap. The row keeps the larger of that cap
and what is spent already, so a cap lowered below what is spent refuses every further charge while
the table's own check, ``spent <= cap``, stays a second wall and never blocks the lowering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

from sqlalchemy import Connection

from sandbox.audit.event import NAME_LIMIT, Event
from sandbox.audit.group import Transaction
from sandbox.audit.log import Log
from sandbox.errors import Conflict, Malformed, OverBudget
from sandbox.ledger.books import with_charges
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.check import CheckedQuery
from sandbox.policy.grades import PopulationPolicy
from sandbox.privacy.charge import Charge
from sandbox.privacy.loss import Loss
from sandbox.privacy.plan import Plan
from sandbox.privacy.threshold import capped, charged
from sandbox.store import engine as store
from sandbox.store import tables

_KNOWN = "SELECT seq FROM charge WHERE request_id = ? LIMIT 1"
_SPENT = "SELECT spent FROM budget WHERE scope = ?"
_STATE_CAP = (
    f"{store.insert_sql(tables.budget)} ON CONFLICT (scope) DO UPDATE "
    "SET cap = CASE WHEN budget.spent > excluded.cap THEN budget.spent ELSE excluded.cap END"
)
_SPEND = "UPDATE budget SET spent = spent + ? WHERE scope = ? AND spent <= ?"
_CHARGE = store.insert_sql(tables.charge)
LARGEST_LOSS = 9_000_000 * 10**12
"""Largest cap and largest loss in 1e-12 rho; the database's integers end at 2**63, about 9.2e18."""
REQUEST_ID_LIMIT = 64
"""Characters of a request id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetLine:
    """One budget that a question is charged to, as the policy states it."""

    scope: str
    """``population:NAME`` or ``authorization:NAME``."""
    cap: Loss
    """All that may be spent on it, ever."""
    delta: Decimal
    """The delta at which people read this budget as an epsilon."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Balance:
    """One budget and how far it is spent."""

    scope: str
    """``population:NAME`` or ``authorization:NAME``."""
    cap: Loss
    """All that may be spent on it, ever."""
    spent: Loss
    """What was spent; more than the cap where the policy lowered the cap afterwards."""
    left: Loss
    """What may still be spent; never negative."""
    delta: Decimal
    """The delta at which people read these losses as an epsilon."""


def budget_lines(authorization: AuthorizationPolicy, population: PopulationPolicy) -> tuple[BudgetLine, ...]:
    """Return the budgets of every question under ``authorization``, in the order of their names."""
    limits = authorization.loss
    return (
        BudgetLine(
            scope=f"authorization:{authorization.name}",
            cap=Loss.cap(epsilon=limits.total_epsilon, delta=limits.delta_of_losses),
            delta=limits.delta_of_losses,
        ),
        population_line(population),
    )


def population_line(population: PopulationPolicy) -> BudgetLine:
    """Return the lifetime budget of ``population``."""
    return BudgetLine(
        scope=f"population:{population.name}",
        cap=Loss.cap(epsilon=population.lifetime_epsilon, delta=population.delta_of_losses),
        delta=population.delta_of_losses,
    )


def delta_lines(checked: CheckedQuery) -> tuple[BudgetLine, ...]:
    """Return what the delta of a question is charged to whose keys are not public; in units of 1e-18.

    The cap is 0, so that nothing can be charged, where the policy reserves no delta.
    """
    granted, population = checked.authorization, checked.population
    reserves = {
        f"authorization-delta:{granted.name}": granted.loss.reserved_delta,
        f"population-delta:{population.name}": population.reserved_delta,
    }
    return tuple(
        BudgetLine(scope=scope, cap=Loss(capped(reserve or Decimal(0))), delta=reserve or Decimal(0))
        for scope, reserve in reserves.items()
    )


def scopes_for(checked: CheckedQuery) -> tuple[BudgetLine, ...]:
    """Return the budgets that ``checked`` is charged to."""
    return budget_lines(checked.authorization, checked.population)


class Ledger:
    """The books of one state database; several processes may charge at the same time."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def charge(self, request_id: str, plan: Plan, event: Event, *, private: str | None = None) -> Charge:
        """Spend the plan's loss on all its budgets and record the intent, or do neither.

        Args:
            request_id: charged at most once, whatever it is asked for again.
            plan: what will be run.
            event: the intent; the log gets it in the same transaction.
            private: the question's full text, sealed beside the intent.

        Raises:
            OverBudget: a budget has less left than the loss; the refusal names it.
            Conflict: this id was charged before (code ``already-asked``).
            Unavailable: the transaction did not become durable, so nothing was spent.
        """
        spends = [(line, plan.loss) for line in scopes_for(plan.checked)]
        if plan.threshold is not None:
            spends += [(line, Loss(charged(plan.threshold.delta))) for line in delta_lines(plan.checked)]
        intent = self._spend(request_id, spends, event=event, private=private)
        return Charge(request_id=request_id, plan_digest=plan.digest, loss=plan.loss, intent=intent)

    def charge_registration(
        self, snapshot: str, population: PopulationPolicy, loss: Loss, event: Event
    ) -> int:
        """Spend the loss of a dataset's profile on its population and record why.

        Every attempt is charged anew, because every attempt draws new noise.

        Returns:
            The place of ``event`` in the log.

        Raises:
            OverBudget, Unavailable: as :meth:`charge`.
        """
        attempt = f"{snapshot[-12:]}-{uuid4().hex}"
        return self._spend(attempt, [(population_line(population), loss)], event=event, private=None)

    def balances(self, lines: Sequence[BudgetLine]) -> tuple[Balance, ...]:
        """Return how far each of ``lines`` is spent, in their order."""
        with self._log.reading() as connection:
            return balances_seen(connection, lines)

    def _spend(
        self,
        request_id: str,
        spends: Sequence[tuple[BudgetLine, Loss]],
        *,
        event: Event,
        private: str | None,
    ) -> int:
        _check_request_id(request_id)
        _check_range(spends)
        ordered = sorted(spends, key=lambda spend: spend[0].scope)
        recorded = with_charges(event, {line.scope: loss.picorho for line, loss in ordered})

        def spend(tx: Transaction) -> int:
            _refuse_repetition(tx, request_id)  # 1
            for line, loss in ordered:
                _state_cap(tx, line)  # 2
                _spend_on(tx, line, loss)  # 3
            seq = tx.append(recorded, private=private)  # 4
            rows = [(request_id, line.scope, loss.picorho, seq) for line, loss in ordered]
            store.run_many(tx.connection, _CHARGE, rows)
            return seq

        return self._log.write(spend)


def balances_seen(connection: Connection, lines: Sequence[BudgetLine]) -> tuple[Balance, ...]:
    """Return how far each of ``lines`` is spent, as the open transaction of ``connection`` sees it."""
    found = [store.run(connection, _SPENT, (line.scope,)).fetchone() for line in lines]
    return tuple(_balance(line, row[0] if row else 0) for line, row in zip(lines, found, strict=True))


def _balance(line: BudgetLine, spent: int) -> Balance:
    return Balance(
        scope=line.scope,
        cap=line.cap,
        spent=Loss(spent),
        left=Loss(max(0, line.cap.picorho - spent)),
        delta=line.delta,
    )


def _refuse_repetition(tx: Transaction, request_id: str) -> None:
    if store.run(tx.connection, _KNOWN, (request_id,)).fetchone() is not None:
        raise Conflict(
            "already-asked",
            "A question with this request id was charged before.",
            allowed="Ask again under a new request id; the answer is then charged anew.",
        )


def _state_cap(tx: Transaction, line: BudgetLine) -> None:
    store.run(tx.connection, _STATE_CAP, (line.scope, line.cap.picorho, 0))


def _spend_on(tx: Transaction, line: BudgetLine, loss: Loss) -> None:
    # spent <= cap - loss, not spent + loss <= cap: the difference cannot leave the integers.
    room = line.cap.picorho - loss.picorho
    if store.run(tx.connection, _SPEND, (loss.picorho, line.scope, room)).rowcount != 1:
        raise OverBudget(
            "over-budget",
            f"The budget of {line.scope.replace(':', ' ', 1)} has less left than this question costs.",
            allowed="Ask with a smaller epsilon; the account shows what is left.",
        )


def _check_request_id(request_id: str) -> None:
    if not 0 < len(request_id) <= REQUEST_ID_LIMIT:
        raise Malformed(
            "request-id-malformed",
            "The request id is empty or too long.",
            allowed=f"A request id has between 1 and {REQUEST_ID_LIMIT} characters.",
        )


def _check_range(spends: Sequence[tuple[BudgetLine, Loss]]) -> None:
    if not spends or not all(0 < loss.picorho <= LARGEST_LOSS for _, loss in spends):
        raise OverBudget(
            "loss-out-of-range", "The privacy loss of this question is not one that can be charged."
        )
    for line, _ in spends:
        if not 0 <= line.cap.picorho <= LARGEST_LOSS or len(line.scope) > NAME_LIMIT:
            raise OverBudget(
                "cap-out-of-range", f"The policy's cap of {line.scope} is larger than the ledger can count."
            )
