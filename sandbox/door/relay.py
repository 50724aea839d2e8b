"""Carries one request, or one websocket, from one side of the door to the other.

Guarantees: a body above its limit is cut off and answered 413; an answer is cut where whoever counts its
bytes says so; no redirect is followed; nothing is decoded, decompressed or kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

CHUNK = 64 * 1024
MESSAGE_LIMIT = 64 * 1024 * 1024
"""Largest websocket message, in bytes; a figure in a notebook is a few megabytes."""
CONNECT_SECONDS = 5.0
HOP_BY_HOP = frozenset(
    name.lower()
    for name in (
        hdrs.CONNECTION, hdrs.KEEP_ALIVE, hdrs.PROXY_AUTHENTICATE, hdrs.PROXY_AUTHORIZATION,
        hdrs.TE, hdrs.TRAILER, hdrs.TRANSFER_ENCODING, hdrs.UPGRADE,
    )
)  # fmt: skip  # RFC 9110 section 7.6.1
_HANDSHAKE = "sec-websocket-"
_EMPTY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})

AnswerHeaders = Callable[[CIMultiDict[str]], CIMultiDict[str]]
Passed = Callable[[int], bool]
"""Is told how many bytes of an answer are about to pass; False stops them."""
Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class _Limited:
    """A request's body, up to a limit; iterating stops with an error beyond it.

    Attributes:
        exceeded: whether it did. The client that sends the body on wraps what iterating raises in an
            error of its own, from which nobody can tell whose fault it was.
    """

    def __init__(self, request: web.BaseRequest, limit: int) -> None:
        self._request = request
        self._limit = limit
        self.exceeded = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        passed = 0
        async for chunk in self._request.content.iter_chunked(CHUNK):
            passed += len(chunk)
            if passed > self._limit:
                self.exceeded = True
                raise ValueError
            yield chunk


def problem(status: HTTPStatus, sentence: str) -> web.Response:
    """Return a one-sentence problem document (RFC 9457)."""
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": sentence}
    return web.Response(
        status=status.value, body=json.dumps(document).encode(), content_type="application/problem+json"
    )


def end_to_end(headers: CIMultiDict[str], *, drop: frozenset[str] = frozenset()) -> CIMultiDict[str]:
    """Return ``headers`` without those that end at this hop and without ``drop`` (lower case)."""
    named = {
        name.strip().lower() for value in headers.getall(hdrs.CONNECTION, []) for name in value.split(",")
    }
    gone = HOP_BY_HOP | named | drop
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in gone)


def session(
    connector: aiohttp.BaseConnector, *, headers: Mapping[str, str] | None = None
) -> aiohttp.ClientSession:
    """Return a client that keeps no cookies and touches no body; ``headers`` go with every request."""
    return aiohttp.ClientSession(
        connector=connector,
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        skip_auto_headers=(hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE),
    )


async def carry(
    request: web.BaseRequest,
    client: aiohttp.ClientSession,
    url: URL,
    *,
    headers: CIMultiDict[str],
    answer_headers: AnswerHeaders,
    limit: int,
    passed: Passed = lambda size: True,  # noqa: ARG005  # nothing to count
) -> web.StreamResponse:
    """Send ``request`` on to ``url`` and its answer back, both as streams."""
    if (request.content_length or 0) > limit:
        return _too_large(limit)
    body = _Limited(request, limit)
    try:
        async with client.request(
            request.method,
            url,
            headers=headers,
            data=aiter(body) if request.body_exists else None,
            allow_redirects=False,
        ) as answer:
            kept = answer_headers(CIMultiDict(answer.headers))
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=kept)
            await response.prepare(request)
            if answer.status not in _EMPTY:
                async for chunk in answer.content.iter_chunked(CHUNK):
                    if not passed(len(chunk)):
                        _cut(request)  # an orderly end would make the part look like the whole
                        return response
                    await response.write(chunk)
            await response.write_eof()
            return response
    except (aiohttp.ClientError, TimeoutError, ValueError):
        if body.exceeded:
            return _too_large(limit)
        return problem(HTTPStatus.BAD_GATEWAY, "The other side of the door does not answer.")


async def carry_websocket(
    request: web.BaseRequest,
    client: aiohttp.ClientSession,
    url: URL,
    *,
    headers: CIMultiDict[str],
    passed: Passed,
) -> web.StreamResponse:
    """Open a websocket to ``url`` for ``request`` and pass messages both ways until one side closes.

    What comes back is told to ``passed``, and the first message that may not pass ends the websocket.
    """
    protocols = [
        name.strip() for name in request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "").split(",") if name
    ]
    plain = CIMultiDict((n, v) for n, v in headers.items() if not n.lower().startswith(_HANDSHAKE))
    try:
        inner = await client.ws_connect(
            url, headers=plain, protocols=protocols, max_msg_size=MESSAGE_LIMIT, autoping=False
        )
    except aiohttp.WSServerHandshakeError as error:
        refused = (
            HTTPStatus.FORBIDDEN
            if error.status < HTTPStatus.INTERNAL_SERVER_ERROR
            else HTTPStatus.BAD_GATEWAY
        )
        return problem(refused, "The notebook refused this connection.")
    except (aiohttp.ClientError, TimeoutError):
        return problem(HTTPStatus.BAD_GATEWAY, "The notebook does not answer.")
    async with inner:
        outer = web.WebSocketResponse(
            protocols=[inner.protocol] if inner.protocol else [],
            max_msg_size=MESSAGE_LIMIT,
            autoping=False,
            compress=False,
        )
        await outer.prepare(request)
        pumps = [
            asyncio.create_task(_pump(outer, inner, lambda size: True)),  # noqa: ARG005  # nothing to count
            asyncio.create_task(_pump(inner, outer, passed)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            await outer.close(code=_close_code(inner.close_code))
        return outer


async def _pump(source: Socket, target: Socket, passed: Passed) -> None:
    async for message in source:
        if isinstance(message.data, str | bytes) and not passed(len(message.data)):
            return
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                await target.send_str(message.data)
            case aiohttp.WSMsgType.BINARY:
                await target.send_bytes(message.data)
            case aiohttp.WSMsgType.PING:
                await target.ping(message.data)
            case aiohttp.WSMsgType.PONG:
                await target.pong(message.data)
            case _:
                return


def _too_large(limit: int) -> web.Response:
    return problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The request is larger than the {limit} bytes the door lets through.",
    )


def _cut(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _close_code(code: int | None) -> int:
    """What may be sent as a close's reason; 1004-1006 and 1015 are only observed (RFC 6455 7.4.1)."""
    if code is None or code in {1004, 1005, 1006, 1015}:
        return aiohttp.WSCloseCode.GOING_AWAY
    return code
