"""``python -m sandbox.door``: the door's process.

The hub orders doors on a socket of mode 0600: ``PUT /users/NAME`` with ``{"uid": 300001}`` answers where
the door is, ``DELETE /users/NAME`` closes it. Both may be repeated.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
from http import HTTPStatus

import aiohttp
from aiohttp import web
from yarl import URL

from sandbox.door import relay
from sandbox.door.keeper import Keeper
from sandbox.door.meter import Meter
from sandbox.door.refusals import Refusals
from sandbox.door.sides import Beyond, Watch
from sandbox.errors import Refusal
from sandbox.settings import Settings

CONTROL_SOCKET = "control.sock"


def control_app(keeper: Keeper) -> web.Application:
    """Return the application on which the hub orders doors."""

    async def put(request: web.Request) -> web.StreamResponse:
        try:
            uid = json.loads(await request.read())["uid"]
        except (ValueError, KeyError, TypeError):
            return relay.problem(HTTPStatus.BAD_REQUEST, 'The body must be {"uid": NUMBER}.')
        if not isinstance(uid, int) or uid < 0:
            return relay.problem(HTTPStatus.BAD_REQUEST, "The uid must be a number.")
        try:
            place = await keeper.admit(request.match_info["name"], uid=uid)
        except Refusal as refusal:
            return relay.problem(HTTPStatus.BAD_REQUEST, refusal.sentence)
        return web.json_response(place.to_document())

    async def delete(request: web.Request) -> web.StreamResponse:
        await keeper.dismiss(request.match_info["name"])
        return web.Response(status=HTTPStatus.NO_CONTENT)

    app = web.Application()
    app.router.add_put("/users/{name}", put)
    app.router.add_delete("/users/{name}", delete)
    return app


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Keep the doors until ``stop`` is set."""
    directory = settings.run.resolve() / "door"
    directory.mkdir(parents=True, exist_ok=True)
    async with (
        relay.session(aiohttp.TCPConnector()) as hub,
        relay.session(aiohttp.UnixConnector(str(settings.gateway_socket.resolve()))) as gateway,
    ):
        hub_address = URL(settings.hub_api_url).origin()
        beyond = Beyond(hub=hub, hub_address=hub_address, gateway=gateway, body_limit=settings.body_limit)
        watch = Watch(
            refusals=Refusals(),
            meter=Meter(directory / "traffic.json", limit=settings.browser_limit),
            upload_limit=settings.upload_limit,
            for_all=frozenset({0} if settings.runtime == "runsc" else ()),
        )
        keeper = Keeper(settings, beyond, watch)
        await keeper.restore()
        chores = [
            asyncio.create_task(watch.refusals.report_now_and_then(gateway)),
            asyncio.create_task(watch.meter.save_now_and_then()),
        ]
        runner = web.AppRunner(control_app(keeper))
        await runner.setup()
        control = directory / CONTROL_SOCKET
        control.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            await web.UnixSite(runner, str(control)).start()
        finally:
            os.umask(old)
        logging.getLogger("sandbox.door").info("open")
        await stop.wait()
        await runner.cleanup()
        await keeper.close()
        for chore in chores:
            chore.cancel()
        watch.meter.save()
        await watch.refusals.report(gateway)


async def _main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(Settings.from_environment(), stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # What a login gives is too little for many people; what the system allows is for this process to use.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_main())
