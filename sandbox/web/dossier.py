"""What a reviewer must know beside the files: the Five Safes of a request, each from where it is decided.

Projects (authorization), people, data, settings and outputs; and the answers the files come from. All of
it is read at the moment of looking; nothing here is what the author says of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.audit.event import Kind
from sandbox.governance import accounts
from sandbox.privacy.loss import Loss
from sandbox.review.status import Status
from sandbox.review.view import ReleaseView
from sandbox.web.route import Call

EARLIER = 10
"""Earlier releases of the same authorization that are named, the newest first."""
OUT = frozenset({Status.RELEASED, Status.EXPIRED})
"""States of a request whose files have left."""


def dossier(call: Call, view: ReleaseView, others: Sequence[ReleaseView]) -> dict[str, Any]:
    """Return what is known of a request's project, people, data and settings.

    Args:
        call: the reviewer's request.
        view: the release request.
        others: the requests of its authorization that this reviewer may see.
    """
    policies = call.gateway.policies
    granted = policies.authorizations.get(view.request.authorization)
    delta = granted.loss.delta_of_losses if granted else None
    spent = sum(int(receipt.get("picorho", 0)) for receipt in view.request.receipts)
    return {
        "authorization": granted,
        "dataset": policies.datasets[granted.dataset] if granted else None,
        "members": _members(call, granted.group) if granted else [],
        "isolation": call.gateway.settings.isolation,
        "policy": policies.digest,
        "rules": policies.review,
        "answers": [_answer(call, receipt) for receipt in view.request.receipts],
        "spent": spent,
        "spent_epsilon": str(Loss(spent).epsilon(delta)) if delta is not None and spent else "",
        "earlier": [other for other in others if other.status in OUT and other.id != view.id][:EARLIER],
    }


def _members(call: Call, group: str) -> list[tuple[str, str]]:
    """Return the open accounts of a project, each with the last day of its training."""
    found = accounts.list_all(call.gateway.books.engine)
    return sorted((one.name, one.trained_until) for one in found if group in one.groups and not one.disabled)


def _answer(call: Call, receipt: Any) -> dict[str, Any]:
    """Return one answer behind the files: what was asked, without its values, and when."""
    intents = [
        entry.event["body"].get("template", "")
        for entry in call.gateway.books.log.story(str(receipt["answer"]))
        if entry.event["kind"] in {Kind.QUESTION_INTENT, Kind.REVIEWED_ASKED}
    ]
    # A reviewed answer was charged nothing.
    return {"epsilon": "", "issued_at": "", **receipt, "template": intents[0] if intents else ""}
