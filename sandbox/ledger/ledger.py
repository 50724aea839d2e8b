"""Who has how much left, in exact integers; nobody ever gets more than the cap.

A charge is one transaction of the log, under the write lock from its first read to its commit:

1. an id that was charged before is refused, and so is a question about what is frozen;
2. the window that is open at this moment of the log's clock is looked up, and how far budgets are
   raised: both from signed decisions, which are verified (:mod:`sandbox.ledger.opened`);
3. each scope's row is brought to the cap that holds now;
4. ``spent + loss <= cap`` stands in the UPDATE of every scope, in the order of their names, and the
   number of changed rows is read: 0 means over budget, and everything is rolled back;
5. the intent goes into the log with the budgets it charges, the charge refers to it, and both are
   durable together.

Nothing is ever given back. The condition uses the policy's cap. The row keeps the larger of that cap
and what is spent already, so a cap lowered below what is spent refuses every further charge while
the table's own check, ``spent <= cap``, stays a second wall and never blocks the lowering.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from sqlalchemy import Connection

from sandbox import freezes
from sandbox.audit.event import NAME_LIMIT, Event
from sandbox.audit.group import Transaction
from sandbox.audit.log import Log
from sandbox.errors import Conflict, Malformed, OverBudget
from sandbox.ledger.books import with_charges
from sandbox.ledger.opened import Decided
from sandbox.ledger.scopes import BudgetLine, dataset_lines, lines_of, population_line, spoken, together
from sandbox.policy.dataset import DatasetPolicy
from sandbox.policy.grades import PopulationPolicy
from sandbox.privacy.charge import Charge
from sandbox.privacy.loss import Loss
from sandbox.privacy.plan import Plan
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
_DAY = len(":2026-01-01")
"""Characters that a window's name is longer than that of the line that stands for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Balance:
    """One budget and how far it is spent."""

    line: BudgetLine
    """Which one, as it stands now: its window named, its cap raised as far as was decided."""
    spent: Loss
    """What was spent; more than the cap where the policy lowered the cap afterwards."""
    left: Loss
    """What may still be spent; never negative."""

    @property
    def scope(self) -> str:
        """The budget's kind and name."""
        return self.line.scope

    @property
    def cap(self) -> Loss:
        """All that may be spent on it, ever."""
        return self.line.cap

    @property
    def delta(self) -> Decimal:
        """The delta at which people read these losses as an epsilon."""
        return self.line.delta


