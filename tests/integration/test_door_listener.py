"""One side of a door under more connections than it hears."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from sandbox.door.listener import CONNECTIONS, WAITING, Listener

SHORT = 0.3
LONG = 10.0


async def hello(request: web.BaseRequest) -> web.StreamResponse:
    if request.headers.get("Upgrade", "").lower() == "websocket":
        channel = web.WebSocketResponse()
        await channel.prepare(request)
        async for _ in channel:
            pass
        return channel
    return web.Response(text="hello")


@asynccontextmanager
async def heard(path: Path) -> AsyncIterator[Listener]:
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    listener = Listener(bound, hello)
    listener.start()
    try:
        yield listener
    finally:
        await listener.close()


async def say_hello(path: Path) -> str:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as client,
        client.get("http://door/") as answer,
    ):
        return await answer.text()


async def connected(path: Path, *, most: int) -> list[socket.socket]:
    """Connect until the kernel refuses, or ``most`` times; the door gets its turns meanwhile."""
    made: list[socket.socket] = []
    while len(made) < most:
        one = socket.socket(socket.AF_UNIX)
        one.setblocking(False)
        try:
            one.connect(str(path))
        except BlockingIOError:
            one.close()
            await asyncio.sleep(0.01)
            if len(made) >= CONNECTIONS + WAITING:
                break
        else:
            made.append(one)
    return made


def closing_all(connections: list[socket.socket]) -> ExitStack:
    stack = ExitStack()
    for connection in connections:
        stack.enter_context(connection)
    return stack


def test_a_connection_above_the_limit_waits_and_is_heard_when_another_ends(tmp_path: Path) -> None:
    async def story() -> tuple[bool, str]:
        path = tmp_path / "door.sock"
        async with heard(path):
            with closing_all(await connected(path, most=CONNECTIONS)) as held:
                await asyncio.sleep(SHORT)
                late = asyncio.create_task(say_hello(path))
                done, _ = await asyncio.wait({late}, timeout=SHORT)
                held.close()
                return bool(done), await asyncio.wait_for(late, LONG)

    assert asyncio.run(story()) == (False, "hello")


def test_the_kernel_refuses_what_finds_no_room_to_wait(tmp_path: Path) -> None:
    async def story() -> int:
        path = tmp_path / "door.sock"
        async with heard(path):
            connections = await connected(path, most=2 * (CONNECTIONS + WAITING))
            with closing_all(connections):
                return len(connections)

    # One more may wait than the backlog says (listen(2)), and one is between the kernel and the loop.
    assert CONNECTIONS + WAITING <= asyncio.run(story()) <= CONNECTIONS + WAITING + 2


def test_connections_that_come_and_go_leave_all_of_the_room(tmp_path: Path) -> None:
    async def story() -> str:
        path = tmp_path / "door.sock"
        async with heard(path):
            for _ in range(4):
                closing_all(await connected(path, most=CONNECTIONS)).close()
            return await asyncio.wait_for(say_hello(path), LONG)

    assert asyncio.run(story()) == "hello"


def test_a_listener_closes_while_connections_are_open_and_others_wait(tmp_path: Path) -> None:
    async def story() -> list[bytes]:
        path = tmp_path / "door.sock"
        async with heard(path) as listener:
            connections = await connected(path, most=CONNECTIONS + 10)
            with closing_all(connections):
                await asyncio.sleep(SHORT)
                await asyncio.wait_for(listener.close(), LONG)
                return [end_of(connection) for connection in connections]

    assert set(asyncio.run(story())) == {b""}


def test_an_open_websocket_does_not_keep_a_listener_from_closing(tmp_path: Path) -> None:
    async def story() -> aiohttp.WSMsgType:
        path = tmp_path / "door.sock"
        async with (
            heard(path) as listener,
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as client,
            client.ws_connect("http://door/") as channel,
        ):
            await asyncio.wait_for(listener.close(), LONG)
            return (await channel.receive()).type

    assert asyncio.run(story()) in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}


def test_a_door_without_descriptors_hears_again_when_it_has_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> str:
        loop = asyncio.get_running_loop()
        accept, faults = loop.sock_accept, [OSError(24, "Too many open files")] * 2

        async def without(bound: socket.socket) -> tuple[socket.socket, object]:
            if faults:
                raise faults.pop()
            return await accept(bound)

        monkeypatch.setattr(loop, "sock_accept", without)
        path = tmp_path / "door.sock"
        async with heard(path):
            return await asyncio.wait_for(say_hello(path), LONG)

    assert asyncio.run(story()) == "hello"


def end_of(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except ConnectionError:
        return b""
