"""What the log says of a question: paid, concluded, repeated or refused.

The template and the digests stand in the open; the text of a question may name a person, so it is
given to the log apart, and sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from sandbox.answer import Answer
from sandbox.audit.event import Event, Kind
from sandbox.audit.receipt import Receipt
from sandbox.errors import Refusal
from sandbox.policy.roles import Actor
from sandbox.privacy.charge import Charge
from sandbox.question import Question, Request
from sandbox.reviewed.plan import ReviewedPlan

RECORDED_CHARACTERS = 20_000
"""How much of a refused text the log keeps."""


def intent(question: Question, actor: Actor, request: str) -> Event:
    """Return the record of a question that is being paid; nothing has been read yet."""
    plan = question.plan
    return Event(
        kind=Kind.QUESTION_INTENT,
        actor=actor.name,
        subject=request,
        authorization=plan.checked.authorization.name,
        dataset=plan.checked.dataset.name,
        decision="charged",
        body={
            "channel": actor.channel.value,
            "policy": plan.checked.policy_digest,
            "plan": question.plan_digest,
            "template": question.template,
            "epsilon": str(plan.epsilon),
            "loss": plan.loss.picorho,
        },
    )


def outcome(question: Question, actor: Actor, charge: Charge, *, decision: str, **body: str) -> Event:
    """Return the record of how a paid question ended: ``answered`` with its digests, or ``failed``."""
    checked = question.plan.checked
    return Event(
        kind=Kind.QUESTION_OUTCOME,
        actor=actor.name,
        subject=charge.request_id,
        authorization=checked.authorization.name,
        dataset=checked.dataset.name,
        decision=decision,
        body={
            **body,
            "mechanism": ", ".join(question.plan.mechanisms),
            "loss": charge.loss.picorho,
            "intent": charge.intent,
        },
    )


def repeated(question: Question, actor: Actor, first: Receipt, *, request: str | None) -> Event:
    """Return the record that ``actor`` gets an answer that was given before; nothing is charged."""
    return Event(
        kind=Kind.QUESTION_REPEATED,
        actor=actor.name,
        subject=first.answer,
        authorization=first.authorization,
        dataset=first.dataset,
        decision="repeated",
        related=() if request in {None, first.answer} else (str(request),),
        body={
            "channel": actor.channel.value,
            "policy": question.plan.checked.policy_digest,
            "plan": question.plan_digest,
            "answer": first.json_sha256,
            "outcome": first.seq,
        },
    )


def reviewed_asked(plan: ReviewedPlan, actor: Actor, request: str, *, number: int, template: str) -> Event:
    """Return the record of a reviewed answer that is being counted; nothing has been read yet."""
    checked = plan.checked
    return Event(
        kind=Kind.REVIEWED_ASKED,
        actor=actor.name,
        subject=request,
        authorization=checked.authorization.name,
        dataset=checked.dataset.name,
        decision="counted",
        body={
            "channel": actor.channel.value,
            "policy": checked.policy_digest,
            "plan": plan.digest,
            "template": template,
            "number": number,
            "most": checked.authorization.reviewed_answers,
        },
    )


def reviewed_ended(
    plan: ReviewedPlan, actor: Actor, request: str, *, decision: str, **body: str | int
) -> Event:
    """Return the record of how a counted reviewed answer ended: ``filed``, ``failed`` or ``withheld``."""
    checked = plan.checked
    return Event(
        kind=Kind.REVIEWED_FILED,
        actor=actor.name,
        subject=request,
        authorization=checked.authorization.name,
        dataset=checked.dataset.name,
        decision=decision,
        body=body,
    )


def withheld(actor: Actor, answer: Answer) -> Event:
    """Return the record that an answer, recorded before a freeze, did not leave after it."""
    return Event(
        kind=Kind.ANSWER_WITHHELD,
        actor=actor.name,
        subject=answer.id,
        authorization=answer.authorization,
        dataset=answer.dataset,
        decision="withheld",
        body={"channel": actor.channel.value},
    )


def refused_question(request: Request, refusal: Refusal, *, policy: str) -> Event:
    """Return the record of a question that was refused before any charge."""
    return Event(
        kind=Kind.QUESTION_REFUSED,
        actor=request.actor.name,
        subject=request.id or uuid4().hex,
        authorization=printable(request.authorization),
        decision=refusal.code,
        body={"channel": request.actor.channel.value, "policy": policy},
    )


def refused_request(actor: Actor, refusal: Refusal, *, what: str) -> Event:
    """Return the record of an attempt that was refused before it became a question."""
    return Event(
        kind=Kind.REQUEST_REFUSED,
        actor=actor.name,
        subject=what[:200],
        decision=refusal.code,
        body={"channel": actor.channel.value},
    )


def refused_at_door(actor: str, reasons: Mapping[str, int], *, first: str) -> Event:
    """Return the record of what the door did not let pass since it told last.

    Args:
        actor: whose notebook or browser it was.
        reasons: how often for which of the door's sentences.
        first: the first request of them.
    """
    return Event(
        kind=Kind.DOOR_REFUSED,
        actor=actor,
        subject=first[:200],
        decision="refused",
        body={"count": sum(reasons.values()), "reasons": dict(sorted(reasons.items()))},
    )


def printable(text: str) -> str:
    """Cut and clean what came from outside so that it can stand in a record."""
    return (
        text[:RECORDED_CHARACTERS]
        .encode("utf-8", "replace")
        .decode()
        .replace("\x00", "\N{REPLACEMENT CHARACTER}")
    )
