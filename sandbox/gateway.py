"""The straight path of one question, from its text to its answer.

What each step's result proves, in the order of the steps:

1. a ``Query`` is SQL of the accepted language; 2. a ``CheckedQuery`` is allowed to this person now;
3. a ``Plan`` has its sensitivities, noise and loss fixed; 4. a ``Charge`` is paid, with the intent in
the log, in one durable transaction; only then 5. exact cells are read, 6. noised and finished; and
7. the ``Answer`` exists only once its digest is durable in the log.

Steps 1-4 use the question and the policy alone, so a refusal tells nothing of the data. Whatever
happens after step 4, the charge stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sandbox import __version__
from sandbox.answer import Answer, Estimate, csv_bytes, table_digest
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.receipt import Receipt
from sandbox.canonical import digest, digest_of
from sandbox.errors import NotFound, Refusal, Unavailable
from sandbox.governance import accounts, catalogue
from sandbox.governance.installation import RECEIPT_KEY, RELEASE_KEY, Books, open_books
from sandbox.ledger.ledger import Balance, Ledger, budget_lines, scopes_for
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.check import CheckedQuery, check
from sandbox.policy.load import Policies, load
from sandbox.policy.roles import Actor
from sandbox.privacy.accuracy import expected_errors
from sandbox.privacy.charge import Charge
from sandbox.privacy.noise import add_noise
from sandbox.privacy.plan import Plan, make_plan
from sandbox.privacy.post import AnswerTable, finish
from sandbox.query.render import canonical, template
from sandbox.query.sql import parse
from sandbox.review.desk import Desk
from sandbox.settings import Settings
from sandbox.sources.engine import EngineFailure, Engines, extract
from sandbox.sources.snapshot import Snapshot, truncation_warning

ENGINE_SENTENCE = "The question could not be completed; its charge stands."
RECORDED_CHARACTERS = 20_000
"""How much of a refused text the log keeps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """The one that answers. Safe to call from several threads and beside other processes."""

    settings: Settings
    policies: Policies
    books: Books
    ledger: Ledger
    desk: Desk
    receipts: SigningKey
    engines: Engines

    @classmethod
    def open(cls, settings: Settings) -> Gateway:
        """Read policies and keys, open the books.

        Raises:
            StartupRefusal: anything is missing, wrong or weaker than required.
        """
        policies = load(settings.policies)
        books = open_books(settings)
        receipts = SigningKey.load(settings.keys / RECEIPT_KEY)
        desk = Desk(
            log=books.log,
            policies=policies,
            receipts=receipts.public,
            release_key=settings.keys / RELEASE_KEY,
            people=lambda name: accounts.groups_of(books.engine, name),
        )
        return cls(
            settings=settings,
            policies=policies,
            books=books,
            ledger=Ledger(books.log),
            desk=desk,
            receipts=receipts,
            engines=Engines.from_settings(settings),
        )

    def close(self) -> None:
        """Give back what questions have opened: bounded copies, and the books."""
        self.engines.close()
        self.books.engine.dispose()

    def begin_serving(self) -> None:
        """Record the start and the policies it runs on, and settle what a crash left open.

        For the one process that serves notebooks; a command at a terminal must not call it, since a
        question that is being answered at this moment would be settled too.

        Raises:
            Unavailable: the log cannot be written.
        """
        self.books.log.close_open_intents()
        self.desk.settle()
        self.books.log.append(
            Event(
                kind=Kind.GATEWAY_STARTED,
                actor="system",
                subject="gateway",
                body={"policy": self.policies.digest, "version": __version__},
            )
        )

    def ask(
        self,
        *,
        sql: str,
        authorization: str,
        epsilon: Decimal | None,
        actor: Actor,
        request_id: str | None = None,
    ) -> Answer:
        """Answer one question with noise, or refuse it; both leave their record.

        Args:
            sql: the question.
            authorization: the name of the authorization it is asked under.
            epsilon: the pure loss wished; None for the most one question may cost.
            actor: who asks, as the hub knows them now.
            request_id: charges at most once; made here where None.

        Raises:
            Refusal: with the sentence for the person who asked.
        """
        request = request_id or uuid4().hex
        with self._refusals_recorded(actor, sql=sql, authorization=authorization, request=request):
            plan = self._plan(sql=sql, authorization=authorization, epsilon=epsilon, actor=actor)
            snapshot = self._snapshot(plan.checked)
            charge = self.ledger.charge(request, plan, _intent(plan, actor, request), private=sql)
        table = self._run(plan, charge, snapshot, actor)
        return self._release_to_notebook(plan, charge, snapshot, table, actor)

    def estimate(self, *, sql: str, authorization: str, epsilon: Decimal | None, actor: Actor) -> Estimate:
        """Say what a question would cost and how exact it would be; reads no data, charges nothing.

        Raises:
            Refusal: the question would be refused.
        """
        with self._refusals_recorded(actor, sql=sql, authorization=authorization, request=uuid4().hex):
            plan = self._plan(sql=sql, authorization=authorization, epsilon=epsilon, actor=actor)
            snapshot = self._snapshot(plan.checked)
        return Estimate(
            authorization=plan.checked.authorization.name,
            dataset=plan.checked.dataset.name,
            epsilon=str(plan.epsilon),
            loss=plan.loss,
            cells=len(plan.cells),
            errors=expected_errors(plan),
            left=self.ledger.balances(scopes_for(plan.checked)),
            warnings=_warnings(plan, snapshot),
        )

    def authorizations_of(self, actor: Actor) -> tuple[AuthorizationPolicy, ...]:
        """Return the authorizations whose group ``actor`` is in, running or not, by name."""
        held = self.policies.authorizations.values()
        return tuple(sorted((a for a in held if a.group in actor.groups), key=lambda a: a.name))

    def balances(self, actor: Actor) -> tuple[Balance, ...]:
        """Return every budget that questions of ``actor`` are charged to, each once."""
        lines = {
            line.scope: line
            for authorization in self.authorizations_of(actor)
            for line in budget_lines(authorization, self.policies.population_of(authorization))
        }
        return self.ledger.balances(tuple(lines.values()))

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
        with self.books.log.writing() as transaction:
            transaction.append(
                Event(
                    kind=Kind.REQUEST_REFUSED,
                    actor=actor.name,
                    subject=what[:200],
                    decision=refusal.code,
                    body={"channel": actor.channel.value},
                )
            )

    def _plan(self, *, sql: str, authorization: str, epsilon: Decimal | None, actor: Actor) -> Plan:
        checked = check(
            parse(sql),
            policies=self.policies,
            authorization=authorization,
            actor=actor,
            now=datetime.now(UTC),
        )
        return make_plan(checked, epsilon=epsilon or checked.authorization.loss.per_query_epsilon)

    def _snapshot(self, checked: CheckedQuery) -> Snapshot:
        with self.books.engine.connect() as connection:
            return catalogue.require_active(connection, checked.dataset)

    def _run(self, plan: Plan, charge: Charge, snapshot: Snapshot, actor: Actor) -> AnswerTable:
        try:
            return finish(
                add_noise(
                    extract(
                        plan,
                        charge,
                        snapshot=snapshot,
                        engines=self.engines,
                        deadline=self.settings.query_deadline,
                    )
                )
            )
        except Exception as fault:
            with self.books.log.writing() as transaction:
                transaction.append(_outcome(plan, actor, charge, decision="failed", body={}))
            if isinstance(fault, EngineFailure):
                raise Unavailable("not-completed", ENGINE_SENTENCE) from None
            raise

    def _release_to_notebook(
        self, plan: Plan, charge: Charge, snapshot: Snapshot, table: AnswerTable, actor: Actor
    ) -> Answer:
        """Make the outcome durable, then and only then make the answer."""
        json_sha256, csv_sha256 = table_digest(table), digest(csv_bytes(table))
        issued_at = datetime.now(UTC).isoformat(timespec="microseconds")
        body = {"answer": json_sha256, "csv": csv_sha256, "snapshot": snapshot.digest}
        with self.books.log.writing() as transaction:
            seq = transaction.append(_outcome(plan, actor, charge, decision="answered", body=body))
        checked = plan.checked
        receipt = Receipt(
            answer=charge.request_id,
            author=actor.name,
            authorization=checked.authorization.name,
            dataset=checked.dataset.name,
            snapshot=snapshot.digest,
            question=digest_of(canonical(checked.query)),
            epsilon=str(plan.epsilon),
            picorho=charge.loss.picorho,
            csv_sha256=csv_sha256,
            json_sha256=json_sha256,
            seq=seq,
            issued_at=issued_at,
        )
        return Answer(
            id=charge.request_id,
            authorization=checked.authorization.name,
            dataset=checked.dataset.name,
            snapshot=snapshot.digest,
            table=table,
            aggregates=tuple(aggregate.name for aggregate in checked.query.aggregates),
            epsilon=str(plan.epsilon),
            loss=charge.loss,
            left=self.ledger.balances(scopes_for(checked)),
            warnings=_warnings(plan, snapshot),
            receipt=receipt.issue(self.receipts),
            issued_at=issued_at,
        )

    @contextmanager
    def _refusals_recorded(
        self, actor: Actor, *, sql: str, authorization: str, request: str
    ) -> Iterator[None]:
        try:
            yield
        except Unavailable:
            raise  # the books themselves cannot be written
        except Refusal as refusal:
            with self.books.log.writing() as transaction:
                transaction.append(
                    Event(
                        kind=Kind.QUESTION_REFUSED,
                        actor=actor.name,
                        subject=request,
                        authorization=_printable(authorization),
                        decision=refusal.code,
                        body={"channel": actor.channel.value, "policy": self.policies.digest},
                    ),
                    private=_printable(sql),
                )
            raise


