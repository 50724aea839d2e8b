"""Who is asking: the hub says so, at every request, and nobody else.

- *door*: the notebook's own token, sent through the door's socket. The door states whose socket it
  was; token and socket must belong to the same person, so a token carried into another notebook is
  worth nothing.
- *console*: the hub's OAuth log-in (authorization code with PKCE), kept in a signed cookie. Tokens
  in headers or addresses count for nothing there, so a notebook's token cannot open the console.

The hub's word is kept for :data:`CACHE_SECONDS`; a withdrawn role is gone after that. A person never
has more scopes than the token *and* the present groups give.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyterhub.services.auth import HubAuth, HubOAuth  # type: ignore[import-untyped]  # it ships no types
from tornado.web import HTTPError, RequestHandler

from sandbox.errors import NotAllowed, NotAuthenticated, StartupRefusal, Unavailable
from sandbox.policy.roles import Actor, Channel, Scope, forbidden_together, scopes_of
from sandbox.settings import Settings

CACHE_SECONDS = 10
"""JupyterHub's own default is 300, by which a withdrawn role would live on for five minutes."""
CLIENT_ID = "service-gateway"
TOKEN_FILE = "gateway-hub-token"  # noqa: S105  # a file's name, not a secret
ACCESS_SCOPE = "access:services!service=gateway"
USER_HEADER = "X-Sandbox-User"
"""Set by the door, which removes whatever a notebook sent under this name."""
_TOKEN = re.compile(r"(?:token|Bearer) ([A-Za-z0-9._~-]{8,256})")


class ConsoleAuth(HubOAuth):  # type: ignore[misc]  # jupyterhub ships no types
    """The hub's OAuth log-in, by cookie alone."""

    def get_token(self, handler: RequestHandler, in_cookie: bool = True) -> str | None:
        """Return the cookie's token; a token elsewhere in the request is not looked at."""
        return self._get_token_cookie(handler) if in_cookie else None


def door_auth(settings: Settings) -> HubAuth:
    """Return the hub's client for the door's side."""
    return HubAuth(
        api_url=settings.hub_api_url,
        api_token=_hub_token(settings),
        cache_max_age=CACHE_SECONDS,
        base_url="/",
    )


def console_auth(settings: Settings) -> ConsoleAuth:
    """Return the hub's client for the console's side."""
    return ConsoleAuth(
        api_url=settings.hub_api_url,
        api_token=_hub_token(settings),
        cache_max_age=CACHE_SECONDS,
        base_url="/",
        hub_host=settings.hub_url,
        hub_prefix="/hub/",
        oauth_client_id=CLIENT_ID,
        oauth_redirect_uri=f"{settings.console_url}/oauth_callback",
        access_scopes={ACCESS_SCOPE},
        # Lax, not Strict: the way back from the hub's log-in begins on another site.
        cookie_options={"samesite": "Lax", "expires_days": None},
    )


async def door_actor(auth: HubAuth, headers: Mapping[str, str]) -> Actor:
    """Return the person behind a request through the door.

    Raises:
        NotAuthenticated: no token, or one that the hub does not know.
        NotAllowed: the token is not of the person whose door this is.
        Unavailable: the hub does not answer.
    """
    owner = headers.get(USER_HEADER, "")
    found = _TOKEN.fullmatch(headers.get("Authorization", ""))
    if not found or not owner:
        raise NotAuthenticated(
            "token-missing",
            "The request carries no token.",
            allowed="Ask from a notebook; its token is sent along.",
        )
    try:
        model = await auth.user_for_token(found[1], sync=False)
    except HTTPError:
        raise _hub_unavailable() from None
    if not model:
        raise NotAuthenticated(
            "token-unknown", "The hub does not know this token.", allowed="Restart your notebook server."
        )
    if model.get("name") != owner:
        raise NotAllowed(
            "token-foreign",
            "The token is another person's than the notebook it came from.",
            allowed="Use your own notebook's token.",
        )
    return actor_of(model, channel=Channel.NOTEBOOK)


async def console_actor(auth: ConsoleAuth, handler: RequestHandler) -> Actor | None:
    """Return the person who is logged in, None where nobody is (or the form's token is wrong).

    Raises:
        NotAllowed: the hub no longer lets the person use the console.
        Unavailable: the hub does not answer.
    """
    try:
        model = await auth.get_user(handler, sync=False)
    except HTTPError:
        raise _hub_unavailable() from None
    if not model:
        return None
    if not auth.check_scopes({ACCESS_SCOPE}, model):
        raise NotAllowed(
            "console-closed", "Your account may not use the console.", allowed="Ask the administrator."
        )
    return actor_of(model, channel=Channel.CONSOLE)


def actor_of(model: Mapping[str, Any], *, channel: Channel) -> Actor:
    """Turn the hub's user model into an actor.

    Raises:
        NotAllowed: it is a service, not a person, or a person with two roles that exclude each other.
    """
    if model.get("kind") != "user":
        raise NotAllowed("not-a-person", "Only people may ask, and this token is a service's.")
    groups = frozenset(model.get("groups", ()))
    pair = forbidden_together(groups)
    if pair:
        raise NotAllowed(
            "roles-conflict",
            f"Your account is in {' and '.join(sorted(pair))}, which no one person may be together.",
            allowed="Ask the administrator to take you out of one of them.",
        )
    granted = frozenset(scope for scope in Scope if scope.value in set(model.get("scopes", ())))
    return Actor(name=str(model["name"]), groups=groups, scopes=granted & scopes_of(groups), channel=channel)


def _hub_token(settings: Settings) -> str:
    path: Path = settings.keys / TOKEN_FILE
    try:
        mode, token = path.stat().st_mode, path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupRefusal(
            f"{path} cannot be read; run `sandbox init` as the one who runs the gateway."
        ) from error
    if mode & 0o077 or not token:
        raise StartupRefusal(f"{path} must hold the gateway's hub token and be readable by its owner only.")
    return token


def _hub_unavailable() -> Unavailable:
    return Unavailable(
        "hub-unavailable",
        "The hub does not answer, so nobody can be recognized.",
        allowed="Try again in a moment.",
    )
