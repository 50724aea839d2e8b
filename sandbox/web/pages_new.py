"""The analyst's page for a new export: files, what they are, and what the checks would say now.

Nothing of the files is stored until they are handed in: those that were sent travel with the page. The
checks are those that run when they are handed in, in the same throw-away process; that somebody asked for
them is on record, and they can be had as often as from a notebook.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.audit.event import Kind
from sandbox.errors import Malformed, Refusal, Unavailable
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.review import rehearsal
from sandbox.review.request import unknown_request
from sandbox.review.submission import MOST_FILES, Submission
from sandbox.review.view import ReleaseView
from sandbox.web import mending
from sandbox.web.bodies import NewExport
from sandbox.web.languages import said, translatable
from sandbox.web.mending import Fix
from sandbox.web.render import page, segment
from sandbox.web.route import Call, Reply, redirect

CONTEXT: Final = {
    "title": translatable("Title"),
    "population": translatable("Population"),
    "n": translatable("Persons in it (n)"),
    "variables": translatable("Variables and their meaning"),
    "control": translatable("Disclosure control applied"),
    "related": translatable("Related earlier releases"),
}
"""What an author says about each file, by the form's fields."""
ANSWERS: Final = 30
"""Own answers that are offered, the newest first."""
SMALL_FILES: Final = 5 * 1024 * 1024
"""Bytes of all files together: with base64 around them they still fit a request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One file that is about to be handed in."""

    name: str
    content: bytes
    context: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnAnswer:
    """An answer of the person's that may leave as it is, with its receipt."""

    id: str
    at: str
    template: str
    authorization: str
    file: str
    receipt: str
    content: bytes


def form(call: Call) -> Reply:
    """Show the empty form; ``?answer=`` chooses an own answer."""
    chosen = [call.query["answer"]] if "answer" in call.query else []
    return _page(call, NewExport(answer=chosen), [], own_answers(call))


def round_form(call: Call) -> Reply:
    """Show the form of another round, with the files as they were seen in this one."""
    view = call.gateway.desk.show(call.actor, call.params["id"])
    if view.author != call.actor.name:
        raise unknown_request()
    items = [
        Item(
            name=file.name,
            content=call.gateway.desk.open_file(call.actor, view.id, file.name),
            context=_nothing(),
        )
        for file in view.files
        if file.stored.size
    ]
    draft = NewExport(
        authorization=view.request.authorization, purpose=view.request.purpose, row_version=view.row_version
    )
    return _page(call, draft, items, own_answers(call))


def post(call: Call) -> Reply:
    """Check what was sent, mend a file, or hand everything in."""
    draft, answers = call.read(NewExport), own_answers(call)
    items = _items(call, draft, answers)
    receipts = [one.receipt for one in answers if one.id in draft.answer]
    try:
        if sum(len(item.content) for item in items) > SMALL_FILES or len(items) > MOST_FILES:
            raise Malformed(
                "files-too-many",
                "The files are too many or too large for the console.",
                allowed="Hand them in from your notebook, or leave some out.",
            )
        if draft.do == "submit":
            return redirect(f"/releases/{segment(_handed_in(call, draft, items, receipts).id)}")
        checked = rehearsal.check(
            call.gateway.desk,
            call.gateway.books.log,
            call.actor,
            authorization=draft.authorization,
            purpose=_purpose(call, draft, items),
            files={item.name: item.content for item in items},
            receipts=receipts,
        ).submission
    except Unavailable:
        raise
    except Refusal as refusal:
        return _page(call, draft, items, answers, refusal=refusal)
    return _page(call, draft, items, answers, checked=checked)


def _purpose(call: Call, draft: NewExport, items: list[Item]) -> str:
    """Return the purpose with what was said of each file below it: votes are bound to all of it."""
    say = said(call.language)
    told = [
        "\n".join(
            [item.name, *(f"- {say(CONTEXT[key])}: {text}" for key, text in item.context.items() if text)]
        )
        for item in items
        if any(item.context.values())
    ]
    return "\n\n".join([draft.purpose, *told])


def _handed_in(call: Call, draft: NewExport, items: list[Item], receipts: list[str]) -> ReleaseView:
    files = {item.name: item.content for item in items}
    if "id" in call.params:
        return call.gateway.desk.resubmit(
            call.actor,
            call.params["id"],
            row_version=draft.row_version,
            files=files,
            receipts=receipts,
            purpose=_purpose(call, draft, items),
        )
    return call.gateway.desk.submit(
        call.actor,
        authorization=draft.authorization,
        purpose=_purpose(call, draft, items),
        files=files,
        receipts=receipts,
        once=draft.once,
    )


