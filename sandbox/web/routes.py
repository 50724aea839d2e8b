"""The one table of what can be reached, by whom and through which server.

The dispatcher, the OpenAPI document and ``docs/http-api.md`` all read :data:`ROUTES`; there is no
other way in.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.errors import NotFound
from sandbox.policy.roles import Channel, Scope
from sandbox.web import (
    api,
    openapi,
    pages_analyst,
    pages_audit,
    pages_budgets,
    pages_exports,
    pages_home,
    pages_new,
    pages_notices,
    pages_overview,
    pages_password,
    pages_review,
    pages_rounds,
    pages_watch,
    routes_notebook,
)
from sandbox.web.bodies import (
    CommentForm,
    Conclusion,
    Confirmation,
    Consenting,
    Decision,
    NewExport,
    NoticesRead,
    PasswordChange,
    Seat,
    Watching,
    Withdrawal,
)
from sandbox.web.problem import MethodNotAllowed
from sandbox.web.route import OCTETS, Call, Reply, Route
from sandbox.web.routes_notebook import API, NOTEBOOK

DOOR_PREFIX = "/services/gateway"
"""What stands before every path of the table on the door's side."""
CONSOLE = frozenset({Channel.CONSOLE})


def description(call: Call) -> Reply:
    """Describe the channel's routes as OpenAPI 3.1."""
    prefix = DOOR_PREFIX if call.actor.channel is Channel.NOTEBOOK else ""
    return api.json_reply(openapi.document(ROUTES, channel=call.actor.channel, prefix=prefix))


