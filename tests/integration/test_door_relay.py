"""The door's process parts on real sockets, with small servers on its other sides."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from sandbox.door import relay
from sandbox.door.keeper import Keeper, Place
from sandbox.door.meter import Meter
from sandbox.door.refusals import REPORT_PATH, Refusals
from sandbox.door.sides import Beyond, Watch
from sandbox.door.sockets import NotTheirs, checked_socket
from sandbox.errors import Malformed
from sandbox.settings import Settings

LIMIT = 1000


async def echo(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Upgrade", "").lower() == "websocket":
        socket = web.WebSocketResponse(protocols=["chat"])
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket
    body = await request.read()
    document = {"path": request.raw_path, "headers": dict(request.headers), "size": len(body)}
    return web.json_response(document, headers={"Content-Disposition": "attachment"})


@asynccontextmanager
async def serving(app: web.Application, path: Path) -> AsyncIterator[None]:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    try:
        yield
    finally:
        await runner.cleanup()


def listening(path: Path) -> AbstractAsyncContextManager[None]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", echo)
    return serving(app, path)


@asynccontextmanager
async def open_door(
    home: Path, uid: int, *, refusals: Refusals | None = None, browser_limit: int = LIMIT * 100
) -> AsyncIterator[tuple[Keeper, Place]]:
    settings = Settings(home=home)
    settings.gateway_socket.parent.mkdir(parents=True, exist_ok=True)
    (settings.run / "door").mkdir(exist_ok=True)
    async with (
        relay.session(aiohttp.TCPConnector()) as hub,
        relay.session(aiohttp.UnixConnector(str(settings.gateway_socket))) as gateway,
    ):
        beyond = Beyond(hub=hub, hub_address=URL("http://127.0.0.1:9"), gateway=gateway, body_limit=LIMIT)
        watch = Watch(
            refusals=refusals or Refusals(),
            meter=Meter(home / "traffic.json", limit=browser_limit),
            upload_limit=LIMIT,
        )
        keeper = Keeper(settings, beyond, watch)
        await keeper.restore()
        try:
            yield keeper, await keeper.admit("ana", uid=uid)
        finally:
            await keeper.close()
            watch.meter.save()


async def ask(
    place: Place, path: str, *, headers: dict[str, str] | None = None, body: bytes = b""
) -> tuple[int, bytes]:
    connector = aiohttp.UnixConnector(str(place.out / "door.sock"))
    async with (
        aiohttp.ClientSession(connector=connector) as client,
        client.post(URL("http://door" + path, encoded=True), headers=headers, data=body) as answer,
    ):
        return answer.status, await answer.read()


def test_the_gateway_is_told_who_asks_and_nothing_else_can_say_it(tmp_path: Path) -> None:
    async def story() -> dict[str, str]:
        async with open_door(tmp_path, os.geteuid()) as (_, place), listening(gateway_socket(tmp_path)):
            sent = {
                "X-Sandbox-User": "ben",
                "Forwarded": "for=ben",
                "Cookie": "a=b",
                "Authorization": "token t",
            }
            status, body = await ask(place, "/services/gateway/api/v1/queries", headers=sent)
            assert status == 200
            return dict(json.loads(body)["headers"])

    heard = asyncio.run(story())
    assert heard["X-Sandbox-User"] == "ana"
    assert heard["Authorization"] == "token t"
    assert {"Forwarded", "Cookie"}.isdisjoint(heard)


def test_another_uid_is_not_heard(tmp_path: Path) -> None:
    async def story() -> int:
        async with open_door(tmp_path, os.geteuid() + 1) as (_, place), listening(gateway_socket(tmp_path)):
            return (await ask(place, "/services/gateway/api/v1/queries"))[0]

    assert asyncio.run(story()) == 403


def test_a_body_above_the_limit_is_cut_off(tmp_path: Path) -> None:
    async def story() -> int:
        async with open_door(tmp_path, os.geteuid()) as (_, place), listening(gateway_socket(tmp_path)):
            return (await ask(place, "/services/gateway/a", body=bytes(LIMIT + 1)))[0]

    assert asyncio.run(story()) == 413


def test_everybody_has_the_same_way_after_a_restart_of_the_door(tmp_path: Path) -> None:
    async def once() -> Place:
        async with open_door(tmp_path, os.geteuid()) as (_, place):
            return place

    assert asyncio.run(once()) == asyncio.run(once())


def test_a_name_that_is_a_path_gets_no_door(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_door(tmp_path, os.geteuid()) as (keeper, _):
            await keeper.admit("../ben", uid=1)

    with pytest.raises(Malformed):
        asyncio.run(story())


def test_the_browser_reaches_the_notebook_with_messages_both_ways(tmp_path: Path) -> None:
    async def story() -> tuple[str, str | None]:
        async with (
            open_door(tmp_path, os.geteuid()) as (_, place),
            listening(place.into / "server.sock"),
            aiohttp.ClientSession() as client,
        ):
            base = f"http://127.0.0.1:{place.port}/user/ana"
            async with client.get(f"{base}/api/status") as answer:
                assert answer.status == 200
                assert "Content-Disposition" not in answer.headers
            async with client.ws_connect(f"{base}/api/kernels/k-1/channels", protocols=["chat"]) as channel:
                await channel.send_str("hello")
                return await channel.receive_str(), channel.protocol

    assert asyncio.run(story()) == ("HELLO", "chat")


@pytest.mark.parametrize("kind", ["link", "file", "fifo", "nothing", "linked folder"])
def test_only_the_persons_own_socket_is_connected_to(tmp_path: Path, kind: str) -> None:
    async def story() -> int:
        async with (
            open_door(tmp_path, os.geteuid()) as (_, place),
            listening(tmp_path / "server.sock"),
            aiohttp.ClientSession() as client,
        ):
            plant(place.into / "server.sock", kind, tmp_path / "server.sock")
            async with client.get(f"http://127.0.0.1:{place.port}/user/ana/api/status") as answer:
                return answer.status

    assert asyncio.run(story()) == 503


def test_a_socket_of_another_uid_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path / "server.sock"):
            with checked_socket(tmp_path, uid=os.geteuid() + 1):
                pass

    with pytest.raises(NotTheirs):
        asyncio.run(story())


def test_a_save_above_the_limit_is_told_its_size_and_never_reaches_the_notebook(tmp_path: Path) -> None:
    async def story() -> tuple[int, dict[str, object]]:
        async with browser(tmp_path) as (client, base):
            async with client.put(f"{base}/api/contents/a", data=bytes(LIMIT)) as answer:
                assert answer.status == 200
            async with client.put(f"{base}/api/contents/a", data=bytes(LIMIT + 1)) as answer:
                return answer.status, await answer.json()

    status, problem = asyncio.run(story())
    assert status == 413
    assert problem["detail"] == f"The request is larger than the {LIMIT} bytes the door lets through."


def test_a_save_in_pieces_is_cut_off_at_the_same_limit(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(LIMIT // 2)

    async def story() -> int:
        async with (
            browser(tmp_path) as (client, base),
            client.put(f"{base}/api/contents/a", data=pieces()) as answer,
        ):
            return answer.status

    assert asyncio.run(story()) == 413


def test_a_day_has_so_many_bytes_for_a_browser_and_no_more(tmp_path: Path) -> None:
    async def story() -> tuple[int, str]:
        async with browser(tmp_path, browser_limit=LIMIT) as (client, base):
            with contextlib.suppress(aiohttp.ClientError):
                for _ in range(100):
                    async with client.get(f"{base}/api/status") as answer:
                        if answer.status == 403:
                            return answer.status, (await answer.json())["detail"]
            async with client.get(f"{base}/api/status") as answer:
                return answer.status, (await answer.json())["detail"]

    assert asyncio.run(story()) == (403, "The bytes your browser may get in one day are used up.")
    counted = json.loads((tmp_path / "traffic.json").read_text())["people"]["ana"]["to_browser"]
    assert LIMIT < counted < 3 * LIMIT


def test_messages_of_a_kernel_count_like_everything_else(tmp_path: Path) -> None:
    async def story() -> aiohttp.WSMsgType:
        async with (
            browser(tmp_path, browser_limit=LIMIT) as (client, base),
            client.ws_connect(f"{base}/api/kernels/k-1/channels") as channel,
        ):
            for _ in range(3):
                await channel.send_str("x" * (LIMIT // 2))
            kinds = [(await channel.receive()).type for _ in range(3)]
            return kinds[-1]

    assert asyncio.run(story()) is aiohttp.WSMsgType.CLOSE


def test_what_is_refused_reaches_the_gateway_once_for_each_person_and_report(tmp_path: Path) -> None:
    refusals = Refusals()
    heard: list[dict[str, object]] = []

    async def story() -> None:
        async with (
            relay.session(aiohttp.UnixConnector(str(gateway_socket(tmp_path)))) as gateway,
            open_door(tmp_path, os.geteuid(), refusals=refusals) as (_, place),
        ):
            for _ in range(50):
                await ask(place, "/hub/api/users")
            await ask(place, REPORT_PATH)
            await refusals.report(gateway)  # nobody listens: nothing may be lost
            async with taking(gateway_socket(tmp_path), heard):
                await refusals.report(gateway)
                await refusals.report(gateway)

    asyncio.run(story())
    reason = "A notebook may reach its gateway and nothing else."
    assert heard == [{"user": "ana", "first": "POST /hub/api/users", "reasons": {reason: 51}}]


def taking(path: Path, heard: list[dict[str, object]]) -> AbstractAsyncContextManager[None]:
    """A gateway that takes reports."""

    async def take(request: web.Request) -> web.Response:
        heard.append(await request.json())
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post(REPORT_PATH, take)
    return serving(app, path)


@asynccontextmanager
async def browser(
    home: Path, *, browser_limit: int = LIMIT * 100
) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A browser before ana's door, and a server behind it."""
    async with (
        open_door(home, os.geteuid(), browser_limit=browser_limit) as (_, place),
        listening(place.into / "server.sock"),
        aiohttp.ClientSession() as client,
    ):
        yield client, f"http://127.0.0.1:{place.port}/user/ana"


def plant(place: Path, kind: str, target: Path) -> None:
    match kind:
        case "link":
            place.symlink_to(target)
        case "file":
            place.touch()
        case "fifo":
            os.mkfifo(place)
        case "linked folder":
            place.parent.rename(place.parent.with_name("kept"))
            place.parent.symlink_to(target.parent)
        case _:
            assert kind == "nothing"


def gateway_socket(home: Path) -> Path:
    return Settings(home=home).gateway_socket
