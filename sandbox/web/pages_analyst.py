"""The analyst's pages: own budgets and questions, own releases, the download."""

from __future__ import annotations

from typing import Any

from sandbox.answer import balance_document
from sandbox.audit.event import Kind
from sandbox.audit.reading import Entry
from sandbox.review.package import public_word
from sandbox.review.status import TRANSITIONS, Status
from sandbox.web.bodies import Withdrawal
from sandbox.web.render import page
from sandbox.web.route import Call, Reply, download, redirect
from sandbox.web.words import stage

HISTORY = 50
"""Questions shown on one page."""


def account(call: Call) -> Reply:
    """Show the budgets that the person's questions are charged to, and the questions."""
    before = call.query.get("before", "")
    intents = call.gateway.books.log.search(
        actor=call.actor.name,
        kind=Kind.QUESTION_INTENT.value,
        before=int(before) if before.isascii() and before.isdigit() else None,
        limit=HISTORY,
    )
    return page(
        call,
        "account.html",
        balances=[balance_document(balance) for balance in call.gateway.balances(call.actor)],
        questions=[_question(call, intent) for intent in intents],
        before=intents[-1].seq if len(intents) == HISTORY else None,
    )


def releases(call: Call) -> Reply:
    """List the person's release requests."""
    views = [view.to_document() for view in call.gateway.desk.mine(call.actor)]
    return page(call, "releases.html", releases=[{**view, "stage": stage(view["status"])} for view in views])


def release(call: Call) -> Reply:
    """Show one release request with its findings and its way so far."""
    log = call.gateway.books.log
    view = call.gateway.desk.show(call.actor, call.params["id"]).to_document()
    return page(
        call,
        "release.html",
        release=view,
        stage=stage(view["status"]),
        downloadable=Status(view["status"]) is Status.RELEASED,
        withdrawable=(Status(view["status"]), Status.WITHDRAWN) in TRANSITIONS,
        release_key=public_word(call.gateway.desk.release_key),
        log_key=log.key.note_text(log.origin),
    )


def package(call: Call) -> Reply:
    """Hand out the released package; counted and recorded by the desk."""
    name, data = call.gateway.desk.download(call.actor, call.params["id"])
    return download(name=name, data=data)


def withdraw(call: Call) -> Reply:
    """Take a request back."""
    version = call.read(Withdrawal).row_version
    call.gateway.desk.withdraw(call.actor, call.params["id"], row_version=version)
    return redirect("/releases")


def _question(call: Call, intent: Entry) -> dict[str, Any]:
    outcomes = [
        entry.event["decision"]
        for entry in call.gateway.books.log.story(intent.event["subject"])
        if entry.event["kind"] == Kind.QUESTION_OUTCOME
    ]
    body = intent.event["body"]
    return {
        "at": intent.at,
        "id": intent.event["subject"],
        "authorization": intent.event["authorization"],
        "template": body.get("template", ""),
        "epsilon": body.get("epsilon", ""),
        "loss": body.get("loss", 0),
        "outcome": outcomes[-1] if outcomes else "running",
    }
