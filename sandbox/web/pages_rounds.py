"""What a reviewer does besides reviewing: seats, comments, differencing, and the end of a round."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.errors import NotFound, Refusal, Unavailable
from sandbox.web.bodies import CommentForm, Conclusion, Seat
from sandbox.web.pages_review import overview
from sandbox.web.render import page, segment
from sandbox.web.route import Call, Reply, redirect


def conclude(call: Call) -> Reply:
    """End the round; a refusal shows the request as it is now, with what was wrong."""
    form = call.read(Conclusion)
    return _acted(
        call,
        lambda: call.gateway.desk.conclude(
            call.actor,
            call.params["id"],
            verdict=form.verdict,
            reason=form.reason,
            row_version=form.row_version,
        ),
    )


def comment(call: Call) -> Reply:
    """Write beside the request, and lead back to where it was written."""
    form = call.read(CommentForm)
    return _acted(
        call,
        lambda: call.gateway.desk.comment(
            call.actor,
            call.params["id"],
            text=form.text,
            audience=form.audience,
            file=form.file,
            anchor=form.anchor,
        ),
        back=f"/files/{segment(form.file)}" if form.file else "",
    )


def seat(call: Call) -> Reply:
    """Take a seat, or declare a conflict of interest."""
    form = call.read(Seat)
    if form.do == "claim":
        return _acted(call, lambda: call.gateway.desk.claim(call.actor, call.params["id"]))
    call.gateway.desk.decline(call.actor, call.params["id"], reason=form.reason)
    return redirect("/review")


def beside(call: Call) -> Reply:
    """Show one table beside every other over the same people that was released or waits for release.

    Of what only waits, no cell is shown: it may be another project's, and may never leave. The desk records
    the look, so where another site's link led here the overview is shown instead.
    """
    if call.cross_site:
        return redirect(f"/review/{segment(call.params['id'])}")
    desk, name = call.gateway.desk, call.params["name"]
    known = {view.id for view in desk.reviewable(call.actor)}
    view = desk.show(call.actor, call.params["id"])
    return page(
        call,
        "beside.html",
        release=view.to_document(),
        name=name,
        others=desk.beside(call.actor, view.id, name),
        known=known,
        least=call.gateway.policies.review.min_cell,
    )


def comment_as_author(call: Call) -> Reply:
    """Write beside one's own request; everybody who may see it reads that."""
    form = call.read(CommentForm)
    call.gateway.desk.comment(
        call.actor, call.params["id"], text=form.text, audience="author", file=form.file, anchor=form.anchor
    )
    return redirect(f"/releases/{segment(call.params['id'])}")


def _acted(call: Call, act: Callable[[], object], *, back: str = "") -> Reply:
    try:
        act()
    except (NotFound, Unavailable):
        raise
    except Refusal as refusal:
        return overview(call, refusal=refusal)
    return redirect(f"/review/{segment(call.params['id'])}{back}")
