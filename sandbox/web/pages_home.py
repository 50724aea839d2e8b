"""Pages that everybody has: the start page, and the one style sheet."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from sandbox.errors import NotFound
from sandbox.policy.roles import ROLE_SCOPES, Scope
from sandbox.web import pages_password
from sandbox.web.languages import LANGUAGES, language_cookie, translatable
from sandbox.web.render import page
from sandbox.web.route import Call, Reply, redirect

ROLE_TEXTS = {
    "analysts": translatable("ask questions from a notebook and hand in files for release"),
    "reviewers": translatable("look at files that shall leave, and decide"),
    "officers": translatable("read the log of everything that happened"),
    "auditors": translatable("read the log of everything that happened"),
    "stewards": translatable("describe and register datasets, and decide about budgets"),
    "authority": translatable("grant and end authorizations, and decide about budgets"),
}
STATIC_TYPES = {
    "audit.css": "text/css; charset=utf-8",
    "console.css": "text/css; charset=utf-8",
    "viewer.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""Every file that may be fetched, with its content type."""
OWN_PLACE: Final = re.compile(r"/(?![/\\])[!-~]*")
"""Path and query on this very server: no other host, no character that an address escapes."""


def home(call: Call) -> Reply:
    """Say who is here and what they can do."""
    groups = sorted(call.actor.groups)
    scopes = call.actor.scopes
    return page(
        call,
        "home.html",
        roles=[(group, ROLE_TEXTS[group]) for group in groups if group in ROLE_SCOPES],
        projects=[group for group in groups if group not in ROLE_SCOPES],
        passwords=Scope.PASSWORD in scopes and pages_password.offered(call),
        hub_url=call.gateway.settings.hub_url,
        waiting=len(call.gateway.desk.queue(call.actor)) if Scope.REVIEW in scopes else 0,
        own=len(call.gateway.desk.mine(call.actor)) if Scope.REQUEST in scopes else 0,
        catalogue=call.gateway.catalogue(call.actor) if Scope.QUERY in scopes else [],
    )


def language(call: Call) -> Reply:
    """Keep the language in which the pages are shown, and lead back."""
    name, back = call.params["name"], call.query.get("back", "/")
    if name not in LANGUAGES:
        raise NotFound("path-unknown", "There is no such page.")
    lead = redirect(back if OWN_PLACE.fullmatch(back) else "/")
    # A link of another site changes nobody's language.
    kept = {} if call.cross_site else {"Set-Cookie": language_cookie(name)}
    return Reply(status=lead.status, headers={**lead.headers, **kept})


def static(call: Call) -> Reply:
    """Hand out one of the files in :data:`STATIC_TYPES`."""
    name = call.params["name"]
    if name not in STATIC_TYPES:
        raise NotFound("path-unknown", "There is no such page.")
    return Reply(body=(files("sandbox.web") / "static" / name).read_bytes(), content_type=STATIC_TYPES[name])
