"""A door beside a notebook and the hall where it arrives, as processes' parts on loopback, over TLS."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from sandbox.door import passes
from sandbox.door.beside import client_side
from sandbox.door.hall import Hall, server_side
from sandbox.door.passes import PASS_HEADER, holder, issue, read_key
from sandbox.door.refusals import REPORT_PATH
from sandbox.door.sides import Beyond
from sandbox.errors import StartupRefusal
from sandbox.settings import Settings

KEY = b"a key of thirty-two bytes or more"
LIMIT = 1000
ROOT = Path(__file__).parents[2]


def certificate(directory: Path) -> None:
    """Make an authority of one certificate, the hall's own."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", directory / "tls.key", "-out", directory / "tls.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    shutil.copy(directory / "tls.crt", directory / "ca.crt")


@dataclass(frozen=True)
class Place:
    """The hall's address, and what the gateway behind it heard."""

    url: str
    doors: Path
    heard: list[tuple[str, str, dict[str, str], bytes]]

    async def ask(self, path: str, *, shown: str = "", method: str = "GET", body: bytes = b"") -> int:
        headers = {PASS_HEADER: shown} if shown else {}
        connector = aiohttp.TCPConnector(ssl=client_side(self.doors))
        async with (
            aiohttp.ClientSession(connector=connector) as client,
            client.request(method, URL(self.url + path, encoded=True), headers=headers, data=body) as answer,
        ):
            return answer.status


@asynccontextmanager
async def hall(home: Path) -> AsyncIterator[Place]:
    settings = Settings(home=home, doors=home / "doors")
    settings.gateway_socket.parent.mkdir(parents=True)
    settings.doors.mkdir()
    certificate(settings.doors)
    heard: list[tuple[str, str, dict[str, str], bytes]] = []

    async def gateway(request: web.BaseRequest) -> web.StreamResponse:
        heard.append((request.method, request.raw_path, dict(request.headers), await request.read()))
        return web.Response(status=204 if request.raw_path == REPORT_PATH else 200)

    behind = web.ServerRunner(web.Server(gateway))
    await behind.setup()
    await web.UnixSite(behind, str(settings.gateway_socket)).start()
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(settings.gateway_socket))) as client,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(settings.gateway_socket))) as hub,
    ):
        beyond = Beyond(hub=hub, hub_address=URL("http://hub"), gateway=client, body_limit=LIMIT)
        before = web.ServerRunner(web.Server(Hall(KEY, beyond).answer))
        await before.setup()
        await web.TCPSite(before, "127.0.0.1", 0, ssl_context=server_side(settings.doors)).start()
        try:
            yield Place(f"https://localhost:{before.addresses[0][1]}", settings.doors, heard)
        finally:
            await before.cleanup()
            await behind.cleanup()


@asynccontextmanager
async def notebook_server(path: Path) -> AsyncIterator[None]:
    async def made(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=201)

    runner = web.ServerRunner(web.Server(made))
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    try:
        yield
    finally:
        await runner.cleanup()


def test_whose_door_it_is_follows_from_the_pass_alone(tmp_path: Path) -> None:
    async def story() -> dict[str, str]:
        async with hall(tmp_path) as place:
            assert await place.ask("/services/gateway/api/v1/queries", shown=issue(KEY, "ana")) == 200
            return place.heard[-1][2]

    headers = asyncio.run(story())
    assert headers["X-Sandbox-User"] == "ana"
    assert PASS_HEADER not in headers


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "ana",
        "ana:",
        "ana:" + 64 * "0",
        issue(b"another key of as many bytes or so", "ana"),
        issue(KEY, "ana").replace("ana", "ben"),
        issue(KEY, "ana") + "0",
        "../ana:" + issue(KEY, "ana").partition(":")[2],
    ],
)
def test_without_a_pass_nothing_is_reached(tmp_path: Path, shown: str) -> None:
    async def story() -> tuple[int, int]:
        async with hall(tmp_path) as place:
            status = await place.ask("/services/gateway/api/v1/queries", shown=shown)
            return status, len(place.heard)

    assert asyncio.run(story()) == (401, 0)


