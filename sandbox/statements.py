"""Budgets as documents: what pages, the API and the terminal show of them."""

from __future__ import annotations

from typing import Any

from sandbox.ledger.budgets import Charged, Statement
from sandbox.ledger.ledger import Balance
from sandbox.ledger.opened import Stored
from sandbox.ledger.scopes import is_delta, spoken
from sandbox.policy.values import spell
from sandbox.privacy.loss import Loss
from sandbox.privacy.threshold import delta_text


def balance_document(balance: Balance, loss: Loss | None = None) -> dict[str, Any]:
    """Return one scope's budget for people and programs; with ``loss``, how many more such fit.

    A reserve of delta has ``cap_delta``, ``spent_delta`` and ``left_delta`` in place of losses.
    """
    line = balance.line
    document: dict[str, Any] = {"scope": balance.scope, "name": spoken(balance.scope)}
    amounts = (("cap", balance.cap), ("spent", balance.spent), ("left", balance.left))
    if is_delta(line.scope):
        document |= {f"{word}_delta": delta_text(amount.picorho) for word, amount in amounts}
    else:
        document |= {f"{word}_picorho": amount.picorho for word, amount in amounts}
        document |= {f"{word}_epsilon": str(amount.epsilon(balance.delta)) for word, amount in amounts}
        document["delta"] = str(balance.delta)
    document["share"] = _share(balance)
    if line.closed is not None:
        document["closed"] = line.closed.sentence.format(scope=spoken(balance.scope))
    if loss is not None and loss.picorho > 0:
        document["more_like_this"] = balance.left.picorho // line.each.picorho
    return document


def statement_document(statement: Statement) -> dict[str, Any]:
    """Return all that is known of the budgets of one authorization."""
    policy = statement.authorization
    return {
        "authorization": policy.name,
        "dataset": policy.dataset,
        "group": policy.group,
        "purpose": policy.purpose,
        "balances": [balance_document(balance) for balance in statement.balances],
        "analysts": [balance_document(balance) for balance in statement.analysts],
        "windows": [
            {
                "from": one.window.first.isoformat(),
                "until": one.window.until.isoformat(),
                "state": one.state,
                **balance_document(one.balance),
            }
            for one in statement.windows
        ],
        "spenders": [
            {"person": one.person, "questions": one.questions, "picorho": one.picorho}
            for one in statement.spenders
        ],
        "decisions": [_decision_document(one) for one in statement.decisions],
    }


def charged_document(charged: Charged) -> dict[str, Any]:
    """Return one charge, with the entry of the log that it was made by."""
    return {
        "request": charged.request,
        "scope": charged.scope,
        "name": spoken(charged.scope),
        "amount": f"delta {delta_text(charged.amount)}"
        if is_delta(charged.scope)
        else f"rho {charged.amount / 10**12:.6f}",
        "units": charged.amount,
        "seq": charged.seq,
        "at": charged.at,
        "person": charged.person,
        "kind": charged.kind,
    }


def _decision_document(stored: Stored) -> dict[str, Any]:
    decision = stored.decision
    document: dict[str, Any] = {"id": stored.id, "seq": stored.seq, "verifies": decision is not None}
    if decision is None:
        return document | {"by": "", "at": "", "reason": "", "what": "does not verify"}
    opened = [
        f"window {window.first} to {window.until}: epsilon {spell(window.epsilon)}"
        for window in decision.windows
    ]
    raised = [f"{spoken(one.scope)}: epsilon {spell(one.epsilon)}" for one in decision.raises]
    return document | {
        "by": decision.by,
        "at": decision.at,
        "reason": decision.reason,
        "what": "; ".join([*opened, *raised]),
    }


def _share(balance: Balance) -> int:
    """Return how much of a budget is spent, in thousandths, rounded up; all of one that is closed."""
    if balance.cap.picorho == 0:
        return 1000
    return min(1000, -(-1000 * balance.spent.picorho // balance.cap.picorho))
