"""What people are shown of budgets: what is left, who spent it on what, and who decided about it.

Everything is read in one transaction, so that the numbers of one statement belong together. Charges and
decisions are told with the place of their entry in the log, where each can be proved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from sandbox.audit.log import Log
from sandbox.errors import NotFound
from sandbox.ledger.decisions import Window
from sandbox.ledger.granting import may_decide
from sandbox.ledger.ledger import Balance, Ledger
from sandbox.ledger.opened import Stored, line_of
from sandbox.ledger.scopes import (
    BudgetLine,
    analyst_lines,
    budget_lines,
    dataset_lines,
    population_lines,
    together,
    window_lines,
)
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Scope
from sandbox.store.tables import charge, event_index

HISTORY = 50
"""Charges that are shown at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spender:
    """What one person has asked under one authorization."""

    person: str
    questions: int
    picorho: int
    """What all of them were charged together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowState:
    """One opened window and how far it is spent."""

    window: Window
    state: str
    """``over``, ``open`` or ``ahead``, by the log's clock."""
    balance: Balance


@dataclass(frozen=True, kw_only=True, slots=True)
class Charged:
    """One charge to one budget."""

    request: str
    """Id of the question or registration."""
    scope: str
    amount: int
    """In 1e-12 rho; of a reserve of delta, in 1e-18."""
    seq: int
    """The entry of the log it was charged by."""
    at: str
    person: str
    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """All budgets of one authorization, and what became of them."""

    authorization: AuthorizationPolicy
    balances: tuple[Balance, ...]
    """Its own, its population's, its dataset's and the reserves."""
    analysts: tuple[Balance, ...]
    """Of each person who has a budget of their own and has asked or been given more."""
    windows: tuple[WindowState, ...]
    spenders: tuple[Spender, ...]
    decisions: tuple[Stored, ...]

    @property
    def scopes(self) -> tuple[str, ...]:
        """The budgets of this authorization alone: its own, its reserve, its people's, its windows'."""
        own = self.authorization.name
        shared = [b.scope for b in self.balances if b.scope.partition(":")[2] == own]
        return (
            *(scope for scope in shared if scope.startswith("authorization")),
            *(balance.scope for balance in self.analysts),
            *(one.balance.scope for one in self.windows),
        )


