"""Everybody's notices: what happened to which request, and what of it they have marked as read."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.notices import box
from sandbox.notices.notice import SENTENCES, About, Notice
from sandbox.policy.roles import Actor, Scope
from sandbox.web.bodies import NoticesRead
from sandbox.web.languages import said
from sandbox.web.render import page, segment
from sandbox.web.route import Call, Reply, redirect


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One notice as it is shown: its sentence, cut at the request's id."""

    notice: Notice
    before: str
    after: str
    link: str
    """The request's page as this person may open it; empty where there is none for them."""


def notices(call: Call) -> Reply:
    """Show the person's notices, those they have not read first."""
    with call.gateway.books.log.reading() as connection:
        found = box.for_person(connection, call.actor)
    mine = call.gateway.desk.mine(call.actor) if Scope.REQUEST in call.actor.scopes else ()
    own = frozenset(view.id for view in mine)
    say = said(call.language)
    lines = []
    for notice in found:
        # The sentence is translated before the id is put in, so that the id can be a link.
        before, _, after = say(SENTENCES[notice.about]).partition("{request}")
        lines.append(
            Line(notice=notice, before=before, after=after, link=_link(notice, actor=call.actor, own=own))
        )
    return page(call, "notices.html", lines=lines, fresh=[one.id for one in found if not one.read_at])


def read(call: Call) -> Reply:
    """Mark those as read that the form names: what came after the page was opened stays unread."""
    log = call.gateway.books.log
    with log.writing() as tx:
        box.mark_read(tx.connection, call.actor, call.read(NoticesRead).id, now=tx.at)
    return redirect("/notices")


def _link(notice: Notice, *, actor: Actor, own: frozenset[str]) -> str:
    request = segment(notice.request)
    if notice.request in own:
        return f"/releases/{request}"
    if notice.about is About.CONSENT_REQUESTED:
        return f"/consents/{request}" if Scope.POLICY in actor.scopes else ""
    if Scope.AUDIT in actor.scopes:
        return f"/register/{request}"
    return f"/review/{request}" if Scope.REVIEW in actor.scopes else ""