def own_answers(call: Call) -> list[OwnAnswer]:
    """Return the person's newest answers that are still kept."""
    outcomes = call.gateway.books.log.search(
        actor=call.actor.name, kind=Kind.QUESTION_OUTCOME.value, limit=ANSWERS
    )
    found = []
    for entry in outcomes:
        given = call.gateway.answering.given(call.actor.name, entry.seq)
        if given is not None:
            claims, receipt, content = given
            found.append(
                OwnAnswer(
                    id=claims.answer,
                    at=entry.at,
                    template=_template(call, claims.answer),
                    authorization=claims.authorization,
                    file=f"answer-{claims.answer[:8]}.csv",
                    receipt=receipt,
                    content=content,
                )
            )
    return found


def _template(call: Call, answer: str) -> str:
    return next(
        (
            str(entry.event["body"].get("template", ""))
            for entry in call.gateway.books.log.story(answer)
            if entry.event["kind"] == Kind.QUESTION_INTENT
        ),
        "",
    )


def _items(call: Call, draft: NewExport, answers: list[OwnAnswer]) -> list[Item]:
    """Return the files that the form carries: those sent before, new ones, and chosen answers."""
    lists = {name: getattr(draft, name) for name in CONTEXT}
    if any(len(values) != len(draft.name) for values in (draft.content, *lists.values())):
        raise Malformed("form-malformed", "The form's lists of files do not fit together.")
    items = [
        Item(name=name, content=content, context={field: lists[field][place] for field in CONTEXT})
        for place, (name, content) in enumerate(zip(draft.name, draft.content, strict=True))
    ]
    items = [_mended(call, item, draft.do, place) for place, item in enumerate(items)]
    kept = [item for place, item in enumerate(items) if str(place) not in draft.without]
    sent = [Item(name=one.name, content=one.content, context=_nothing()) for one in draft.uploads]
    chosen = [
        Item(name=one.file, content=one.content, context=_nothing())
        for one in answers
        if one.id in draft.answer
    ]
    # What comes later under a name that is there already is the corrected file.
    return list({item.name: item for item in (*chosen, *kept, *sent)}.values())


def _nothing() -> dict[str, str]:
    return dict.fromkeys(CONTEXT, "")


def _mended(call: Call, item: Item, do: str, place: int) -> Item:
    kind, _, rest = do.partition(" ")
    number, _, fix = rest.partition(" ")
    if kind != "mend" or number != str(place):
        return item
    return replace(item, content=mending.mend(item.content, fix, call.gateway.policies.review))


def _page(
    call: Call,
    draft: NewExport,
    items: list[Item],
    answers: list[OwnAnswer],
    *,
    checked: Submission | None = None,
    refusal: Refusal | None = None,
) -> Reply:
    found = {file.name: file for file in checked.screened} if checked else {}
    documents = {name: file.to_document() for name, file in found.items()}
    # The canonical table is what a fix changes; what was sent may be in another encoding.
    shown = [
        replace(item, content=found[item.name].canonical)
        if item.name in found and found[item.name].kind == "table"
        else item
        for item in items
    ]
    return page(
        call,
        "new.html",
        http_status=refusal.status if refusal else 200,
        draft=draft,
        once=draft.once or secrets.token_hex(16),
        again=call.params.get("id", ""),
        context=CONTEXT,
        items=shown,
        checked=documents if checked else None,
        whole=checked.report.to_document() if checked else [],
        fixes={item.name: _fixes(call, item, documents) for item in shown},
        answers=answers,
        authorizations=[one for one in call.gateway.authorizations_of(call.actor) if _runs(one)],
        refusal=refusal,
        risk=checked.risk if checked else "",
        quorum=checked.quorum if checked else 0,
        ready=bool(checked) and all(file.verdict != "refuse" for file in found.values()),
    )


def _runs(authorization: AuthorizationPolicy) -> bool:
    return authorization.term.start <= datetime.now(UTC) < authorization.term.end


def _fixes(call: Call, item: Item, documents: dict[str, Any]) -> list[Fix]:
    document = documents.get(item.name)
    if document is None or document["kind"] != "table":
        return []
    return mending.offered(document["findings"], call.gateway.policies.review, item.content)
