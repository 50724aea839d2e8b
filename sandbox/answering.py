"""A question that was made ready gets its answer: a new one that is paid for, or one given before.

The order of a new answer, which no caller can change: pay, with the intent in the log; read; add noise;
record the outcome, and in the same transaction keep the answer for whoever asks the same again; only
then make it. The order of a repeated one: record who gets it again; only then make it.

Whatever goes wrong after the payment becomes one constant refusal, and its outcome says ``failed``. What is
frozen before the outcome is recorded is not answered, and the outcome says ``withheld``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from sqlalchemy import Connection

from sandbox import freezes, records
from sandbox.answer import Answer, csv_bytes, table_digest
from sandbox.audit.group import Transaction
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.receipt import Receipt
from sandbox.canonical import digest
from sandbox.errors import NotAllowed, where
from sandbox.freezes import Freeze
from sandbox.ledger.ledger import Balance, Ledger
from sandbox.pace import Pace, not_completed, too_busy
from sandbox.privacy.charge import Charge
from sandbox.privacy.loss import Loss
from sandbox.privacy.noise import add_noise
from sandbox.privacy.post import AnswerTable, finish
from sandbox.question import Question, Request
from sandbox.recent import Recent
from sandbox.repeats import Given, Kept, Repeats, key_of
from sandbox.sources.engine import EngineFailure, Engines, extract
from sandbox.sources.snapshot import Snapshot
from sandbox.sources.truncation import truncation_warnings

KEPT_RECEIPTS = 1024
"""How many signed receipts are kept: the same claims under the same key are the same bytes."""
NOTHING = Loss(0)
log = logging.getLogger("sandbox.gateway")


class Withheld(NotAllowed):
    """A question that was charged before something was frozen is not answered; its outcome says so."""

    @classmethod
    def by(cls, freeze: Freeze) -> Withheld:
        """Return the refusal, in the freeze's own words."""
        refusal = freeze.refusal()
        return cls(refusal.code, refusal.sentence, allowed=refusal.allowed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request that may be answered."""

    request: Request
    question: Question

    @property
    def snapshot(self) -> Snapshot:
        """The copy that answers it."""
        return self.question.snapshot

    @property
    def key(self) -> str:
        """What makes another answer the same answer."""
        return key_of(self.question.plan_digest, self.snapshot.digest)

    @property
    def authorization(self) -> str:
        """Name of the authorization it is asked under."""
        return self.question.plan.checked.authorization.name

    def freeze(self, connection: Connection) -> Freeze | None:
        """Return what holds it up now."""
        return freezes.concerning(
            connection,
            person=self.request.actor.name,
            authorization=self.authorization,
            dataset=self.question.plan.checked.dataset.name,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what no answer to it counts; made of the policy and the noisy profile."""
        return truncation_warnings(self.question.plan, self.snapshot)


class Answering:
    """What answers questions with one state database and one key of receipts.

    Args:
        audit: the log.
        ledger: who pays.
        repeats: the answers given before.
        receipts: signs receipts.
        pace: says how much time is left.
        engines: what reads the copies.
    """

    def __init__(
        self,
        *,
        audit: Log,
        ledger: Ledger,
        repeats: Repeats,
        receipts: SigningKey,
        pace: Pace,
        engines: Engines,
    ) -> None:
        self._audit = audit
        self._ledger = ledger
        self._repeats = repeats
        self._receipts = receipts
        self._pace = pace
        self._engines = engines
        self._issued: Recent[Receipt, str] = Recent(KEPT_RECEIPTS)

    def fresh(self, asked: Asked) -> Answer:
        """Pay for new noise, whatever was answered before; repeats go on giving the first answer.

        Raises:
            Refusal: it cannot be paid, or was paid and not answered.
        """
        return self._new(asked, key=None)

    def answer(self, asked: Asked) -> Answer:
        """Give the answer that was given before, or pay for the first one.

        Of threads that ask the same at once, one pays and the others wait for its answer.

        Raises:
            Refusal: it cannot be paid, or was paid and not answered.
        """
        key = asked.key
        given = self._repeats.recent(key, authorization=asked.authorization)
        if given is not None:
            return self._again(asked, given)
        with self._repeats.turn(key, wait=self._pace.left(asked.request.arrived)):
            given = self._repeats.find(key, authorization=asked.authorization)
            if given is None:
                return self._new(asked, key=key)
        return self._again(asked, given)

    def _again(self, asked: Asked, given: Given) -> Answer:
        request = asked.request
        event = records.repeated(asked.question, request.actor, given.receipt, request=request.id)

        def record(transaction: Transaction) -> tuple[Balance, ...]:
            freeze = asked.freeze(transaction.connection)
            if freeze is not None:
                raise freeze.refusal()  # nothing was charged for it
            transaction.append(event)
            return self._left(transaction, asked)

        left = self._audit.write(record)
        # In the name of who asks now: the desk takes nobody's receipts from somebody else.
        receipt = replace(given.receipt, author=request.actor.name)
        return self._made(asked, given.table, receipt, left=left, cached=True)

    def _new(self, asked: Asked, *, key: str | None) -> Answer:
        if self._pace.left(asked.request.arrived) <= 0:
            raise too_busy()
        name = asked.request.id or uuid4().hex
        event = records.intent(asked.question, asked.request.actor, name)
        charge = self._ledger.charge(name, asked.question.plan, event, private=asked.request.sql)
        table = self._run(asked, charge)
        receipt, left = self._conclude(asked, charge, table, key=key)
        return self._made(asked, table, receipt, left=left, cached=False)

    def _run(self, asked: Asked, charge: Charge) -> AnswerTable:
        left = max(0.0, self._pace.left(asked.request.arrived))
        try:
            exact = extract(
                asked.question.plan, charge, snapshot=asked.snapshot, engines=self._engines, deadline=left
            )
            return finish(add_noise(exact))
        except Exception as fault:  # noqa: BLE001  # which fault it is may depend on the data
            if not isinstance(fault, EngineFailure):
                log.error("fault: %s", where(fault))  # noqa: TRY400  # its text may hold data
            self._audit.append(
                records.outcome(asked.question, asked.request.actor, charge, decision="failed")
            )
            raise not_completed() from None

    def _conclude(
        self, asked: Asked, charge: Charge, table: AnswerTable, *, key: str | None
    ) -> tuple[Receipt, tuple[Balance, ...]]:
        """Record the outcome and keep the answer under ``key``, in one transaction."""
        checked = asked.question.plan.checked
        claims = partial(
            Receipt,
            answer=charge.request_id,
            author=asked.request.actor.name,
            authorization=asked.authorization,
            dataset=checked.dataset.name,
            snapshot=asked.snapshot.digest,
            question=asked.question.digest,
            epsilon=str(asked.question.plan.epsilon),
            picorho=charge.loss.picorho,
            csv_sha256=digest(csv_bytes(table)),
            json_sha256=table_digest(table),
            issued_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        )
        kept = key and Kept.of(key, table=table, claims=claims.keywords, policy=checked.policy_digest)
        said = {
            "answer": claims.keywords["json_sha256"],
            "csv": claims.keywords["csv_sha256"],
            "snapshot": asked.snapshot.digest,
        }
        if kept:
            said["kept"] = kept.digest
        event = records.outcome(asked.question, asked.request.actor, charge, decision="answered", **said)

        withheld = records.outcome(asked.question, asked.request.actor, charge, decision="withheld")

        def record(transaction: Transaction) -> tuple[Receipt, tuple[Balance, ...]] | Freeze:
            freeze = asked.freeze(transaction.connection)
            if freeze is not None:
                transaction.append(withheld)
                return freeze
            seq = transaction.append(event)
            if kept:
                self._repeats.keep(transaction, kept, seq=seq)
            return claims(seq=seq), self._left(transaction, asked)

        recorded = self._audit.write(record)
        if isinstance(recorded, Freeze):  # raised after the commit: the outcome is to be kept
            raise Withheld.by(recorded)
        return recorded

    def _left(self, transaction: Transaction, asked: Asked) -> tuple[Balance, ...]:
        return self._ledger.balances_seen(transaction.connection, asked.question.lines, at=transaction.at)

    def _made(
        self, asked: Asked, table: AnswerTable, receipt: Receipt, *, left: tuple[Balance, ...], cached: bool
    ) -> Answer:
        return Answer(
            id=receipt.answer,
            authorization=receipt.authorization,
            dataset=receipt.dataset,
            snapshot=receipt.snapshot,
            table=table,
            aggregates=asked.question.plan.checked.query.noisy_names,
            epsilon=receipt.epsilon,
            loss=NOTHING if cached else Loss(receipt.picorho),
            left=left,
            warnings=asked.warnings,
            receipt=self._signed(receipt),
            issued_at=receipt.issued_at,
            cached=cached,
        )

    def given(self, person: str, seq: int) -> tuple[Receipt, str, bytes] | None:
        """Return the claims, the receipt and the CSV of an own answer by the place of its outcome.

        None where it is not kept any more or somebody else's. Nothing is charged: the person has it.
        """
        kept = self._repeats.at(seq)
        if kept is None or kept.receipt.author != person:
            return None
        return kept.receipt, self._signed(kept.receipt), csv_bytes(kept.table)

    def _signed(self, receipt: Receipt) -> str:
        word = self._issued.get(receipt)
        if word is None:
            word = receipt.issue(self._receipts)
            self._issued.put(receipt, word)
        return word