class Ledger:
    """The books of one state database; several processes may charge at the same time."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.decided = Decided()

    def charge(self, request_id: str, plan: Plan, event: Event, *, private: str | None = None) -> Charge:
        """Spend the plan's loss on all its budgets and record the intent, or do neither.

        Args:
            request_id: charged at most once, whatever it is asked for again.
            plan: what will be run.
            event: the intent; the log gets it in the same transaction.
            private: the question's full text, sealed beside the intent.

        Raises:
            OverBudget: a budget has less left than the loss, or takes no charge now; the refusal names it.
            Conflict: this id was charged before (code ``already-asked``).
            NotAllowed: the person, the authorization or the dataset is frozen.
            Unavailable: the transaction did not become durable, so nothing was spent.
        """
        intent = self._spend(request_id, lines_of(plan), event=event, private=private)
        return Charge(request_id=request_id, plan_digest=plan.digest, loss=plan.loss, intent=intent)

    def charge_registration(
        self, snapshot: str, dataset: DatasetPolicy, population: PopulationPolicy, loss: Loss, event: Event
    ) -> int:
        """Spend the loss of a dataset's profile on the dataset and its population, and record why.

        Every attempt is charged anew, because every attempt draws new noise.

        Returns:
            The place of ``event`` in the log.

        Raises:
            OverBudget, Unavailable: as :meth:`charge`.
        """
        attempt = f"{snapshot[-12:]}-{uuid4().hex}"
        lines = (population_line(population), *dataset_lines(dataset, population))
        return self._spend(attempt, [replace(line, each=loss) for line in lines], event=event, private=None)

    def balances(self, lines: Sequence[BudgetLine]) -> tuple[Balance, ...]:
        """Return how far each of ``lines`` is spent now, in their order."""
        with self._log.reading() as connection:
            return self.balances_seen(connection, lines, at=self._log.now())

    def balances_seen(
        self, connection: Connection, lines: Sequence[BudgetLine], *, at: datetime
    ) -> tuple[Balance, ...]:
        """Return how far each of ``lines`` is spent, as the open transaction of ``connection`` sees it."""
        opened = self.decided.opened(connection, lines, at=at)
        found = [store.run(connection, _SPENT, (line.scope,)).fetchone() for line in opened]
        return tuple(_balance(line, row[0] if row else 0) for line, row in zip(opened, found, strict=True))

    def _spend(
        self, request_id: str, lines: Iterable[BudgetLine], *, event: Event, private: str | None
    ) -> int:
        _check_request_id(request_id)
        ordered = together(lines)
        _check_range(ordered)

        def spend(tx: Transaction) -> int:
            _refuse_repetition(tx, request_id)  # 1
            _refuse_frozen(tx, event)
            opened = self.decided.opened(tx.connection, ordered, at=tx.at)  # 2
            for line in opened:
                _state_cap(tx, line)  # 3
                _spend_on(tx, line)  # 4
            recorded = with_charges(event, {line.scope: line.each.picorho for line in opened})
            seq = tx.append(recorded, private=private)  # 5
            rows = [(request_id, line.scope, line.each.picorho, seq) for line in opened]
            store.run_many(tx.connection, _CHARGE, rows)
            return seq

        return self._log.write(spend)


def _balance(line: BudgetLine, spent: int) -> Balance:
    return Balance(line=line, spent=Loss(spent), left=Loss(max(0, line.cap.picorho - spent)))


def _refuse_repetition(tx: Transaction, request_id: str) -> None:
    if store.run(tx.connection, _KNOWN, (request_id,)).fetchone() is not None:
        raise Conflict(
            "already-asked",
            "A question with this request id was charged before.",
            allowed="Ask again under a new request id; the answer is then charged anew.",
        )


def _refuse_frozen(tx: Transaction, event: Event) -> None:
    """Refuse a question; a registration, which is asked under no authorization, may be what ends a freeze."""
    if event.authorization:
        freezes.check(
            tx.connection, person=event.actor, authorization=event.authorization, dataset=event.dataset
        )


def _state_cap(tx: Transaction, line: BudgetLine) -> None:
    if line.closed is not None:
        sentence = line.closed.sentence.format(scope=spoken(line.scope))
        raise OverBudget(line.closed.code, sentence, allowed=line.closed.allowed)
    store.run(tx.connection, _STATE_CAP, (line.scope, line.cap.picorho, 0))


def _spend_on(tx: Transaction, line: BudgetLine) -> None:
    # spent <= cap - loss, not spent + loss <= cap: the difference cannot leave the integers.
    loss = line.each.picorho
    if store.run(tx.connection, _SPEND, (loss, line.scope, line.cap.picorho - loss)).rowcount != 1:
        raise OverBudget(
            "over-budget",
            f"The budget of {spoken(line.scope)} has less left than this question costs.",
            allowed="Ask with a smaller epsilon; the account shows what is left.",
        )


def _check_request_id(request_id: str) -> None:
    if not 0 < len(request_id) <= REQUEST_ID_LIMIT:
        raise Malformed(
            "request-id-malformed",
            "The request id is empty or too long.",
            allowed=f"A request id has between 1 and {REQUEST_ID_LIMIT} characters.",
        )


def _check_range(lines: Sequence[BudgetLine]) -> None:
    if not lines or not all(0 < line.each.picorho <= LARGEST_LOSS for line in lines):
        raise OverBudget(
            "loss-out-of-range", "The privacy loss of this question is not one that can be charged."
        )
    for line in lines:
        if not 0 <= line.cap.picorho <= LARGEST_LOSS or len(line.scope) + _DAY > NAME_LIMIT:
            raise OverBudget(
                "cap-out-of-range",
                f"The policy's cap of {spoken(line.scope)} is larger than the ledger can count.",
            )
