"""The analyst's pages: own releases, and the download."""

from __future__ import annotations

from sandbox.review.package import public_word
from sandbox.review.status import TRANSITIONS, Status
from sandbox.web import pages_file
from sandbox.web.bodies import Withdrawal
from sandbox.web.render import page, segment
from sandbox.web.route import Call, Reply, download, redirect
from sandbox.web.words import stage, waiting_on


def releases(call: Call) -> Reply:
    """List the person's release requests."""
    views = [view.to_document() for view in call.gateway.desk.mine(call.actor)]
    shown = [
        {**view, "stage": stage(view["status"]), "waits": waiting_on(Status(view["status"]))}
        for view in views
    ]
    return page(call, "releases.html", releases=shown)


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
        answerable=(Status(view["status"]), Status.SCREENING) in TRANSITIONS,
        withdrawable=(Status(view["status"]), Status.WITHDRAWN) in TRANSITIONS,
        release_key=public_word(call.gateway.desk.release_key),
        log_key=log.key.note_text(log.origin),
    )


def file(call: Call) -> Reply:
    """Show one file as it would leave; an author's look at their own file is nobody's business."""
    data = call.gateway.desk.open_file(call.actor, call.params["id"], call.params["name"])
    view = call.gateway.desk.show(call.actor, call.params["id"]).to_document()
    base = f"/releases/{segment(call.params['id'])}"
    return pages_file.show(call, view, pages_file.file_of(view, call.params["name"]), data, base=base)


def image(call: Call) -> Reply:
    """Hand out a canonical image for the page that shows it."""
    return pages_file.image(call.gateway.desk.open_file(call.actor, call.params["id"], call.params["name"]))


def package(call: Call) -> Reply:
    """Hand out the released package; counted and recorded by the desk."""
    name, data = call.gateway.desk.download(call.actor, call.params["id"])
    return download(name=name, data=data)


def withdraw(call: Call) -> Reply:
    """Take a request back."""
    version = call.read(Withdrawal).row_version
    call.gateway.desk.withdraw(call.actor, call.params["id"], row_version=version)
    return redirect("/releases")