def _intent(plan: Plan, actor: Actor, request: str) -> Event:
    checked = plan.checked
    return Event(
        kind=Kind.QUESTION_INTENT,
        actor=actor.name,
        subject=request,
        authorization=checked.authorization.name,
        dataset=checked.dataset.name,
        decision="charged",
        body={
            "channel": actor.channel.value,
            "policy": checked.policy_digest,
            "plan": plan.digest,
            "template": template(checked.query),
            "epsilon": str(plan.epsilon),
            "loss": plan.loss.picorho,
        },
    )


def _outcome(plan: Plan, actor: Actor, charge: Charge, *, decision: str, body: dict[str, str]) -> Event:
    return Event(
        kind=Kind.QUESTION_OUTCOME,
        actor=actor.name,
        subject=charge.request_id,
        authorization=plan.checked.authorization.name,
        dataset=plan.checked.dataset.name,
        decision=decision,
        body={**body, "mechanism": "discrete-laplace", "loss": charge.loss.picorho, "intent": charge.intent},
    )


def _warnings(plan: Plan, snapshot: Snapshot) -> tuple[str, ...]:
    sentence = truncation_warning(plan, snapshot)
    return (sentence,) if sentence else ()


def _printable(text: str) -> str:
    """Cut and clean what came from outside so that it can stand in a record."""
    return (
        text[:RECORDED_CHARACTERS]
        .encode("utf-8", "replace")
        .decode()
        .replace("\x00", "\N{REPLACEMENT CHARACTER}")
    )
