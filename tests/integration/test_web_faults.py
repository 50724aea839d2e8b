"""What reaches a person when something breaks, and what stands in the server's log."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from sandbox.errors import NotFound, Refusal, Unavailable
from sandbox.gateway import Gateway
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings
from sandbox.web.front import Front, Site

ANA = Actor(
    name="ana",
    groups=frozenset({"analysts"}),
    scopes=scopes_of(frozenset({"analysts"})),
    channel=Channel.NOTEBOOK,
)


class BrokenGateway:
    """Has the gateway's names; what it is asked fails as the test says."""

    def __init__(self, fault: Exception, *, books: Exception | None = None) -> None:
        self.settings = Settings()
        self.fault, self.broken_books = fault, books
        self.recorded: list[str] = []
        self.desk = SimpleNamespace(mine=self.catalogue)

    def catalogue(self, _: Actor) -> NoReturn:
        raise self.fault

    def refused(self, actor: Actor, *, what: str, refusal: Refusal) -> None:
        if self.broken_books:
            raise self.broken_books
        self.recorded.append(f"{actor.name} {what} {refusal.code}")


class Known(Front):
    async def identify(self) -> Actor:
        return ANA


def ask(gateway: BrokenGateway) -> tuple[int, dict[str, Any]]:
    async def fetch() -> HTTPResponse:
        with ThreadPoolExecutor(1) as pool:
            site = Site(
                gateway=cast(Gateway, gateway),
                pool=pool,
                waiting=pool,
                channel=Channel.NOTEBOOK,
                prefix="",
            )
            server = HTTPServer(Application([(".*", Known, {"site": site, "auth": None})]))
            sock, port = bind_unused_port()
            server.add_socket(sock)
            client = AsyncHTTPClient(force_instance=True)
            response = await client.fetch(f"http://127.0.0.1:{port}/api/v1/catalogue", raise_error=False)
            client.close()
            server.stop()
            await server.close_all_connections()
            return response

    response = asyncio.run(fetch())
    return response.code, json.loads(response.body)


def test_a_fault_is_a_constant_and_its_text_is_written_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        status, problem = ask(BrokenGateway(ValueError("row 7: P003, 123.50")))
    assert (status, problem["code"]) == (500, "internal")
    assert "P003" not in json.dumps(problem) + caplog.text
    assert "ValueError at test_web_faults.py" in caplog.text


def test_a_refusal_of_what_was_asked_is_recorded_once() -> None:
    gateway = BrokenGateway(NotFound("nothing-there", "There is nothing."))
    assert ask(gateway)[0] == 404
    assert gateway.recorded == ["ana GET /api/v1/catalogue nothing-there"]


def test_without_books_a_refusal_becomes_unavailable() -> None:
    books = Unavailable("log-unavailable", "The log cannot be written.")
    status, problem = ask(BrokenGateway(NotFound("x", "There is nothing."), books=books))
    assert (status, problem["code"]) == (503, "log-unavailable")


def test_a_gateway_without_a_home_does_not_start_and_says_why(tmp_path: Path) -> None:
    environment = {**os.environ, "SANDBOX_HOME": str(tmp_path / "none")}
    environment["SANDBOX_POLICIES"] = str(Path(__file__).parents[1] / "policies")
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.web"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(".\n")
