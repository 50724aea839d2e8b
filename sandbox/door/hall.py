"""``python -m sandbox.door.hall``: where doors on other machines arrive.

A notebook in a pod has its door beside it (:mod:`sandbox.door.beside`), and that door speaks to this process
and nothing else. Guarantees: only TLS 1.3 is heard; whose door speaks is known from its pass alone; the same
list of paths and headers holds as for a door on this machine, whatever the one beside the notebook let
through; reports of refusals are taken about the pass's own person only.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import ssl
from http import HTTPStatus
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from sandbox.door import relay
from sandbox.door.passes import PASS_HEADER, holder, read_key
from sandbox.door.refusals import GATEWAY, REPORT_PATH
from sandbox.door.rules import Closed
from sandbox.door.sides import Beyond, carry_out
from sandbox.errors import StartupRefusal
from sandbox.settings import Settings

log = logging.getLogger("sandbox.door")
CERTIFICATE = "tls.crt"
KEY = "tls.key"


class Hall:
    """Answers doors.

    Args:
        key: of their passes.
        beyond: where hub and gateway are.
    """

    def __init__(self, key: bytes, beyond: Beyond) -> None:
        self._key = key
        self._beyond = beyond

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of a door."""
        name = holder(self._key, request.headers.get(PASS_HEADER, ""))
        if name is None:
            log.warning("refused: a door without a pass")
            return relay.problem(HTTPStatus.UNAUTHORIZED, "This is no door's pass.")
        if (request.method, request.raw_path) == ("POST", REPORT_PATH):
            return await self._report(name, request)
        try:
            return await carry_out(request, name=name, beyond=self._beyond)
        except Closed as closed:
            # The door beside the notebook has this list too: what comes here past it is not an accident.
            log.warning("refused past a door: user=%s reason=%s", name, closed)
            return relay.problem(HTTPStatus.FORBIDDEN, str(closed))

    async def _report(self, name: str, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read(self._beyond.body_limit)
        try:
            about = json.loads(body)["user"]
        except (ValueError, KeyError, TypeError):
            about = None
        if about != name:
            return relay.problem(HTTPStatus.FORBIDDEN, "A door reports about its own person.")
        headers = {"Content-Type": "application/json"}
        try:
            async with self._beyond.gateway.post(
                f"{GATEWAY}{REPORT_PATH}", data=body, headers=headers
            ) as taken:
                return web.Response(status=taken.status)
        except (aiohttp.ClientError, TimeoutError):
            return relay.problem(HTTPStatus.BAD_GATEWAY, "The gateway does not answer.")


def server_side(directory: Path) -> ssl.SSLContext:
    """Return the hall's side of TLS.

    Raises:
        StartupRefusal: certificate or key are not there, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(directory / CERTIFICATE, directory / KEY)
    except (OSError, ssl.SSLError) as error:
        raise StartupRefusal(f"The hall's certificate and key cannot be read in {directory}.") from error
    return context


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Hear doors until ``stop`` is set.

    Raises:
        StartupRefusal: the key of passes or the certificate is missing.
    """
    key, context = read_key(settings.doors), server_side(settings.doors)
    async with (
        relay.session(aiohttp.TCPConnector()) as hub,
        relay.session(aiohttp.UnixConnector(str(settings.gateway_socket.resolve()))) as gateway,
    ):
        hub_address = URL(settings.hub_api_url).origin()
        beyond = Beyond(hub=hub, hub_address=hub_address, gateway=gateway, body_limit=settings.body_limit)
        runner = web.ServerRunner(web.Server(Hall(key, beyond).answer))
        await runner.setup()
        await web.TCPSite(
            runner, settings.listen or "127.0.0.1", settings.hall_port, ssl_context=context
        ).start()
        log.info("open")
        await stop.wait()
        await runner.cleanup()


async def _main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(Settings.from_environment(), stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    asyncio.run(_main())
