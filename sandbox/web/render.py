"""Pages: templates with everything escaped, in the language of their reader, nothing from elsewhere.

Each text of a template goes through ``_``, each text of Python's through ``said``. What analysts wrote
is shown as text only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from sandbox.notices import box
from sandbox.policy.roles import Actor, Scope
from sandbox.web import languages
from sandbox.web.formats import formats_of, rho, when
from sandbox.web.languages import translatable
from sandbox.web.route import Call, Reply
from sandbox.web.words import TABLES

HTML = "text/html; charset=utf-8"
MENU: tuple[tuple[str, str, Scope | None], ...] = (
    ("/", translatable("Home"), None),
    ("/notices", translatable("Notices"), None),
    ("/account", translatable("Budgets and questions"), Scope.QUERY),
    ("/budgets", translatable("Budgets"), Scope.BUDGET),
    ("/releases", translatable("My releases"), Scope.REQUEST),
    ("/review", translatable("Review"), Scope.REVIEW),
    ("/consents", translatable("High risk"), Scope.POLICY),
    ("/overview", translatable("Overview"), Scope.AUDIT),
    ("/register", translatable("Releases"), Scope.AUDIT),
    ("/audit", translatable("Log"), Scope.AUDIT),
)
"""Address, name and needed scope of what the head of each page leads to."""


@cache
def environment(language: str) -> Environment:
    """Return the one template environment of a language."""
    made = Environment(
        loader=PackageLoader("sandbox.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = languages.translations(language)
    made.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]  # added by the extension
    # Not ``_``: that reads a percent sign as a placeholder, and these texts may hold one.
    made.filters["said"] = languages.said(language)
    made.filters["word"] = word_in(language)
    made.filters["when"] = when
    made.filters["rho"] = rho
    made.filters["pretty"] = pretty
    made.filters["segment"] = segment
    made.filters["base64"] = as_base64
    made.filters.update(formats_of(language))
    made.globals.update(lang=language, languages=languages.LANGUAGES)
    return made


def page(call: Call, template: str, *, http_status: int = 200, **values: Any) -> Reply:
    """Render a page for the person of ``call``."""
    with call.gateway.books.log.reading() as connection:
        unread = box.unread(connection, call.actor)
    return _page(
        template,
        actor=call.actor,
        language=call.language,
        status=http_status,
        values={
            "xsrf": call.xsrf,
            "isolation_note": call.isolation_note,
            "place": call.place,
            "unread": unread,
            **values,
        },
    )


def problem_page(
    document: dict[str, Any], *, actor: Actor | None, language: str, isolation_note: str = ""
) -> Reply:
    """Render a refusal or a fault for a person."""
    return _page(
        "problem.html",
        actor=actor,
        language=language,
        status=int(document["status"]),
        values={"xsrf": "", "isolation_note": isolation_note, "place": "/", "unread": 0, "problem": document},
    )


def pretty(document: Any) -> str:
    """Show a JSON document indented, letters of every script readable."""
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True)


def word_in(language: str) -> Callable[[str, str], str]:
    """Return what says a key of one of our own tables; one that has no word yet is shown as it is."""
    say = languages.said(language)
    return lambda key, table: say(TABLES[table].get(key, key))


def segment(text: str) -> str:
    """Write ``text`` as one segment of an address; jinja2's own ``urlencode`` leaves slashes."""
    return quote(text, safe="")


def as_base64(data: bytes) -> str:
    """Write bytes as text that a hidden field carries."""
    return base64.b64encode(data).decode()


def _page(template: str, *, actor: Actor | None, language: str, status: int, values: dict[str, Any]) -> Reply:
    scopes = actor.scopes if actor else frozenset()
    menu = [(path, name) for path, name, scope in MENU if scope is None or scope in scopes]
    html = (
        environment(language).get_template(template).render(actor=actor, menu=menu if actor else [], **values)
    )
    return Reply(body=html.encode(), content_type=HTML, status=status)
