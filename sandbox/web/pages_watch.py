"""The pages of those who watch over releases: the officer's register, the data steward's requests."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.errors import NotFound, Refusal, Unavailable
from sandbox.review.oversight import LONGEST_EXCUSE_DAYS
from sandbox.review.status import HOLDABLE, Status
from sandbox.web import pages_file
from sandbox.web.bodies import Consenting, Watching
from sandbox.web.render import page, segment
from sandbox.web.route import Call, Reply, redirect
from sandbox.web.words import STAGES, stage


def register(call: Call) -> Reply:
    """List every request with where it stands."""
    call.gateway.looks.record(call.actor.name, subject="releases", channel=call.actor.channel.value)
    views = call.gateway.desk.register(call.actor)
    differing = call.gateway.desk.differing()
    return page(call, "register.html", views=views, stages=STAGES, differing=differing)


def watched(call: Call) -> Reply:
    """Show one request to an officer or auditor, with what an officer can do to it."""
    call.gateway.looks.record(call.actor.name, subject=call.params["id"], channel=call.actor.channel.value)
    return _watched(call)


def watch(call: Call) -> Reply:
    """Hold, let go on, override, propose an exception, or stop."""
    form, desk, request = call.read(Watching), call.gateway.desk, call.params["id"]
    acts: dict[str, Callable[[], object]] = {
        "hold": lambda: desk.hold(call.actor, request, reason=form.reason),
        "unhold": lambda: desk.unhold(call.actor, request, reason=form.reason),
        "stop": lambda: desk.stop(call.actor, request, reason=form.reason),
        "override": lambda: desk.override(call.actor, request, reviewer=form.reviewer, reason=form.reason),
        "excuse": lambda: desk.excuse(
            call.actor,
            request,
            code=form.code,
            reason=form.reason,
            days=form.days,
            row_version=form.row_version,
        ),
    }
    try:
        acts[form.do]()
    except (NotFound, Unavailable):
        raise
    except Refusal as refusal:
        return _watched(call, refusal=refusal)
    return redirect(f"/register/{segment(request)}")


def consents(call: Call) -> Reply:
    """List the requests that wait for a data steward's word."""
    views = call.gateway.desk.awaiting_steward(call.actor)
    return page(call, "consents.html", views=views, stages=STAGES)


def consent_page(call: Call) -> Reply:
    """Show one such request with its files and the form of the consent."""
    return _consented(call)


def consent_file(call: Call) -> Reply:
    """Show one file of it; the look is recorded."""
    place, name = f"/consents/{segment(call.params['id'])}", call.params["name"]
    if call.cross_site:
        return redirect(place)
    data = call.gateway.desk.open_file(call.actor, call.params["id"], name)
    view = call.gateway.desk.show(call.actor, call.params["id"]).to_document()
    return pages_file.show(call, view, pages_file.file_of(view, name), data, base=place)


def consent_image(call: Call) -> Reply:
    """Hand out a canonical image for the page that shows it; the look is recorded as of any file."""
    if call.cross_site:
        raise NotFound("file-unknown", "The request holds no such file.")
    return pages_file.image(call.gateway.desk.open_file(call.actor, call.params["id"], call.params["name"]))


def consent(call: Call) -> Reply:
    """Consent to a red request, or agree to an exception."""
    form, desk, request = call.read(Consenting), call.gateway.desk, call.params["id"]
    try:
        if form.do == "consent":
            desk.consent(call.actor, request, reason=form.reason, row_version=form.row_version)
        else:
            desk.excuse(
                call.actor,
                request,
                code=form.code,
                reason=form.reason,
                days=LONGEST_EXCUSE_DAYS,
                row_version=form.row_version,
            )
    except (NotFound, Unavailable):
        raise
    except Refusal as refusal:
        return _consented(call, refusal=refusal)
    return redirect("/consents")


def _watched(call: Call, *, refusal: Refusal | None = None) -> Reply:
    view = call.gateway.desk.show(call.actor, call.params["id"])
    refused = {
        finding.code
        for file in view.files
        for finding in file.findings
        if finding.severity == "refuse" and view.status is Status.BLOCKED
    }
    return page(
        call,
        "watched.html",
        http_status=refusal.status if refusal else 200,
        release=view.to_document(),
        stage=stage(str(view.status)),
        refusal=refusal,
        officer="officers" in call.actor.groups,
        holdable=view.status in HOLDABLE,
        stoppable=view.status in {Status.RELEASED, Status.TAMPERED, Status.HELD},
        vetoes=[vote.reviewer for vote in view.votes if vote.verdict != "approve" and not vote.overridden]
        if view.status is Status.CONSOLIDATION
        else [],
        refused=sorted(refused - {one.code for one in view.request.excuses}),
    )


def _consented(call: Call, *, refusal: Refusal | None = None) -> Reply:
    view = call.gateway.desk.show(call.actor, call.params["id"])
    return page(
        call,
        "consent.html",
        http_status=refusal.status if refusal else 200,
        release=view.to_document(),
        stage=stage(str(view.status)),
        refusal=refusal,
        proposed=[one for one in view.request.excuses if not one.steward],
        consentable=view.request.risk == "red" and view.status in {Status.REVIEW, Status.CONSOLIDATION},
    )
