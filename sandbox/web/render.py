"""Pages: templates with everything escaped, texts ready to be translated, nothing from elsewhere.

Each text of a template goes through ``_``; a language is added by installing its translations in
:func:`environment` and setting ``lang``. What analysts wrote is shown as text only.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sandbox.policy.roles import Actor, Scope
from sandbox.web.route import Call, Reply

HTML = "text/html; charset=utf-8"
MENU: tuple[tuple[str, str, Scope | None], ...] = (
    ("/", "Home", None),
    ("/account", "Budgets and questions", Scope.QUERY),
    ("/budgets", "Budgets", Scope.BUDGET),
    ("/releases", "My releases", Scope.REQUEST),
    ("/review", "Review", Scope.REVIEW),
    ("/overview", "Overview", Scope.AUDIT),
    ("/audit", "Log", Scope.AUDIT),
)
"""Address, name and needed scope of what the head of each page leads to."""
PICO = 10**12


@cache
def environment() -> Environment:
    """Return the one template environment."""
    made = Environment(
        loader=PackageLoader("sandbox.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_null_translations(newstyle=True)  # type: ignore[attr-defined]  # added by the extension
    made.filters["when"] = when
    made.filters["rho"] = rho
    made.filters["pretty"] = pretty
    return made


def page(call: Call, template: str, **values: Any) -> Reply:
    """Render a page for the person of ``call``."""
    return _page(
        template, actor=call.actor, xsrf=call.xsrf, isolation_note=call.isolation_note, values=values
    )


def problem_page(document: dict[str, Any], *, actor: Actor | None, isolation_note: str = "") -> Reply:
    """Render a refusal or a fault for a person."""
    return _page(
        "problem.html",
        actor=actor,
        xsrf="",
        isolation_note=isolation_note,
        values={"problem": document},
        status=int(document["status"]),
    )


def when(text: str) -> str:
    """Show an ISO 8601 UTC time to the second; the page says once that times are UTC."""
    return text[:19].replace("T", " ")


def rho(picorho: int) -> str:
    """Show a loss in zCDP rho with six decimals, rounded down and never as an exponent."""
    whole, rest = divmod(picorho, PICO)
    return f"{whole}.{rest // 10**6:06d}"


def pretty(document: Any) -> str:
    """Show a JSON document indented, letters of every script readable."""
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True)


def _page(
    template: str,
    *,
    actor: Actor | None,
    xsrf: str,
    isolation_note: str,
    values: dict[str, Any],
    status: int = 200,
) -> Reply:
    scopes = actor.scopes if actor else frozenset()
    menu = [(path, name) for path, name, scope in MENU if scope is None or scope in scopes]
    html = (
        environment()
        .get_template(template)
        .render(
            actor=actor,
            menu=menu if actor else [],
            xsrf=xsrf,
            isolation_note=isolation_note,
            lang="en",
            **values,
        )
    )
    return Reply(body=html.encode(), content_type=HTML, status=status)