@pytest.mark.parametrize(
    "path",
    ["/hub/api/users", "/hub/api/users/ben/activity", "/services/gateway/../x", "/metrics", "/%2e%2e/"],
)
def test_the_list_of_paths_holds_whatever_the_door_let_through(tmp_path: Path, path: str) -> None:
    async def story() -> tuple[int, int]:
        async with hall(tmp_path) as place:
            return await place.ask(path, shown=issue(KEY, "ana")), len(place.heard)

    assert asyncio.run(story()) == (403, 0)


def test_a_door_reports_about_its_own_person_only(tmp_path: Path) -> None:
    async def story() -> list[int]:
        async with hall(tmp_path) as place:
            return [
                await place.ask(REPORT_PATH, shown=issue(KEY, "ana"), method="POST", body=body)
                for body in (b'{"user": "ana"}', b'{"user": "ben"}', b"no document", b"[]")
            ]

    assert asyncio.run(story()) == [204, 403, 403, 403]


def test_a_door_speaks_to_no_hall_but_the_one_its_authority_signed(tmp_path: Path) -> None:
    async def story() -> None:
        async with hall(tmp_path) as place:
            other = tmp_path / "other"
            other.mkdir()
            certificate(other)
            stranger = Place(place.url, other, place.heard)
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await stranger.ask("/services/gateway/api/v1/queries", shown=issue(KEY, "ana"))
            assert not place.heard

    asyncio.run(story())


def test_old_tls_is_not_heard(tmp_path: Path) -> None:
    async def story() -> None:
        async with hall(tmp_path) as place:
            old = client_side(place.doors)
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=old)) as client:
                with pytest.raises(aiohttp.ClientConnectorError):
                    await client.get(place.url)

    asyncio.run(story())


@pytest.mark.parametrize("content", [None, b"", b"short"])
def test_without_a_key_the_hall_does_not_open(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / passes.PASS_KEY).write_bytes(content)
    with pytest.raises(StartupRefusal):
        read_key(tmp_path)


def test_a_pass_is_its_holders_and_nobody_elses() -> None:
    assert holder(KEY, issue(KEY, "ana")) == "ana"
    assert issue(KEY, "ana") != issue(KEY, "ben")


def test_the_process_beside_a_notebook_carries_both_ways_and_ends_when_told(tmp_path: Path) -> None:
    async def story() -> tuple[int, int, int, list[tuple[str, str, dict[str, str], bytes]], int]:
        async with hall(tmp_path) as place:
            for name in ("out", "in", "secrets"):
                (tmp_path / name).mkdir()
            (tmp_path / "secrets" / "pass").write_text(issue(KEY, "ana"))
            shutil.copy(place.doors / "ca.crt", tmp_path / "secrets")
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            command = [
                sys.executable, "-m", "sandbox.door.beside", "--person=ana", f"--uid={os.geteuid()}",
                f"--hall={place.url}", f"--out={tmp_path / 'out'}", f"--in={tmp_path / 'in'}",
                f"--secrets={tmp_path / 'secrets'}", f"--traffic={tmp_path / 'traffic.json'}",
                "--listen=127.0.0.1", f"--port={port}",
            ]  # fmt: skip
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
            try:
                door = tmp_path / "out" / "door.sock"
                async with asyncio.timeout(20):
                    while not door.exists():  # noqa: ASYNC110  # another process makes it
                        await asyncio.sleep(0.05)
                connector = aiohttp.UnixConnector(str(door))
                async with aiohttp.ClientSession(connector=connector) as notebook:
                    async with notebook.get("http://door/services/gateway/api/v1/queries") as answer:
                        passed = answer.status
                    async with notebook.get("http://door/hub/api/users") as answer:
                        refused = answer.status
                async with (
                    notebook_server(tmp_path / "in" / "server.sock"),
                    aiohttp.ClientSession() as browser,
                    browser.get(f"http://127.0.0.1:{port}/user/ana/api/status") as answer,
                ):
                    inward = answer.status
            finally:
                process.send_signal(signal.SIGTERM)
                ended = await asyncio.wait_for(process.wait(), 20)
            return passed, refused, inward, place.heard, ended

    passed, refused, inward, heard, ended = asyncio.run(story())
    assert (passed, refused, inward, ended) == (200, 403, 201, 0)
    reported = [json.loads(body) for _, path, _, body in heard if path == REPORT_PATH]
    assert [(report["user"], sum(report["reasons"].values())) for report in reported] == [("ana", 1)]
