"""What notebooks reach through the door; a part of the one table in :mod:`sandbox.web.routes`."""

from __future__ import annotations

from sandbox.policy.roles import Channel, Scope
from sandbox.web import api, pages_budgets
from sandbox.web.bodies import Check, Fetch, Question, Return, Round, Submission
from sandbox.web.route import OCTETS, Route

NOTEBOOK = frozenset({Channel.NOTEBOOK})
API = "/api/v1"

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST", path=f"{API}/queries", handler=api.ask, scope=Scope.QUERY, channels=NOTEBOOK,
        body=Question,
        held=True, recorded=True, summary="Ask one question, or with dry_run say what it would cost.",
        returns="The answer with its cost, what is left, warnings and receipt; or the estimate.",
    ),
    Route(
        method="GET", path=f"{API}/account", handler=api.account, scope=Scope.QUERY, channels=NOTEBOOK,
        summary="Show the budgets that the caller's questions are charged to.",
        returns="Cap, spent and left of each budget.",
    ),
    Route(
        method="GET", path=f"{API}/account/questions", handler=pages_budgets.questions, scope=Scope.QUERY,
        channels=NOTEBOOK, query=("before",),
        summary="List the caller's charged questions, newest first, and what each cost.",
        returns="At most 50 questions, without their values.",
    ),
    Route(
        method="GET", path=f"{API}/catalogue", handler=api.catalogue, scope=Scope.QUERY, channels=NOTEBOOK,
        summary="List the tables and columns that the caller's authorizations open.",
        returns="Metadata of each authorization; never a row.",
    ),
    Route(
        method="GET", path=f"{API}/dummy/{{authorization}}/{{table}}", handler=api.dummy, scope=Scope.QUERY,
        channels=NOTEBOOK, query=("rows", "seed"),
        summary="Make up rows of a table, from its policy alone; free.",
        returns="Rows of the columns that the authorization opens; they say nothing about anyone.",
    ),
    Route(
        method="POST", path=f"{API}/releases", handler=api.submit, scope=Scope.REQUEST, channels=NOTEBOOK,
        body=Submission, recorded=True, summary="Hand in files that shall leave.",
        returns="The new request with its files and findings.",
    ),
    Route(
        method="POST", path=f"{API}/checks", handler=api.check, scope=Scope.REQUEST, channels=NOTEBOOK,
        body=Check,
        summary="Say what the checks would find in files; nothing is stored, the asking is recorded.",
        returns="Verdict, findings and the numbers checked against.",
    ),
    Route(
        method="POST", path=f"{API}/releases/{{id}}/withdrawal", handler=api.withdraw, scope=Scope.REQUEST,
        channels=NOTEBOOK, body=Return, recorded=True,
        summary="Take one of the caller's release requests back.", returns="The request, withdrawn.",
    ),
    Route(
        method="POST", path=f"{API}/releases/{{id}}/package", handler=api.package, scope=Scope.REQUEST,
        channels=NOTEBOOK, body=Fetch, recorded=True, media=OCTETS,
        summary="Fetch a released package; each download is counted.", returns="The package.",
    ),
    Route(
        method="POST", path=f"{API}/releases/{{id}}/rounds", handler=api.resubmit, scope=Scope.REQUEST,
        channels=NOTEBOOK, body=Round, recorded=True,
        summary="Answer a return or a block with corrected files.", returns="The request in its new round.",
    ),
    Route(
        method="GET", path=f"{API}/releases", handler=api.releases, scope=Scope.REQUEST, channels=NOTEBOOK,
        summary="List the caller's own release requests.", returns="The requests, newest first.",
    ),
    Route(
        method="GET", path=f"{API}/releases/{{id}}", handler=api.release, scope=Scope.REQUEST,
        channels=NOTEBOOK,
        summary="Show one of the caller's release requests.",
        returns="The request with its files and findings.",
    ),
    Route(
        method="GET", path=f"{API}/health", handler=api.health, scope=None, channels=NOTEBOOK, public=True,
        summary="Say that the gateway answers.", returns="A constant.",
    ),
)  # fmt: skip
