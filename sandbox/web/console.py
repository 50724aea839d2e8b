"""The console's server: pages for people, logged in at the hub, one origin of its own."""

from __future__ import annotations

from typing import Any

from jupyterhub.services.auth import HubAuth, HubOAuthCallbackHandler, HubOAuthenticated  # type: ignore[import-untyped]  # it ships no types
from tornado.web import Finish, HTTPError, stream_request_body

from sandbox.errors import NotAllowed, NotAuthenticated, Refusal
from sandbox.policy.roles import Actor
from sandbox.settings import Settings
from sandbox.web import languages, session, strict
from sandbox.web.front import Front, Site
from sandbox.web.problem import Misdirected
from sandbox.web.render import problem_page
from sandbox.web.route import Reply


class ConsoleFront(HubOAuthenticated, Front):  # type: ignore[misc]  # jupyterhub ships no types
    """Answers browsers."""

    def initialize(self, site: Site, auth: HubAuth) -> None:
        """Take what all requests share."""
        super().initialize(site, auth)
        self.hub_auth = auth

    async def identify(self) -> Actor:
        """Return who is logged in; lead a browser that opens a page to the hub's log-in."""
        if self.request.method != "GET":
            # The hub's check looks for the form's token among the arguments; bodies are streamed here.
            content_type = self.request.headers.get("Content-Type", "")
            self.request.arguments["_xsrf"] = strict.form_token(bytes(self.data), content_type=content_type)
        actor = await session.console_actor(self.hub_auth, self)
        if actor is not None:
            return actor
        if self.request.method == "GET":
            self.redirect(self.get_login_url())
            raise Finish
        raise NotAuthenticated(
            "login-needed",
            "You are not logged in any more, or this form is too old.",
            allowed="Open the page again, then repeat; nothing was changed.",
        )

    def check_origin_of_request(self) -> None:
        """Refuse another host name (DNS rebinding) and a form that another site sends."""
        check_host(self, self.site.gateway.settings)
        from_elsewhere = self.request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}
        if self.request.method != "GET" and from_elsewhere:
            raise NotAllowed(
                "cross-site", "Another site sent this form.", allowed="Use the console's own pages."
            )

    def form_token(self) -> str:
        """Return the hub's XSRF token of this log-in."""
        return self.xsrf_token.decode()

    def language(self) -> str:
        """Return the language that was chosen here, or else the browser's."""
        return languages.choose(
            cookie=self.get_cookie(languages.COOKIE, "") or "",
            accept=self.request.headers.get("Accept-Language", ""),
        )

    def present(self, document: dict[str, Any]) -> Reply:
        """Return a problem as a page, to programs as a document."""
        if self.request.path.startswith("/api/"):
            return super().present(document)
        return problem_page(
            document, actor=self.actor, language=self.language(), isolation_note=self.site.isolation_note
        )


@stream_request_body
class Callback(ConsoleFront, HubOAuthCallbackHandler):  # type: ignore[misc]  # jupyterhub ships no types
    """The end of the hub's log-in; everything but its GET is refused as on any page."""

    async def get(self) -> None:
        """Exchange the hub's code for a token and set the cookie."""
        try:
            check_host(self, self.site.gateway.settings)
            await HubOAuthCallbackHandler.get(self)
        except Refusal as refusal:
            self._send(self.show(refusal))
        except HTTPError:
            # Its text repeats parts of the request; whatever the reason, the way out is the same.
            self._send(
                self.show(
                    NotAuthenticated(
                        "login-failed",
                        "The log-in was not completed.",
                        allowed="Open the console's start page to log in again.",
                    )
                )
            )


def check_host(handler: Front, settings: Settings) -> None:
    """Refuse a request that was meant for another host."""
    if handler.request.host.lower() != f"{settings.console_host}:{settings.console_port}":
        raise Misdirected(
            "host-unknown", "This server does not have that name.", allowed=f"Open {settings.console_url}."
        )
