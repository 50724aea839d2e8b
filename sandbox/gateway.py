"""The straight path of one question, from its text to its answer.

What each step's result proves, in the order of the steps:

1. a ``Query`` is SQL of the accepted language; 2. a ``CheckedQuery`` is allowed to this person now;
3. a ``Plan`` has its sensitivities, noise and loss fixed; 4. a ``Charge`` is paid, with the intent in
the log, in one durable transaction; only then 5. exact cells are read, 6. noised and finished; and
7. the ``Answer`` exists only once its digest is durable in the log. 8. It leaves at an edge of the grid
of :mod:`sandbox.pace`, as every refusal does. Whether something is frozen is looked at in the transactions
of 4 and 7, and once more at 8, because an answer may be held back for seconds.

Steps 1-4 use the question and the policy alone, so a refusal tells nothing of the data. Whatever
happens after step 4, the charge stands, and every failure is the same constant refusal.

Where the same question was answered before under the same authorization, policies and snapshot, steps
4-6 are left out: that answer is given again, number for number, and costs nothing. Steps 1-3 are made
for whoever asks now, and the record that they get it is durable before they do. Who asks for a
``fresh`` answer pays for new noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from secrets import token_hex
from typing import Any, TypeVar

from sandbox import __version__, freezes, records
from sandbox.answer import Answer, Estimate
from sandbox.answering import Answering, Asked, Withheld
from sandbox.audit.event import Event, Kind
from sandbox.audit.explore.explorer import Explorer
from sandbox.audit.keys import SigningKey
from sandbox.audit.looks import Looks
from sandbox.audit.verification import Verification
from sandbox.errors import NotFound, Refusal, Unavailable
from sandbox.governance import accounts, catalogue
from sandbox.governance.installation import RECEIPT_KEY, RELEASE_KEY, Books, open_books
from sandbox.ledger.budgets import Budgets
from sandbox.ledger.ledger import Balance, Ledger
from sandbox.pace import Pace
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.load import Policies, load, load_notifications
from sandbox.policy.roles import Actor
from sandbox.privacy.accuracy import expected_errors
from sandbox.question import Questions, Request, Wish
from sandbox.repeats import Repeats
from sandbox.review.desk import Desk
from sandbox.review.screen.isolate import Cage, in_bubblewrap
from sandbox.review.screen.remote import RemoteCage
from sandbox.review.submission import checked_purpose
from sandbox.reviewing import Filed, Filing, Reviewing
from sandbox.settings import Settings
from sandbox.sources.engine import Engines
from sandbox.sources.snapshot import Snapshot

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """The one that answers. Safe to call from several threads and beside other processes."""

    settings: Settings
    policies: Policies
    books: Books
    ledger: Ledger
    budgets: Budgets
    desk: Desk
    questions: Questions
    repeats: Repeats
    answering: Answering
    reviewing: Reviewing
    pace: Pace
    engines: Engines
    explorer: Explorer
    verification: Verification
    looks: Looks

    @classmethod
    def open(cls, settings: Settings, *, pace: Pace | None = None) -> Gateway:
        """Read policies and keys, open the books.

        Args:
            settings: where everything is.
            pace: the grid of moments; the settings' own where None, and only tests pass another.

        Raises:
            StartupRefusal: anything is missing, wrong or weaker than required.
        """
        policies, pace = load(settings.policies), pace or Pace.of(settings)
        books = open_books(settings)
        receipts = SigningKey.load(settings.keys / RECEIPT_KEY)
        desk = Desk(
            log=books.log,
            policies=policies,
            receipts=receipts.public,
            release_key=settings.keys / RELEASE_KEY,
            people=lambda: accounts.groups_by_name(
                books.engine,
                trained_on=books.clock().date().isoformat() if policies.review.training else "",
            ),
            review_time=timedelta(hours=load_notifications(settings.policies).review_hours),
            cage=cage_of(settings),
            clock=books.clock,
        )
        ledger, repeats = Ledger(books.log), Repeats(books.engine)
        engines = Engines.from_settings(settings)
        return cls(
            settings=settings,
            policies=policies,
            books=books,
            ledger=ledger,
            budgets=Budgets(policies, log=books.log, ledger=ledger),
            desk=desk,
            questions=Questions(policies),
            repeats=repeats,
            answering=Answering(
                audit=books.log, ledger=ledger, repeats=repeats, receipts=receipts, pace=pace, engines=engines
            ),
            reviewing=Reviewing(
                audit=books.log, policies=policies, receipts=receipts, pace=pace, engines=engines
            ),
            pace=pace,
            engines=engines,
            explorer=Explorer(books.log, settings.search_file),
            verification=Verification(books.log),
            looks=Looks(books.log),
        )

    def close(self) -> None:
        """Give back what questions have opened: bounded copies, and the books."""
        self.engines.close()
        self.books.close()

    def begin_serving(self) -> None:
        """Record the start and the policies it runs on, and settle what a crash left open.

        For the one process that serves notebooks; a command at a terminal must not call it, since a
        question that is being answered at this moment would be settled too.

        Raises:
            Unavailable: the log cannot be written.
            StartupRefusal: the engine of a dataset cannot start.
        """
        self.engines.prepare(dataset.engine for dataset in self.policies.datasets.values())
        self.books.log.close_open_intents()
        self.desk.settle()
        body = {"policy": self.policies.digest, "version": __version__}
        started = Event(kind=Kind.GATEWAY_STARTED, actor="system", subject="gateway", body=body)
        with self.books.log.writing() as transaction:
            self.repeats.forget(transaction, policy=self.policies.digest)
            transaction.append(started)

    def ask(
        self,
        *,
        sql: str,
        authorization: str,
        epsilon: Decimal | None,
        actor: Actor,
        target_error: Decimal | None = None,
        request_id: str | None = None,
        fresh: bool = False,
        arrived: float | None = None,
    ) -> Answer:
        """Answer one question with noise, or refuse it; both leave their record, and both at an edge.

        Args:
            sql: the question.
            authorization: the name of the authorization it is asked under.
            epsilon: the loss wished; None for the most one question may cost.
            actor: who asks, as the hub knows them now.
            target_error: half the width that every 95 % interval should have at most; the smallest
                epsilon that predicts it is spent, instead of one that is named.
            request_id: charges at most once; made here where None.
            fresh: pay for new noise, even where the question was answered before.
            arrived: when the request came, in monotonic seconds; now where None.

        Raises:
            Refusal: with the sentence for the person who asked.
        """
        request = Request(
            sql=sql,
            authorization=authorization,
            wish=Wish(epsilon=epsilon, target_error=target_error),
            actor=actor,
            arrived=self.pace.now() if arrived is None else arrived,
            id=request_id,
        )
        answer = self.answering.fresh if fresh else self.answering.answer
        work = partial(self._with, request, answer)
        made = self.pace.run(work, arrived=request.arrived, early=lambda answer: answer.cached)
        self._leaves(actor, made)
        return made

    def file_reviewed(
        self,
        *,
        sql: str,
        authorization: str,
        purpose: str,
        actor: Actor,
        request_id: str | None = None,
        arrived: float | None = None,
    ) -> Filed:
        """File an exact answer as a release request, or refuse it; both leave their record, at an edge.

        Args:
            sql: the question.
            authorization: under which it is asked.
            purpose: what the table is for; its reviewers read it.
            actor: who asks.
            request_id: the caller's own id of it; counted at most once.
            arrived: when the request came, by the pace's clock; now where None.

        Raises:
            Refusal: it is not allowed, all reviewed answers are used up, or it was not completed.
        """
        request = Request(
            sql=sql,
            authorization=authorization,
            wish=Wish(),
            actor=actor,
            arrived=self.pace.now() if arrived is None else arrived,
            id=request_id or token_hex(8),
        )
        work = partial(self._filed, request, purpose)
        return self.pace.run(work, arrived=request.arrived, early=lambda _: False)

    def estimate(
        self,
        *,
        sql: str,
        authorization: str,
        epsilon: Decimal | None,
        actor: Actor,
        target_error: Decimal | None = None,
        arrived: float | None = None,
    ) -> Estimate:
        """Say what a question would cost and how exact it would be; reads no data, charges nothing.

        Raises:
            Refusal: the question would be refused.
        """
        request = Request(
            sql=sql,
            authorization=authorization,
            wish=Wish(epsilon=epsilon, target_error=target_error),
            actor=actor,
            arrived=self.pace.now() if arrived is None else arrived,
        )
        work = partial(self._with, request, self._estimated)
        return self.pace.run(work, arrived=request.arrived, early=lambda _: False)

    def authorizations_of(self, actor: Actor) -> tuple[AuthorizationPolicy, ...]:
        """Return the authorizations whose group ``actor`` is in, running or not, by name."""
        held = self.policies.authorizations.values()
        return tuple(sorted((a for a in held if a.group in actor.groups), key=lambda a: a.name))

    def balances(self, actor: Actor) -> tuple[Balance, ...]:
        """Return every budget that questions of ``actor`` are charged to, each once."""
        return self.budgets.of_person(actor.name, self.authorizations_of(actor))

    def catalogue(self, actor: Actor) -> list[dict[str, Any]]:
        """Describe what the authorizations of ``actor`` open: metadata only, never a row."""
        return [
            catalogue.authorization_document(authorization, self.policies.datasets[authorization.dataset])
            for authorization in self.authorizations_of(actor)
        ]

    def dummy(self, actor: Actor, *, authorization: str, table: str, rows: int, seed: int) -> dict[str, Any]:
        """Return made-up rows of a table that an authorization of ``actor`` opens; reads no data, free.

        Raises:
            NotFound: ``actor`` holds no such authorization, or it opens no such table.
        """
        held = {one.name: one for one in self.authorizations_of(actor)}.get(authorization)
        if held is None:
            raise NotFound(
                "authorization-not-held",
                "You hold no authorization of this name.",
                allowed="Name one of your groups' authorizations; a data steward adds people to a group.",
            )
        dataset = self.policies.datasets[held.dataset]
        return catalogue.dummy_document(held, dataset, table, rows=rows, seed=seed)

    def refused(self, actor: Actor, *, what: str, refusal: Refusal) -> None:
        """Record an attempt that was refused before it became a question.

        Raises:
            Unavailable: the record cannot be written; then nothing may be answered either.
        """
        self.books.log.append(records.refused_request(actor, refusal, what=what))

    def refused_at_door(self, actor: str, reasons: Mapping[str, int], *, first: str) -> None:
        """Record what the door did not let pass.

        Raises:
            Unavailable: the record cannot be written.
        """
        self.books.log.append(records.refused_at_door(actor, reasons, first=first))

    def _filed(self, request: Request, purpose: str) -> Filed:
        try:
            plan, snapshot = self.questions.reviewed(request, now=self.books.clock(), copies=self._copy)
            filing = Filing(
                id=str(request.id),
                sql=request.sql,
                purpose=checked_purpose(purpose),
                actor=request.actor,
                plan=plan,
                snapshot=snapshot,
                arrived=request.arrived,
            )
            return self.reviewing.file(filing)
        except (Unavailable, Withheld):
            raise  # the books themselves cannot be written, or the outcome is recorded already
        except Refusal as refusal:
            event = records.refused_question(request, refusal, policy=self.policies.digest)
            self.books.log.append(event, private=records.printable(request.sql))
            raise

    def _with(self, request: Request, use: Callable[[Asked], T]) -> T:
        """Make a question ready and use it; record its refusal, of either."""
        try:
            question = self.questions.ready(request, now=self.books.clock(), copies=self._copy)
            return use(Asked(request=request, question=question))
        except (Unavailable, Withheld):
            raise  # the books themselves cannot be written, or the outcome is recorded already
        except Refusal as refusal:
            event = records.refused_question(request, refusal, policy=self.policies.digest)
            self.books.log.append(event, private=records.printable(request.sql))
            raise

    def _leaves(self, actor: Actor, answer: Answer) -> None:
        """Look once more whether somebody froze what the answer is about while it was held back."""
        with self.books.log.reading() as connection:
            freeze = freezes.concerning(
                connection, person=actor.name, authorization=answer.authorization, dataset=answer.dataset
            )
        if freeze is not None:
            self.books.log.append(records.withheld(actor, answer))
            raise Withheld.by(freeze)

    def _copy(self, dataset: str, shape: str) -> Snapshot:
        return catalogue.active(self.books.engine, dataset, shape=shape)

    def _estimated(self, asked: Asked) -> Estimate:
        plan = asked.question.plan
        with self.books.log.reading() as connection:
            freeze = asked.freeze(connection)
        if freeze is not None:
            raise freeze.refusal()
        known = self.repeats.find(asked.key, authorization=asked.authorization)
        return Estimate(
            authorization=asked.authorization,
            dataset=plan.checked.dataset.name,
            epsilon=str(plan.epsilon),
            loss=plan.loss,
            cells=len(plan.cells),
            errors=expected_errors(plan),
            left=self.ledger.balances(asked.question.lines),
            warnings=asked.warnings,
            cached=known is not None,
        )


def cage_of(settings: Settings) -> Cage:
    """Return what makes the throw-away process in which a file is read."""
    return RemoteCage(settings.starter_socket) if settings.isolation == "starter" else in_bubblewrap
