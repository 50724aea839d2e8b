"""A reviewed answer on its way: counted, read, masked, signed, and filed before reviewers.

The order, which no caller can change: count it, with its record in the log; read what stands behind every
row; mask and round; sign the evidence; and in one transaction record the outcome and file the release
request. Who asked gets a :class:`Filed`, which is made of the question and the policy alone, so it would be
the same whatever the data are.

Whatever goes wrong after the count becomes the one constant refusal of a paid question; the count stands.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from sandbox import freezes, records
from sandbox.answer import csv_bytes
from sandbox.answering import Withheld
from sandbox.audit import evidence
from sandbox.audit.event import timestamp
from sandbox.audit.group import Transaction
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.canonical import Canonical, digest
from sandbox.errors import Conflict, OverBudget, where
from sandbox.freezes import Freeze
from sandbox.pace import Pace, not_completed, too_busy
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor
from sandbox.query.render import template
from sandbox.review import reviewed
from sandbox.review.reviewed import Answered
from sandbox.reviewed.evidence import claims_of
from sandbox.reviewed.plan import ReviewedPlan
from sandbox.reviewed.read import read_behind
from sandbox.reviewed.rules import Rules
from sandbox.reviewed.suppress import masks_of
from sandbox.reviewed.table import table_of, uses_of
from sandbox.sources.engine import EngineFailure, Engines
from sandbox.sources.snapshot import Snapshot
from sandbox.store import engine as store
from sandbox.store import tables

SENTENCE = (
    "The answer was filed for review. Its numbers are shown to its reviewers, and to you once it is released."
)
_KNOWN = (
    "SELECT 1 FROM reviewed_answer WHERE id = ? UNION ALL SELECT 1 FROM charge WHERE request_id = ? "
    "UNION ALL SELECT 1 FROM release_request WHERE id = ?"
)
_COUNT = 'SELECT count(*) FROM reviewed_answer WHERE "authorization" = ?'
_COUNTED = store.insert_sql(tables.reviewed_answer)
log = logging.getLogger("sandbox.gateway")


@dataclass(frozen=True, kw_only=True, slots=True)
class Filing:
    """One reviewed answer as it is asked for."""

    id: str
    """Of the question, and of the release request."""
    sql: str
    purpose: str
    """What the table is for; the reviewers read it."""
    actor: Actor
    plan: ReviewedPlan
    snapshot: Snapshot
    arrived: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Filed:
    """What is told to whoever asked: nothing that follows from the data."""

    id: str
    authorization: str
    dataset: str
    columns: tuple[str, ...]
    rows: int
    """Of the table; every public group has one."""
    number: int
    """Which reviewed answer of the authorization it is, from 1."""
    most: int
    """How many the authorization opens in all."""

    def to_document(self) -> dict[str, Any]:
        """Return the JSON-able form that the notebook's client reads."""
        return {
            "mode": "reviewed",
            "id": self.id,
            "authorization": self.authorization,
            "dataset": self.dataset,
            "columns": list(self.columns),
            "rows": self.rows,
            "reviewed_answers_left": self.most - self.number,
            "sentence": SENTENCE,
        }