class Budgets:
    """Reads the ledger for people.

    Args:
        policies: everything that is allowed.
        log: of the state database.
        ledger: its books.
    """

    def __init__(self, policies: Policies, *, log: Log, ledger: Ledger) -> None:
        self._policies = policies
        self._log = log
        self._ledger = ledger

    def of_person(self, person: str, authorizations: Sequence[AuthorizationPolicy]) -> tuple[Balance, ...]:
        """Return every budget that questions of ``person`` under these are charged to, each once."""
        return self._ledger.balances(
            together(line for policy in authorizations for line in self._lines(policy, person))
        )

    def of_population(self, actor: Actor, name: str) -> tuple[Balance, ...]:
        """Return the lifetime budget of a population, and its reserve of delta.

        Raises:
            NotAllowed: the role of ``actor`` does not include it.
            NotFound: there is none.
        """
        may_see(actor)
        population = self._policies.populations.get(name)
        if population is None:
            raise NotFound("population-unknown", f"There is no population {name!r}.")
        return self._ledger.balances(population_lines(population))

    def of_dataset(self, actor: Actor, name: str) -> tuple[Statement, ...]:
        """Return the statements of all authorizations of a dataset.

        Raises:
            NotAllowed: the role of ``actor`` does not include it.
            NotFound: there is none.
        """
        may_see(actor)
        if name not in self._policies.datasets:
            raise NotFound("dataset-unknown", f"There is no dataset {name!r}.")
        held = sorted(self._policies.authorizations.values(), key=lambda policy: policy.name)
        return tuple(self._statement(policy) for policy in held if policy.dataset == name)

    def dataset_balances(self, actor: Actor, name: str) -> tuple[Balance, ...]:
        """Return the budgets that all questions to a dataset are charged to: its own and its population's.

        Raises:
            NotAllowed, NotFound: as :meth:`of_dataset`.
        """
        may_see(actor)
        dataset = self._policies.datasets.get(name)
        if dataset is None:
            raise NotFound("dataset-unknown", f"There is no dataset {name!r}.")
        population = self._policies.populations[dataset.population]
        return self._ledger.balances((*dataset_lines(dataset, population), *population_lines(population)))

    def of_authorization(self, actor: Actor, name: str) -> Statement:
        """Return the statement of one authorization.

        Raises:
            NotAllowed: the role of ``actor`` does not include it.
            NotFound: there is none.
        """
        may_see(actor)
        return self._statement(self._policy(name))

    def history(
        self, actor: Actor, scopes: Sequence[str], *, before: int | None = None, limit: int = HISTORY
    ) -> tuple[Charged, ...]:
        """Return the charges to budgets, newest first.

        Args:
            actor: who looks.
            scopes: the budgets' names.
            before: only those recorded before this entry of the log.
            limit: at most so many.

        Raises:
            NotAllowed: the role of ``actor`` does not include it.
        """
        may_see(actor)
        query = (
            select(
                charge.c.request_id, charge.c.scope, charge.c.loss, charge.c.seq,
                event_index.c.at, event_index.c.actor, event_index.c.kind,
            )
            .select_from(charge.join(event_index, event_index.c.seq == charge.c.seq))
            .where(charge.c.scope.in_(scopes))
            .order_by(charge.c.seq.desc(), charge.c.scope)
            .limit(limit)
        )  # fmt: skip
        if before is not None:
            query = query.where(charge.c.seq < before)
        with self._log.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(
            Charged(
                request=row[0], scope=row[1], amount=row[2], seq=row[3], at=row[4], person=row[5], kind=row[6]
            )
            for row in rows
        )

    def _policy(self, name: str) -> AuthorizationPolicy:
        policy = self._policies.authorizations.get(name)
        if policy is None:
            raise NotFound("authorization-unknown", f"There is no authorization {name!r}.")
        return policy

    def _lines(self, policy: AuthorizationPolicy, person: str) -> tuple[BudgetLine, ...]:
        dataset, population = self._policies.dataset_of(policy), self._policies.population_of(policy)
        return budget_lines(policy, dataset, population, person=person)

    def _statement(self, policy: AuthorizationPolicy) -> Statement:
        at = self._log.now()
        with self._log.reading() as connection:
            standing = self._ledger.decided.standing(connection, policy.name)
            spenders = _spenders(connection, policy.name)
            asked = {spender.person for spender in spenders}
            raised = {scope.rpartition(":")[2] for scope in standing.raises if scope.startswith("analyst:")}
            own = [line for person in sorted(asked | raised) for line in analyst_lines(policy, person)]
            shared = [line for line in self._lines(policy, "") if not _personal(line)]
            seen = self._ledger.balances_seen(connection, [*shared, *own], at=at)
            return Statement(
                authorization=policy,
                balances=seen[: len(shared)],
                analysts=seen[len(shared) :],
                windows=self._windows(connection, policy, standing.windows, at),
                spenders=spenders,
                decisions=standing.stored,
            )

    def _windows(
        self, connection: Connection, policy: AuthorizationPolicy, windows: Sequence[Window], at: datetime
    ) -> tuple[WindowState, ...]:
        lines = [line_of(line, window) for line in window_lines(policy) for window in windows]
        seen = self._ledger.balances_seen(connection, lines, at=at)
        return tuple(
            WindowState(window=window, state=_state(window, at), balance=balance)
            for window, balance in zip(windows, seen, strict=bool(lines))
        )


def may_see(actor: Actor) -> None:
    """Return if ``actor`` may see the budgets of everybody: who decides about them, and who audits.

    Raises:
        NotAllowed: their role does not include it.
    """
    if Scope.AUDIT not in actor.scopes:
        may_decide(actor)


def _personal(line: BudgetLine) -> bool:
    return line.windowed or line.scope.startswith("analyst:")


def _state(window: Window, at: datetime) -> str:
    if window.holds(at):
        return "open"
    return "ahead" if at.date() < window.first else "over"


def _spenders(connection: Connection, authorization: str) -> tuple[Spender, ...]:
    query = (
        select(event_index.c.actor, func.count(), func.sum(charge.c.loss))
        .select_from(charge.join(event_index, event_index.c.seq == charge.c.seq))
        .where(charge.c.scope == f"authorization:{authorization}")
        .group_by(event_index.c.actor)
        .order_by(event_index.c.actor)
    )
    return tuple(
        Spender(person=person, questions=questions, picorho=int(total))
        for person, questions, total in connection.execute(query)
    )
