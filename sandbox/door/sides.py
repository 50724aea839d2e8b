"""The two sides of one person's door.

Guarantees: on the way out, only the uid that belongs to the person is heard, only listed headers pass,
and the gateway is told who asks by a header nobody else can set; on the way in, only a socket the
person's own uid made is connected to, and what comes back can neither leave the page's origin, nor be
saved by a header, nor loosen the browser's rules.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from sandbox.door import relay
from sandbox.door.meter import Meter
from sandbox.door.refusals import Refusals
from sandbox.door.rules import GATEWAY_PREFIX, Closed, pass_inward, pass_outward
from sandbox.door.sockets import NotTheirs, checked_socket, peer_uid

log = logging.getLogger("sandbox.door")

USER_HEADER = "X-Sandbox-User"
"""Who is asking, as the door knows it from the socket; the gateway compares it with the token."""
CONTENTS = "api/contents/"
"""Where Jupyter puts what is saved and what is uploaded, both by the same request."""

OUTWARD_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "authorization", "content-length", "content-type",
        "idempotency-key", "if-match", "if-none-match", "user-agent",
    }
)  # fmt: skip
_BROWSER_RULES = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval' 'unsafe-inline'",  # JupyterLab compiles its settings' schemas
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",  # covers websockets to this origin; any wider word would let data out
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}
CONTENT_SECURITY_POLICY = "; ".join(f"{directive} {sources}" for directive, sources in _BROWSER_RULES.items())
_NOT_FROM_A_NOTEBOOK = frozenset(
    {
        "content-disposition", "content-security-policy", "content-security-policy-report-only",
        "cross-origin-opener-policy", "cross-origin-embedder-policy", "service-worker-allowed",
        "clear-site-data", "refresh", "link", "report-to", "reporting-endpoints", "nel",
        "access-control-allow-origin", "access-control-allow-credentials", "x-frame-options",
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Whose door it is."""

    name: str
    uid: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Beyond:
    """What lies outside the door."""

    hub: aiohttp.ClientSession
    hub_address: URL
    gateway: aiohttp.ClientSession
    body_limit: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """What the door counts and limits, of all people."""

    refusals: Refusals
    meter: Meter
    upload_limit: int
    """Bytes of one request into a notebook."""
    for_all: frozenset[int] = frozenset()
    """Uids that connect for any notebook: root where gVisor carries its connections. It gives each container
    only its own person's directory, and root could open every socket anyway."""


async def outward(
    request: web.BaseRequest, *, person: Person, beyond: Beyond, watch: Watch
) -> web.StreamResponse:
    """Answer one request that a notebook made."""
    transport = request.transport
    theirs = {person.uid, *watch.for_all}
    if transport is None or peer_uid(transport.get_extra_info("socket")) not in theirs:
        return refused(person, request, "This way belongs to another person.", watch)
    try:
        return await carry_out(request, name=person.name, beyond=beyond)
    except Closed as closed:
        return refused(person, request, str(closed), watch)


async def carry_out(request: web.BaseRequest, *, name: str, beyond: Beyond) -> web.StreamResponse:
    """Carry what the notebook of ``name`` asks to the hub or the gateway.

    Raises:
        Closed: it is not on the list.
    """
    path = pass_outward(name, request.method, raw_path(request))
    headers = outward_headers(request)
    if path.startswith(GATEWAY_PREFIX):
        headers[USER_HEADER] = name
        client, address = beyond.gateway, URL("http://gateway")
    else:
        client, address = beyond.hub, beyond.hub_address
    return await relay.carry(
        request,
        client,
        address_of(address, path, request),
        headers=headers,
        answer_headers=relay.end_to_end,
        limit=beyond.body_limit,
    )


def outward_headers(request: web.BaseRequest) -> CIMultiDict[str]:
    """Return the listed headers of a notebook's request."""
    return CIMultiDict((n, v) for n, v in request.headers.items() if n.lower() in OUTWARD_HEADERS)


async def inward(
    request: web.BaseRequest, *, person: Person, directory: Path, watch: Watch
) -> web.StreamResponse:
    """Answer one request that the proxy sent to a person's notebook."""
    try:
        path = pass_inward(person.name, request.method, raw_path(request))
    except Closed as closed:
        return refused(person, request, str(closed), watch)
    if watch.meter.used_up(person.name):
        return refused(person, request, "The bytes your browser may get in one day are used up.", watch)
    headers = relay.end_to_end(CIMultiDict(request.headers), drop=frozenset({USER_HEADER.lower()}))
    url = address_of(URL("http://notebook"), path, request)
    passed = partial(watch.meter.to_browser, person.name)
    _note_what_enters(request, person, path, watch)
    try:
        with checked_socket(directory, uid=person.uid) as socket:
            async with relay.session(aiohttp.UnixConnector(socket, force_close=True)) as client:
                if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
                    return await relay.carry_websocket(request, client, url, headers=headers, passed=passed)
                return await relay.carry(
                    request,
                    client,
                    url,
                    headers=headers,
                    answer_headers=lambda answer: notebook_headers(person.name, answer),
                    limit=watch.upload_limit,
                    passed=passed,
                )
    except NotTheirs as missing:
        log.warning("no server: user=%s reason=%s", person.name, missing)
        return relay.problem(HTTPStatus.SERVICE_UNAVAILABLE, "The notebook's server does not listen.")


def _note_what_enters(request: web.BaseRequest, person: Person, path: str, watch: Watch) -> None:
    """Count a request's bytes; say of each file that is saved or uploaded how large it is."""
    size = request.content_length or 0
    watch.meter.to_notebook(person.name, size)
    if request.method in {"PUT", "POST"} and path.startswith(f"/user/{person.name}/{CONTENTS}"):
        # The file's name is the person's own matter; its size and time are what a review needs.
        log.info("into notebook: user=%s method=%s bytes=%d", person.name, request.method, size)


def notebook_headers(name: str, answer: CIMultiDict[str]) -> CIMultiDict[str]:
    """Return what the browser may see of the headers a notebook's server sent."""
    headers = relay.end_to_end(answer, drop=_NOT_FROM_A_NOTEBOOK)
    cookies = headers.popall(hdrs.SET_COOKIE, [])
    home = f"path=/user/{name}/"
    for cookie in cookies:
        if (
            any(part.strip().lower() == home for part in cookie.split(";")[1:])
            and "domain=" not in cookie.lower()
        ):
            headers.add(hdrs.SET_COOKIE, cookie)
    location = headers.get(hdrs.LOCATION, "/")
    if not location.startswith("/") or location.startswith(("//", "/\\")):
        del headers[hdrs.LOCATION]
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    return headers


def raw_path(request: web.BaseRequest) -> str:
    """Return the path as it was written, without the query."""
    return request.raw_path.partition("?")[0]


def address_of(base: URL, path: str, request: web.BaseRequest) -> URL:
    """Return where ``request`` is sent on: ``path`` at ``base``, with its own query."""
    query = request.raw_path.partition("?")[2]
    return URL(f"{base.origin()}{path}" + (f"?{query}" if query else ""), encoded=True)


def refused(person: Person, request: web.BaseRequest, sentence: str, watch: Watch) -> web.Response:
    """Return a refusal, which is counted."""
    watch.refusals.note(person.name, what=f"{request.method} {request.raw_path}", reason=sentence)
    return relay.problem(HTTPStatus.FORBIDDEN, sentence)