ROUTES: tuple[Route, ...] = (
    *routes_notebook.ROUTES,
    Route(
        method="GET", path=f"{API}/openapi.json", handler=description, scope=None,
        channels=NOTEBOOK | CONSOLE,
        public=True, summary="Describe this server's routes.", returns="An OpenAPI 3.1 document.",
    ),
    # --- for people, on the console ----------------------------------------------------------------
    Route(
        method="GET", path="/", handler=pages_home.home, scope=None, channels=CONSOLE,
        summary="Start page: who you are and what you can do.", returns="A page.",
    ),
    Route(
        method="GET", path="/static/{name}", handler=pages_home.static, scope=None, channels=CONSOLE,
        public=True, summary="The console's own style sheet.", returns="The file.",
    ),
    Route(
        method="GET", path="/language/{name}", handler=pages_home.language, scope=None, channels=CONSOLE,
        summary="Choose the language of the pages; it is kept in a cookie.", returns="Leads back.",
    ),
    Route(
        method="GET", path="/notices", handler=pages_notices.notices, scope=None, channels=CONSOLE,
        summary="What you were told of requests, unread first.", returns="A page.",
    ),
    Route(
        method="POST", path="/notices", handler=pages_notices.read, scope=None, channels=CONSOLE,
        body=NoticesRead, summary="Mark notices of yours as read.", returns="Leads to the list.",
    ),
    Route(
        method="GET", path="/password", handler=pages_password.form, scope=Scope.PASSWORD,
        channels=CONSOLE,
        summary="Where a person gets a new password; with a log-in provider there is no such page.",
        returns="A page.",
    ),
    Route(
        method="POST", path="/password", handler=pages_password.change, scope=Scope.PASSWORD,
        channels=CONSOLE, body=PasswordChange,
        summary="Make a new password; every session of the earlier one ends.",
        returns="A page with the new password, shown this once.",
    ),
    Route(
        method="GET", path="/account", handler=pages_budgets.account, scope=Scope.QUERY, channels=CONSOLE,
        query=("before", "more"),
        summary="Your budgets, your questions, and what more of them would cost.", returns="A page.",
    ),
    Route(
        method="GET", path="/budgets", handler=pages_budgets.overview, scope=Scope.BUDGET, channels=CONSOLE,
        summary="The budgets of every dataset and population.", returns="A page.",
    ),
    Route(
        method="GET", path="/budgets/{dataset}", handler=pages_budgets.dataset, scope=Scope.BUDGET,
        channels=CONSOLE, query=("before",),
        summary="All authorizations of a dataset: spent, left, who asked, windows, decisions.",
        returns="A page.",
    ),
    Route(
        method="GET", path=f"{API}/budgets/{{dataset}}", handler=pages_budgets.document, scope=Scope.BUDGET,
        channels=CONSOLE, summary="What the page of a dataset's budgets shows, as a document.",
        returns="Every budget of the dataset's authorizations; never a row.",
    ),
    Route(
        method="GET", path="/releases", handler=pages_analyst.releases, scope=Scope.REQUEST, channels=CONSOLE,
        summary="Your release requests.", returns="A page.",
    ),
    Route(
        method="GET", path="/releases/new", handler=pages_new.form, scope=Scope.REQUEST, channels=CONSOLE,
        summary="The form of a new release request.", returns="A page.",
    ),
    Route(
        method="POST", path="/releases/new", handler=pages_new.post, scope=Scope.REQUEST, channels=CONSOLE,
        body=NewExport, summary="Check files, mend them or hand them in; a check is recorded, not stored.",
        returns="The form with what was found, or leads to the new request.",
    ),
    Route(
        method="GET", path="/releases/{id}", handler=pages_analyst.release, scope=Scope.REQUEST,
        channels=CONSOLE, summary="One of your release requests.", returns="A page.",
    ),
    Route(
        method="GET", path="/releases/{id}/round", handler=pages_new.round_form, scope=Scope.REQUEST,
        channels=CONSOLE, summary="The form of another round of a request that came back.", returns="A page.",
    ),
    Route(
        method="POST", path="/releases/{id}/round", handler=pages_new.post, scope=Scope.REQUEST,
        channels=CONSOLE, body=NewExport,
        summary="Check corrected files, mend them, or answer a return with them.",
        returns="The form with what was found, or leads to the request.",
    ),
    Route(
        method="GET", path="/releases/{id}/files/{name}", handler=pages_analyst.file, scope=Scope.REQUEST,
        channels=CONSOLE, summary="The bytes of one of your files as they would leave.", returns="A page.",
    ),
    Route(
        method="GET", path="/releases/{id}/images/{name}", handler=pages_analyst.image, scope=Scope.REQUEST,
        channels=CONSOLE, summary="One of your images, for the page that shows it.", returns="A PNG.",
    ),
    Route(
        method="POST", path="/releases/{id}/package", handler=pages_analyst.package, scope=Scope.REQUEST,
        channels=CONSOLE, body=Confirmation, recorded=True, media=OCTETS,
        summary="Download a released package; each download is counted.", returns="The package.",
    ),
    Route(
        method="POST", path="/releases/{id}/withdraw", handler=pages_analyst.withdraw, scope=Scope.REQUEST,
        channels=CONSOLE, body=Withdrawal, recorded=True, summary="Take one of your requests back.",
        returns="Leads to the list.",
    ),
    Route(
        method="POST", path="/releases/{id}/comments", handler=pages_rounds.comment_as_author,
        scope=Scope.REQUEST, channels=CONSOLE, body=CommentForm, recorded=True,
        summary="Write beside one of your requests; its reviewers read it.", returns="Leads to the request.",
    ),
    Route(
        method="GET", path="/review", handler=pages_review.queue, scope=Scope.REVIEW, channels=CONSOLE,
        summary="Requests that wait for your decision.", returns="A page.",
    ),
    Route(
        method="GET", path="/review/{id}", handler=pages_review.request, scope=Scope.REVIEW, channels=CONSOLE,
        summary="One request, with the form of the decision.", returns="A page.",
    ),
    Route(
        method="GET", path="/review/{id}/files/{name}", handler=pages_review.file, scope=Scope.REVIEW,
        channels=CONSOLE, summary="The bytes of a file that would leave; looking is recorded.",
        returns="A page.",
    ),
    Route(
        method="GET", path="/review/{id}/images/{name}", handler=pages_review.image, scope=Scope.REVIEW,
        channels=CONSOLE,
        summary="An image that would leave, for the page that shows it; looking is recorded.",
        returns="A PNG.",
    ),
    Route(
        method="POST", path="/review/{id}", handler=pages_review.decide, scope=Scope.REVIEW, channels=CONSOLE,
        body=Decision, recorded=True, summary="Approve, return or reject a request.",
        returns="Leads to the queue.",
    ),
    Route(
        method="GET", path="/review/{id}/beside/{name}", handler=pages_rounds.beside, scope=Scope.REVIEW,
        channels=CONSOLE, returns="A page.",
        summary="A table beside every other over the same people that was released or waits.",
    ),
    Route(
        method="POST", path="/review/{id}/conclusion", handler=pages_rounds.conclude, scope=Scope.REVIEW,
        channels=CONSOLE, body=Conclusion, recorded=True,
        summary="End a round whose reviews differ.", returns="Leads to the request.",
    ),
    Route(
        method="POST", path="/review/{id}/comments", handler=pages_rounds.comment, scope=Scope.REVIEW,
        channels=CONSOLE, body=CommentForm, recorded=True,
        summary="Write beside a request, for other reviewers or for its author.",
        returns="Leads to where it was written.",
    ),
    Route(
        method="POST", path="/review/{id}/seat", handler=pages_rounds.seat, scope=Scope.REVIEW,
        channels=CONSOLE, body=Seat, recorded=True,
        summary="Take a seat at a request, or declare a conflict of interest.", returns="Leads on.",
    ),
    Route(
        method="GET", path="/consents", handler=pages_watch.consents, scope=Scope.POLICY, channels=CONSOLE,
        summary="Requests that wait for a data steward's word.", returns="A page.",
    ),
    Route(
        method="GET", path="/consents/{id}", handler=pages_watch.consent_page, scope=Scope.POLICY,
        channels=CONSOLE, returns="A page.",
        summary="One request of high risk, with the form of the consent.",
    ),
    Route(
        method="GET", path="/consents/{id}/files/{name}", handler=pages_watch.consent_file,
        scope=Scope.POLICY, channels=CONSOLE,
        summary="A file of a request of high risk; looking is recorded.", returns="A page.",
    ),
    Route(
        method="GET", path="/consents/{id}/images/{name}", handler=pages_watch.consent_image,
        scope=Scope.POLICY, channels=CONSOLE,
        summary="An image of a request of high risk, for the page that shows it; looking is recorded.",
        returns="A PNG.",
    ),
    Route(
        method="POST", path="/consents/{id}", handler=pages_watch.consent, scope=Scope.POLICY,
        channels=CONSOLE, body=Consenting, recorded=True,
        summary="Consent to a request of high risk, or agree to an exception.", returns="Leads to the list.",
    ),
    Route(
        method="GET", path="/register", handler=pages_watch.register, scope=Scope.AUDIT, channels=CONSOLE,
        summary="Every release request with where it stands; looking is recorded.", returns="A page.",
    ),
    Route(
        method="GET", path="/register/{id}", handler=pages_watch.watched, scope=Scope.AUDIT,
        channels=CONSOLE, summary="One release request, with what an officer can do; looking is recorded.",
        returns="A page.",
    ),
    Route(
        method="POST", path="/register/{id}", handler=pages_watch.watch, scope=Scope.AUDIT,
        channels=CONSOLE, body=Watching, recorded=True,
        summary="Hold a request, let it go on, override a veto, propose an exception, or stop it.",
        returns="Leads to the request.",
    ),
    Route(
        method="GET", path="/overview", handler=pages_overview.overview, scope=Scope.AUDIT, channels=CONSOLE,
        summary="State of the log, alarms and newest entries; looking is recorded.", returns="A page.",
    ),
    Route(
        method="GET", path="/audit", handler=pages_audit.search, scope=Scope.AUDIT, channels=CONSOLE,
        summary="Search of the log with counts; each search is recorded once.", returns="A page.",
    ),
    Route(
        method="GET", path="/audit/verification", handler=pages_overview.verification, scope=Scope.AUDIT,
        channels=CONSOLE, summary="How far a verification of the whole log is, and how the last one ended.",
        returns="A page.",
    ),
    Route(
        method="POST", path="/audit/verification", handler=pages_overview.verify, scope=Scope.AUDIT,
        channels=CONSOLE, body=Confirmation,
        summary="Verify the whole stored log; the result is recorded.", returns="Leads to the progress.",
    ),
    Route(
        method="GET", path="/audit/checkpoint", handler=pages_overview.checkpoint, scope=Scope.AUDIT,
        channels=CONSOLE, summary="The signed head of the log, to keep elsewhere.",
        returns="A C2SP signed note.",
    ),
    Route(
        method="GET", path="/audit/{seq}", handler=pages_audit.entry, scope=Scope.AUDIT, channels=CONSOLE,
        summary="One entry; looking is recorded.", returns="A page.",
    ),
    Route(
        method="POST", path="/audit/{seq}/private", handler=pages_audit.reveal, scope=Scope.AUDIT,
        channels=CONSOLE, body=Confirmation,
        summary="One entry with its sealed text; looking is recorded as such.",
        returns="A page.",
    ),
    Route(
        method="GET", path="/audit/{seq}/proof", handler=pages_audit.proof, scope=Scope.AUDIT,
        channels=CONSOLE, summary="Proof that an entry is in the log.", returns="A C2SP tlog-proof.",
    ),
    Route(
        method="GET", path="/audit/{seq}/leaf", handler=pages_audit.leaf, scope=Scope.AUDIT, channels=CONSOLE,
        summary="The exact bytes of an entry.", returns="Canonical JSON.",
    ),
    Route(
        method="GET", path="/exports/{form}", handler=pages_exports.found, scope=Scope.AUDIT,
        channels=CONSOLE, returns="The file.",
        summary="The newest entries that fit a search, as csv or jsonl; each export is recorded.",
    ),
    Route(
        method="GET", path="/exports/prov/{id}", handler=pages_exports.prov, scope=Scope.AUDIT,
        channels=CONSOLE, summary="Where a released file comes from; each export is recorded.",
        returns="W3C PROV-JSON.",
    ),
    Route(
        method="GET", path="/trace/{id}", handler=pages_audit.trace, scope=Scope.AUDIT, channels=CONSOLE,
        summary="The story of a question or a release; looking is recorded.", returns="A page.",
    ),
)  # fmt: skip


def find(
    segments: tuple[str, ...], *, method: str, channel: Channel, prefix: str
) -> tuple[Route, Mapping[str, str]]:
    """Return the route of a request and the parameters in its path.

    Raises:
        NotFound: no route of this channel has such a path.
        MethodNotAllowed: one has, but not with this method.
    """
    before = tuple(prefix.strip("/").split("/")) if prefix else ()
    rest = segments[len(before) :] if segments[: len(before)] == before else None
    matches = [
        (route, params)
        for route in ROUTES
        if rest is not None and channel in route.channels and (params := route.match(rest)) is not None
    ]
    if not matches:
        raise NotFound("path-unknown", "There is nothing at this address.")
    for route, params in matches:
        if route.method == method:
            return route, params
    raise MethodNotAllowed(tuple(sorted({route.method for route, _ in matches})))
