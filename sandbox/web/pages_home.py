"""Pages that everybody has: the start page, and the one style sheet."""

from __future__ import annotations

from importlib.resources import files

from sandbox.errors import NotFound
from sandbox.policy.roles import ROLE_SCOPES, Scope
from sandbox.web import pages_password
from sandbox.web.render import page
from sandbox.web.route import Call, Reply

ROLE_TEXTS = {
    "analysts": "ask questions from a notebook and hand in files for release",
    "reviewers": "look at files that shall leave, and decide",
    "officers": "read the log of everything that happened",
    "auditors": "read the log of everything that happened",
    "stewards": "describe and register datasets, and decide about budgets",
    "authority": "grant and end authorizations, and decide about budgets",
}
STATIC_TYPES = {
    "audit.css": "text/css; charset=utf-8",
    "console.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""Every file that may be fetched, with its content type."""


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


def static(call: Call) -> Reply:
    """Hand out one of the files in :data:`STATIC_TYPES`."""
    name = call.params["name"]
    if name not in STATIC_TYPES:
        raise NotFound("path-unknown", "There is no such page.")
    return Reply(body=(files("sandbox.web") / "static" / name).read_bytes(), content_type=STATIC_TYPES[name])