class Reviewing:
    """What files reviewed answers with one state database and one key of receipts.

    Args:
        audit: the log.
        policies: rules of review.
        receipts: signs evidence.
        pace: says how much time is left.
        engines: what reads the copies.
    """

    def __init__(
        self, *, audit: Log, policies: Policies, receipts: SigningKey, pace: Pace, engines: Engines
    ) -> None:
        self._audit = audit
        self._policies = policies
        self._receipts = receipts
        self._pace = pace
        self._engines = engines

    def file(self, filing: Filing) -> Filed:
        """File an exact answer as a release request.

        Raises:
            OverBudget: the authorization opens no more of them.
            Conflict: the id was used before.
            Refusal: something is frozen, or it was counted and not completed.
        """
        if self._pace.left(filing.arrived) <= 0:
            raise too_busy()
        number, seq = self._count(filing)
        try:
            content, claims = self._compute(filing)
        except Exception as fault:  # noqa: BLE001  # which fault it is may depend on the data
            self._fail(filing, fault)
            raise not_completed() from None
        self._conclude(filing, content, claims, seq=seq)
        plan = filing.plan
        return Filed(
            id=filing.id,
            authorization=plan.checked.authorization.name,
            dataset=plan.checked.dataset.name,
            columns=tuple(column.name for column in plan.columns),
            rows=len(plan.rows),
            number=number,
            most=plan.checked.authorization.reviewed_answers,
        )

    def rules(self, plan: ReviewedPlan) -> Rules:
        """Return the rules that the grade of the data and the policy of review set."""
        review = self._policies.review
        grade = self._policies.grade_of(plan.checked.authorization)
        return Rules(
            min_units=max(review.min_cell, grade.min_group),
            round_to=review.round_to,
            significant_digits=review.significant_digits,
        )

    def _count(self, filing: Filing) -> tuple[int, int]:
        """Take the next number of the authorization; return it, and the entry that says so."""
        plan, granted = filing.plan, filing.plan.checked.authorization

        def count(tx: Transaction) -> tuple[int, int]:
            if store.run(tx.connection, _KNOWN, (filing.id,) * 3).fetchone() is not None:
                raise Conflict(
                    "already-asked",
                    "Something with this request id was asked before.",
                    allowed="Ask again under a new request id.",
                )
            freeze = self._freeze(tx, filing)
            if freeze is not None:
                raise freeze.refusal()
            row = store.run(tx.connection, _COUNT, (granted.name,)).fetchone()
            number = (row[0] if row else 0) + 1
            if number > granted.reviewed_answers:
                raise OverBudget(
                    "reviewed-used-up",
                    f"The authorization {granted.name} opens {granted.reviewed_answers} reviewed answers, "
                    "and all of them have been asked for.",
                    allowed="Ask with noise: leave mode out.",
                )
            event = records.reviewed_asked(
                plan, filing.actor, filing.id, number=number, template=template(plan.checked.query)
            )
            seq = tx.append(event, private=filing.sql)
            store.run(tx.connection, _COUNTED, (granted.name, number, filing.id, seq))
            return number, seq

        return self._audit.write(count)

    def _compute(self, filing: Filing) -> tuple[bytes, dict[str, Canonical]]:
        plan, rules = filing.plan, self.rules(filing.plan)
        left = max(0.0, self._pace.left(filing.arrived))
        found = read_behind(plan, snapshot=filing.snapshot, engines=self._engines, deadline=left)
        masks = masks_of(found, uses_of(plan), rules)
        content = csv_bytes(table_of(plan, found, masks, rules))
        return content, claims_of(plan, found, masks, rules=rules, snapshot=filing.snapshot)

    def _conclude(self, filing: Filing, content: bytes, claims: dict[str, Canonical], *, seq: int) -> None:
        """Sign the evidence, and record the outcome and file the request in one transaction."""
        plan = filing.plan

        def conclude(tx: Transaction) -> Freeze | None:
            freeze = self._freeze(tx, filing)
            if freeze is not None:
                tx.append(
                    records.reviewed_ended(plan, filing.actor, filing.id, decision="withheld", intent=seq)
                )
                return freeze
            about: dict[str, Canonical] = {
                "answer": filing.id,
                "author": filing.actor.name,
                "csv_sha256": digest(content),
                "seq": seq,
                "issued_at": timestamp(tx.at),
            }
            signed = evidence.sign({**claims, **about}, self._receipts)
            ended = records.reviewed_ended(
                plan,
                filing.actor,
                filing.id,
                decision="filed",
                intent=seq,
                evidence=digest(signed),
                snapshot=filing.snapshot.digest,
            )
            tx.append(ended)
            answered = Answered(
                id=filing.id,
                author=filing.actor.name,
                purpose=filing.purpose,
                content=content,
                evidence=signed,
            )
            reviewed.file(
                tx,
                answered,
                policies=self._policies,
                authorization=plan.checked.authorization,
                key=self._receipts.public,
            )
            return None

        freeze = self._audit.write(conclude)
        if freeze is not None:  # raised after the commit: the outcome is to be kept
            raise Withheld.by(freeze)

    def _fail(self, filing: Filing, fault: Exception) -> None:
        if not isinstance(fault, EngineFailure):
            log.error("fault: %s", where(fault))
        self._audit.append(records.reviewed_ended(filing.plan, filing.actor, filing.id, decision="failed"))

    def _freeze(self, tx: Transaction, filing: Filing) -> Freeze | None:
        checked = filing.plan.checked
        return freezes.concerning(
            tx.connection,
            person=filing.actor.name,
            authorization=checked.authorization.name,
            dataset=checked.dataset.name,
        )
