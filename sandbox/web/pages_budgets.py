"""Budgets as people look at them: the analyst's own, and for who decides all of a dataset's.

Nothing here changes a budget: a decision is signed with its maker's own key, at a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.audit.event import Kind
from sandbox.audit.reading import Entry
from sandbox.errors import Malformed
from sandbox.ledger.books import CHARGED
from sandbox.ledger.ledger import Balance
from sandbox.ledger.scopes import is_delta, spoken
from sandbox.policy.roles import Scope
from sandbox.privacy.loss import Loss
from sandbox.statements import balance_document, charged_document, statement_document
from sandbox.web.api import json_reply
from sandbox.web.render import page
from sandbox.web.route import Call, Reply

HISTORY = 50
"""Questions shown on one page."""
MORE = 10
"""How many more questions of a kind are reckoned where the page's form says nothing."""
MOST_MORE = 10_000
MOST_ENTRIES = 2**62
"""Larger than any place in the log; the database's integers end at 2**63."""
_WHOLE = re.compile(r"[0-9]{1,19}")


def account(call: Call) -> Reply:
    """Show the person's budgets and questions, and what more of them would cost."""
    more = _number(call, "more", most=MOST_MORE, default=MORE)
    intents = _intents(call)
    balances = _balances_by_authorization(call)
    return page(
        call,
        "account.html",
        balances=[balance_document(balance) for balance in call.gateway.balances(call.actor)],
        questions=[_question(call, intent) for intent in intents],
        kinds=_kinds(intents, balances, more),
        more=more,
        before=intents[-1].seq if len(intents) == HISTORY else None,
    )


def questions(call: Call) -> Reply:
    """List the person's own charged questions, as a document."""
    return json_reply({"questions": [_question(call, intent) for intent in _intents(call)]})


def overview(call: Call) -> Reply:
    """List the datasets, with the budgets that all their authorizations share."""
    datasets = [
        {
            "name": dataset.name,
            "title": dataset.title,
            "owner": dataset.owner,
            "authorizations": sum(
                policy.dataset == dataset.name for policy in call.gateway.policies.authorizations.values()
            ),
            "balances": [
                balance_document(balance)
                for balance in call.gateway.budgets.dataset_balances(call.actor, dataset.name)
            ],
        }
        for dataset in sorted(call.gateway.policies.datasets.values(), key=lambda one: one.name)
    ]
    return page(call, "budgets.html", datasets=datasets)


def dataset(call: Call) -> Reply:
    """Show all authorizations of a dataset: spent, left, who asked how often, windows, decisions."""
    name = call.params["dataset"]
    statements = call.gateway.budgets.of_dataset(call.actor, name)
    charges = call.gateway.budgets.history(
        call.actor,
        # One line for each question: whatever is charged under an authorization is charged to it.
        [f"authorization:{statement.authorization.name}" for statement in statements],
        before=_number(call, "before", most=MOST_ENTRIES, default=None),
    )
    return page(
        call,
        "budget.html",
        dataset=call.gateway.policies.datasets[name],
        balances=[
            balance_document(balance) for balance in call.gateway.budgets.dataset_balances(call.actor, name)
        ],
        statements=[statement_document(statement) for statement in statements],
        charges=[charged_document(charge) for charge in charges],
        before=charges[-1].seq if len(charges) == HISTORY else None,
        may_audit=Scope.AUDIT in call.actor.scopes,
    )


def document(call: Call) -> Reply:
    """Hand out what :func:`dataset` shows, as a document."""
    name = call.params["dataset"]
    budgets = call.gateway.budgets
    return json_reply(
        {
            "dataset": name,
            "balances": [balance_document(balance) for balance in budgets.dataset_balances(call.actor, name)],
            "authorizations": [
                statement_document(statement) for statement in budgets.of_dataset(call.actor, name)
            ],
        }
    )


def _number(call: Call, name: str, *, most: int, default: Any) -> Any:
    text = call.query.get(name)
    if text is None:
        return default
    if _WHOLE.fullmatch(text) is None or int(text) > most:
        raise Malformed(
            "query-malformed",
            f"Parameter {name} is not a number this address reads.",
            allowed=f"Write a whole number from 0 to {most}.",
        )
    return int(text)


def _intents(call: Call) -> list[Entry]:
    return call.gateway.books.log.search(
        actor=call.actor.name,
        kind=Kind.QUESTION_INTENT.value,
        before=_number(call, "before", most=MOST_ENTRIES, default=None),
        limit=HISTORY,
    )


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


def _balances_by_authorization(call: Call) -> dict[str, tuple[Balance, ...]]:
    """Return, for each authorization the person holds, the budgets that a question may be charged to."""
    return {
        policy.name: call.gateway.budgets.of_person(call.actor.name, [policy])
        for policy in call.gateway.authorizations_of(call.actor)
    }


def _kinds(intents: list[Entry], balances: dict[str, tuple[Balance, ...]], more: int) -> list[dict[str, Any]]:
    """Return each kind of question once: what ``more`` of it would cost, and how many are still possible.

    A kind is a question without its values, under one authorization, at one loss.
    """
    kinds = {
        (body["template"], intent.event["authorization"], body["loss"], body["epsilon"]): _deltas(body)
        for intent in intents
        if (body := intent.event["body"]).get("loss") and intent.event["authorization"] in balances
    }
    return [
        {
            "template": template,
            "authorization": authorization,
            "epsilon": epsilon,
            "loss": loss,
            **_cost(loss * more, balances[authorization]),
            **_possible(loss, deltas, balances[authorization]),
        }
        for (template, authorization, loss, epsilon), deltas in sorted(kinds.items())
    ]


def _deltas(body: Mapping[str, Any]) -> dict[str, int]:
    """Return what a question took of reserves of delta, which only one with keys that are not public does."""
    return {scope: amount for scope, amount in body.get(CHARGED, {}).items() if is_delta(scope)}


def _cost(picorho: int, balances: tuple[Balance, ...]) -> dict[str, Any]:
    delta = next(b.delta for b in balances if b.scope.startswith("authorization:"))
    return {"more_loss": picorho, "more_epsilon": str(Loss(picorho).epsilon(delta))}


def _possible(loss: int, deltas: Mapping[str, int], balances: tuple[Balance, ...]) -> dict[str, Any]:
    """Return how many more fit every budget, and the name of the one that the next would not fit."""
    fits = {
        balance.scope: balance.left.picorho // deltas.get(balance.scope, loss)
        for balance in balances
        if balance.scope in deltas or not is_delta(balance.scope)
    }
    scope = min(fits, key=lambda name: (fits[name], name))
    return {"possible": fits[scope], "limit": spoken(scope)}
