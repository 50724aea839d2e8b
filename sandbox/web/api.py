"""The API for notebooks: each function translates one call of the gateway, and decides nothing."""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.errors import Malformed
from sandbox.review import rehearsal
from sandbox.statements import balance_document
from sandbox.web.bodies import Check, Question, Return, Round, Submission
from sandbox.web.route import Call, Reply, download

DUMMY_ROWS = 100
"""Made-up rows where the request does not say how many."""
MOST_DUMMY_ROWS = 10_000
"""Of one request."""
LARGEST_SEED = 2**31 - 1


def json_reply(document: Any, *, status: int = 200) -> Reply:
    """Return ``document`` as JSON; a float that is not a number would be a fault, not an answer."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    return Reply(body=body, content_type="application/json", status=status)


def health(_: Call) -> Reply:
    """Say that the server answers; nothing about its state."""
    return json_reply({"status": "ok"})


def ask(call: Call) -> Reply:
    """Answer one question, estimate it, or file its reviewed answer."""
    question = call.read(Question)
    if question.mode == "reviewed":
        filed = call.gateway.file_reviewed(
            sql=question.sql,
            authorization=question.authorization,
            purpose=question.purpose,
            actor=call.actor,
            request_id=question.request_id,
            arrived=call.arrived,
        )
        return json_reply(filed.to_document(), status=201)
    if question.dry_run:
        estimate = call.gateway.estimate(
            sql=question.sql,
            authorization=question.authorization,
            epsilon=question.epsilon,
            target_error=question.target_error,
            actor=call.actor,
            arrived=call.arrived,
        )
        return json_reply(estimate.to_document())
    answer = call.gateway.ask(
        sql=question.sql,
        authorization=question.authorization,
        epsilon=question.epsilon,
        target_error=question.target_error,
        actor=call.actor,
        request_id=question.request_id,
        fresh=question.fresh,
        arrived=call.arrived,
    )
    return json_reply(answer.to_document())


def account(call: Call) -> Reply:
    """List the budgets that the person's questions are charged to."""
    return json_reply(
        {"balances": [balance_document(balance) for balance in call.gateway.balances(call.actor)]}
    )


def catalogue(call: Call) -> Reply:
    """List what the person's authorizations open."""
    return json_reply({"authorizations": call.gateway.catalogue(call.actor)})


def dummy(call: Call) -> Reply:
    """Make up rows of a table."""
    return json_reply(
        call.gateway.dummy(
            call.actor,
            authorization=call.params["authorization"],
            table=call.params["table"],
            rows=_number(call, "rows", default=DUMMY_ROWS, most=MOST_DUMMY_ROWS),
            seed=_number(call, "seed", default=0, most=LARGEST_SEED),
        )
    )


def _number(call: Call, name: str, *, default: int, most: int) -> int:
    """Read a whole number from the query string.

    Raises:
        Malformed: it is none from 0 to ``most``.
    """
    text = call.query.get(name, str(default))
    if re.fullmatch(r"[0-9]{1,10}", text) is None or int(text) > most:
        raise Malformed(
            "query-malformed",
            f"Parameter {name} is not a number this address reads.",
            allowed=f"Write a whole number from 0 to {most}.",
        )
    return int(text)


def submit(call: Call) -> Reply:
    """Hand files in for release."""
    submission = call.read(Submission)
    view = call.gateway.desk.submit(
        call.actor,
        authorization=submission.authorization,
        purpose=submission.purpose,
        files=submission.by_name(),
        receipts=submission.receipts,
        once=submission.once,
    )
    return json_reply(view.to_document(), status=201)


def check(call: Call) -> Reply:
    """Say what the checks would find; nothing is handed in."""
    asked = call.read(Check)
    found = rehearsal.check(
        call.gateway.desk,
        call.gateway.books.log,
        call.actor,
        authorization=asked.authorization,
        files=asked.by_name(),
        receipts=asked.receipts,
    )
    return json_reply(found.to_document())


def resubmit(call: Call) -> Reply:
    """Answer a return or a block with corrected files."""
    again = call.read(Round)
    view = call.gateway.desk.resubmit(
        call.actor,
        call.params["id"],
        row_version=again.row_version,
        files=again.by_name(),
        receipts=again.receipts,
        purpose=again.purpose,
    )
    return json_reply(view.to_document(), status=201)


def releases(call: Call) -> Reply:
    """List the person's own release requests."""
    return json_reply({"releases": [view.to_document() for view in call.gateway.desk.mine(call.actor)]})


def release(call: Call) -> Reply:
    """Show one release request."""
    return json_reply(call.gateway.desk.show(call.actor, call.params["id"]).to_document())


def withdraw(call: Call) -> Reply:
    """Take a request back."""
    version = call.read(Return).row_version
    return json_reply(
        call.gateway.desk.withdraw(call.actor, call.params["id"], row_version=version).to_document()
    )


def package(call: Call) -> Reply:
    """Hand out a released package; counted and recorded by the desk."""
    name, data = call.gateway.desk.download(call.actor, call.params["id"])
    return download(name=name, data=data)
