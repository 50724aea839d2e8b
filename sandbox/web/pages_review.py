"""The reviewer's pages: what waits, one request, one file, the decision."""

from __future__ import annotations

from typing import Any

from sandbox.audit.event import timestamp
from sandbox.errors import Conflict, NotFound, Refusal, Unavailable
from sandbox.review.sealing import manifest_of
from sandbox.review.tally import FileState, leaving
from sandbox.review.view import ReleaseView
from sandbox.web import pages_file
from sandbox.web.bodies import Decision
from sandbox.web.dossier import dossier
from sandbox.web.queue import TABS, queue_of
from sandbox.web.render import page, segment
from sandbox.web.route import Call, Reply, redirect
from sandbox.web.words import STAGES, stage


def queue(call: Call) -> Reply:
    """List the requests that the person may look at, under whose turn it is."""
    shown = queue_of(
        call.gateway.desk.reviewable(call.actor),
        call.query,
        now=timestamp(call.gateway.books.clock()),
    )
    return page(call, "queue.html", queue=shown, tabs=TABS, stages=STAGES)


def request(call: Call) -> Reply:
    """Show one request as a whole, with the form of the decision."""
    return overview(call)


def file(call: Call) -> Reply:
    """Show one file; the desk records that its bytes were opened.

    Where another site's link led here, the overview is shown instead: nobody else makes a reviewer
    have opened a file.
    """
    place, name = _place(call), call.params["name"]
    if call.cross_site:
        return redirect(place)
    data = call.gateway.desk.open_file(call.actor, call.params["id"], name)
    view = _document(call)
    return pages_file.show(call, view, pages_file.file_of(view, name), data, base=place)


def image(call: Call) -> Reply:
    """Hand out a canonical image for the page that shows it; the look is recorded as of any file."""
    if call.cross_site:
        raise NotFound("file-unknown", "The request holds no such file.")
    return pages_file.image(call.gateway.desk.open_file(call.actor, call.params["id"], call.params["name"]))


def decide(call: Call) -> Reply:
    """Take the decision; a refusal shows the request as it is now, with what was wrong."""
    decision = call.read(Decision)
    try:
        call.gateway.desk.decide(
            call.actor,
            call.params["id"],
            verdict=decision.verdict,
            reason=decision.reason,
            row_version=decision.row_version,
            acknowledged=decision.acknowledged,
            files=decision.words,
        )
    except (NotFound, Unavailable):
        raise
    except Refusal as refusal:
        return overview(call, refusal=refusal, decision=decision)
    return redirect("/review")


def overview(call: Call, *, refusal: Refusal | None = None, decision: Decision | None = None) -> Reply:
    """Show one request as a whole, with what was wrong with what was just sent, if anything was."""
    found = call.gateway.desk.show(call.actor, call.params["id"])
    view = found.to_document()
    return page(
        call,
        "request.html",
        http_status=refusal.status if refusal else 200,
        release=view,
        stage=stage(view["status"]),
        flags=_flags(view),
        beside=pages_file.beside_links(view, _place(call)),
        refusal=refusal,
        stale=isinstance(refusal, Conflict) and refusal.code == "stale",
        reason=decision.reason if decision else "",
        weighed=decision.acknowledged if decision else {},
        words=decision.words if decision else {},
        blockers=[file["name"] for file in view["files"] if not file["opened"]],
        known=dossier(
            call, found, call.gateway.desk.reviewable(call.actor, authorization=found.request.authorization)
        ),
        manifest=manifest_of(found.request, (), policies=call.gateway.policies, sealed_at=""),
        side_by_side=_side_by_side(found),
        would_leave=leaving(found.request.names, found.votes, quorum=found.request.quorum),
        letter=call.gateway.desk.letter(call.actor, found.id) if found.may_conclude else "",
        seen={file["name"]: call.coverage.seen(call.actor.name, file["sha256"]) for file in view["files"]},
    )


def _side_by_side(view: ReleaseView) -> list[dict[str, Any]]:
    """Return what each review says of each file, conflicts first; nothing where there are none to see."""
    rows = [
        {
            "name": file.name,
            "state": str(file.state),
            "words": {vote.reviewer: vote.files.get(file.name, "") for vote in view.votes},
        }
        for file in view.files
        if file.name in view.request.names
    ]
    return sorted(rows, key=lambda row: (row["state"] != FileState.CONFLICTED, row["name"]))


def _place(call: Call) -> str:
    return f"/review/{segment(call.params['id'])}"


def _document(call: Call) -> dict[str, Any]:
    document: dict[str, Any] = call.gateway.desk.show(call.actor, call.params["id"]).to_document()
    return document


def _flags(view: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each flag's code once, with the sentences it stands for; a code is what is acknowledged."""
    flags: dict[str, list[dict[str, str]]] = {}
    for place in ({"name": "", "findings": view["findings"]}, *view["files"]):
        for finding in place["findings"]:
            if finding["severity"] != "info":
                flags.setdefault(finding["code"], []).append({**finding, "file": place["name"]})
    return [{"code": code, "findings": findings} for code, findings in sorted(flags.items())]
