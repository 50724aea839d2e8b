"""What one person's thousands of connections to their door cost another person."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from benchmarks.bench import Bench
from benchmarks.harness import Result, say
from sandbox.door import relay
from sandbox.door.keeper import Keeper, Place
from sandbox.door.meter import Meter
from sandbox.door.refusals import Refusals
from sandbox.door.sides import Beyond, Watch
from sandbox.settings import Settings

PROCESSES: Final = 4
PAUSE: Final = 0.01
LIMIT: Final = 2**20
_FLOOD: Final = """
import os, socket, sys
os.nice(3)  # weighs half of the machine's own processes, like a notebook
kept = []
while True:
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(0.001)
    try:
        one.connect(sys.argv[1])
        kept.append(one)
    except OSError:
        kept.clear()
"""


def measure(bench: Bench) -> Iterator[Result]:
    """Measure another person's requests before and during a flood, through one door."""
    say("flood: one person's connections against another person's requests")
    with tempfile.TemporaryDirectory() as home:
        quiet, meanwhile = asyncio.run(_both(Path(home), asked=bench.sizes.asks))
    note = (
        f"95th percentile of requests to the gateway; meanwhile {PROCESSES} processes of one person open "
        "connections as fast as they are taken and drop all of them when none is."
    )
    yield Result(
        name="another's request, flood / quiet",
        value=meanwhile / quiet,
        unit="times",
        goal=2.0,
        notes=(note,),
    )
    yield Result(name="  quiet", value=quiet * 1e3, unit="ms", notes=(note,))


async def _both(home: Path, *, asked: int) -> tuple[float, float]:
    async with _door(home) as (ana, ben):
        quiet = await _p95(ben, asked)
        with _flooding(ana):
            await asyncio.sleep(0.5)
            return quiet, await _p95(ben, asked)


async def _p95(place: Place, asked: int) -> float:
    taken = []
    for _ in range(asked):
        begun = time.perf_counter()
        connector = aiohttp.UnixConnector(str(place.out / "door.sock"))
        async with (
            aiohttp.ClientSession(connector=connector) as client,
            client.get(URL("http://door/services/gateway/hello")) as answer,
        ):
            answer.raise_for_status()
            await answer.read()
        taken.append(time.perf_counter() - begun)
        await asyncio.sleep(PAUSE)
    return sorted(taken)[int(0.95 * len(taken))]


@contextmanager
def _flooding(place: Place) -> Iterator[None]:
    command = [sys.executable, "-c", _FLOOD, str(place.out / "door.sock")]
    flood = [subprocess.Popen(command) for _ in range(PROCESSES)]
    try:
        yield
    finally:
        for process in flood:
            process.kill()
            process.wait()


@asynccontextmanager
async def _door(home: Path) -> AsyncIterator[tuple[Place, Place]]:
    settings = Settings(home=home)
    settings.gateway_socket.parent.mkdir(parents=True)
    (settings.run / "door").mkdir(exist_ok=True)
    async with (
        relay.session(aiohttp.TCPConnector()) as hub,
        relay.session(aiohttp.UnixConnector(str(settings.gateway_socket))) as gateway,
        _gateway(settings.gateway_socket),
    ):
        beyond = Beyond(hub=hub, hub_address=URL("http://127.0.0.1:9"), gateway=gateway, body_limit=LIMIT)
        meter = Meter(home / "traffic.json", limit=LIMIT * 1000)
        keeper = Keeper(settings, beyond, Watch(refusals=Refusals(), meter=meter, upload_limit=LIMIT))
        try:
            yield await keeper.admit("ana", uid=os.geteuid()), await keeper.admit("ben", uid=os.geteuid())
        finally:
            await keeper.close()


@asynccontextmanager
async def _gateway(path: Path) -> AsyncIterator[None]:
    async def hello(request: web.Request) -> web.Response:  # noqa: ARG001  # aiohttp's form
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/{rest:.*}", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    try:
        yield
    finally:
        await runner.cleanup()
