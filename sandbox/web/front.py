"""Every request's way through the server, the same for both channels.

1. headers that hold for whatever is sent back; 2. host and size; 3. path and route; 4. identity;
5. scope; 6. body; 7. the handler, in a worker thread; 8. the reply. A refusal at any step is
recorded in the log under the name of whoever was recognized, then sent as a problem document (or as
a page to a browser). Whatever is not a refusal becomes a constant 500, and the server's own log
names its type and place only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from jupyterhub.services.auth import HubAuth  # type: ignore[import-untyped]  # it ships no types
from tornado.web import Finish, HTTPError, RequestHandler, stream_request_body

from sandbox.errors import NotAllowed, Refusal, TooLarge, Unavailable, where
from sandbox.gateway import Gateway
from sandbox.policy.roles import Actor, Channel
from sandbox.web import problem, strict
from sandbox.web.languages import DEFAULT
from sandbox.web.problem import MethodNotAllowed, shown
from sandbox.web.route import Call, Reply, Route
from sandbox.web.routes import find
from sandbox.web.viewer.coverage import Coverage

T = TypeVar("T")
log = logging.getLogger("sandbox.web")
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
DRAIN = 4
"""A body of up to so many times the limit is read and thrown away, so that its sender hears the 413."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """What all handlers of one server share."""

    gateway: Gateway
    pool: Executor
    """Works on requests."""
    waiting: Executor
    """Works on those whose answer is held back, so that waiting keeps no other request from its worker."""
    channel: Channel
    prefix: str
    """What stands before every path of the table."""
    isolation_note: str = ""
    coverage: Coverage = field(default_factory=Coverage)
    """What of which file was on whose screen."""


@stream_request_body
class Front(RequestHandler):
    """The one handler of a server; its subclasses know how to recognize a person."""

    def initialize(self, site: Site, auth: HubAuth) -> None:
        """Take what all requests share."""
        self.site = site
        self.auth = auth
        self.actor: Actor | None = None
        self.data = bytearray()
        self.oversize = False
        self.arrived = time.monotonic()

    @abstractmethod
    async def identify(self) -> Actor:
        """Return the person, or raise a refusal, or finish the request by leading to the log-in."""

    def set_default_headers(self) -> None:
        """Set what holds for every answer, faults included."""
        self.clear_header("Server")
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)

    def compute_etag(self) -> None:
        """Give no tags: nothing is stored, so nothing is revalidated."""

    def prepare(self) -> None:
        """Refuse a body that would not even be thrown away."""
        limit = self.site.gateway.settings.body_limit
        length = self.request.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > limit * DRAIN:
            self.set_header("Connection", "close")
            self._send(self.show(_too_large(limit)))

    def data_received(self, chunk: bytes) -> None:
        """Keep the body up to the limit, throw away what exceeds it."""
        if len(self.data) + len(chunk) > self.site.gateway.settings.body_limit:
            self.oversize = True
            self.data.clear()
        if not self.oversize:
            self.data += chunk

    async def serve(self) -> None:
        """Answer one request."""
        try:
            reply = await self._answer()
        except Refusal as refusal:
            reply = self.show(refusal)
        self._send(reply)

    get = head = post = put = delete = patch = options = serve

    def show(self, refusal: Refusal) -> Reply:
        """Return a refusal as it is sent."""
        headers = {"Allow": ", ".join(refusal.methods)} if isinstance(refusal, MethodNotAllowed) else {}
        return replace(self.present(problem.of_refusal(refusal)), headers=headers)

    def present(self, document: dict[str, Any]) -> Reply:
        """Return a problem document as it is sent; a browser's pages override it."""
        return Reply(
            body=problem.encode(document), content_type=problem.CONTENT_TYPE, status=document["status"]
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send the constant document of a fault, or of what is not HTTP."""
        del kwargs
        reply = self.present(problem.of_status(status_code))
        if status_code == MethodNotAllowed.status:
            reply = self.show(MethodNotAllowed(("GET", "POST")))
        self._send(reply)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Note a fault by type and place; neither its text nor the request is written anywhere."""
        del typ, tb
        if not isinstance(value, HTTPError | Finish):
            log.error("fault: %s", where(value))

    async def run(self, function: Callable[[], T], *, held: bool = False) -> T:
        """Run blocking work in a worker thread; ``held`` if most of it may be waiting."""
        pool = self.site.waiting if held else self.site.pool
        return await asyncio.get_running_loop().run_in_executor(pool, function)

    async def _answer(self) -> Reply:
        try:
            self.check_origin_of_request()
            route, params = find(
                strict.segments(self.request.path),
                method=self.request.method or "",
                channel=self.site.channel,
                prefix=self.site.prefix,
            )
        except Refusal as refusal:
            # Recognize the person first, so that the record says who tried.
            self.actor = await self.identify()
            await self._record(refusal)
            raise
        if not route.public:
            self.actor = await self.identify()
        try:
            call = self._call(route, params)
        except Refusal as refusal:
            await self._record(refusal)
            raise
        try:
            return await self.run(partial(route.handler, call), held=route.held)
        except Refusal as refusal:
            if not route.recorded:
                await self._record(refusal)
            raise

    def check_origin_of_request(self) -> None:
        """Refuse a request that names another host or comes from another site; the console overrides it."""

    def _call(self, route: Route, params: Mapping[str, str]) -> Call:
        actor = self.actor or Actor(
            name="", groups=frozenset(), scopes=frozenset(), channel=self.site.channel
        )
        if route.scope is not None and route.scope not in actor.scopes:
            raise NotAllowed(
                "scope-missing",
                "Your role does not include this.",
                allowed=f"It takes the scope {route.scope.value}, which your roles do not give here.",
            )
        if self.oversize:
            raise _too_large(self.site.gateway.settings.body_limit)
        content_type = self.request.headers.get("Content-Type", "")
        return Call(
            gateway=self.site.gateway,
            actor=actor,
            params=params,
            query=strict.query_fields(self.request.query),
            body=strict.read_body(route.body, bytes(self.data), content_type=content_type)
            if route.body
            else None,
            xsrf=self.form_token() if self.actor else "",
            cross_site=self.request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"},
            arrived=self.arrived,
            isolation_note=self.site.isolation_note,
            language=self.language(),
            coverage=self.site.coverage,
            place=self.request.uri or "/" if self.request.method == "GET" else "/",
        )

    def language(self) -> str:
        """Return the language of what people read; only the console has pages."""
        return DEFAULT

    def form_token(self) -> str:
        """Return the token that forms carry; only the console has forms."""
        return ""

    async def _record(self, refusal: Refusal) -> None:
        """Put a refused attempt on record; attempts by nobody known would let anyone fill the log."""
        if self.actor is None or isinstance(refusal, Unavailable):
            return
        what = shown(f"{self.request.method} {self.request.path}")
        await self.run(partial(self.site.gateway.refused, self.actor, what=what, refusal=refusal))

    def _send(self, reply: Reply) -> None:
        self.set_status(reply.status)
        self.set_header("Content-Type", reply.content_type)
        for name, value in reply.headers.items():
            self.set_header(name, value)
        self.finish(reply.body)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        "body-too-large", "The request body is too large.", allowed=f"At most {limit} bytes are read."
    )
