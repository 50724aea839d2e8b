"""The console as a process of its own, with a hub that lets in whoever a test names."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sandbox.gateway import Gateway
from sandbox.governance.installation import install
from sandbox.hub.running import free_ports
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings
from sandbox.web.session import ACCESS_SCOPE

PEOPLE = {
    "ana": ["analysts", "visits-study"],
    "ann": ["analysts", "visits-study"],
    "rita": ["reviewers"],
    "rolf": ["reviewers"],
    "olaf": ["officers"],
    "sten": ["stewards"],
}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a log-in takes: a code is a name, a token is ``of-`` and the name."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path.endswith("/oauth2/authorize"):
            return self._authorize()
        name = self.headers["Authorization"].removeprefix("token of-")
        groups = PEOPLE[name]
        scopes = [ACCESS_SCOPE, *(scope.value for scope in scopes_of(frozenset(groups)))]
        return self._send({"kind": "user", "name": name, "groups": groups, "scopes": scopes})

    def _authorize(self) -> None:
        """Log in whoever the browser's cookie ``as`` names, as the hub does with its own session."""
        asked = parse_qs(urlsplit(self.path).query)
        name = SimpleCookie(self.headers["Cookie"])["as"].value
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri'][0]}?code={name}&state={asked['state'][0]}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert form["code_verifier"], "the log-in uses PKCE"
        self._send({"access_token": "of-" + form["code"][0]})

    def _send(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


class Page:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers = response.status, response.headers
        self.data = response.read()
        self.text = self.data.decode("utf-8", "replace")

    @property
    def xsrf(self) -> str:
        found = re.search(r'name="_xsrf" value="([^"]+)"', self.text)
        assert found is not None
        return found[1]


class Browser:
    """Keeps cookies, follows nothing."""

    def __init__(self, settings: Settings) -> None:
        self.host = f"{settings.console_host}:{settings.console_port}"
        self.port = settings.console_port
        self.cookies: SimpleCookie = SimpleCookie()

    def get(self, path: str, **headers: str) -> Page:
        return self.send("GET", path, None, headers)

    def post(self, path: str, fields: list[tuple[str, str]], **headers: str) -> Page:
        return self.send("POST", path, urlencode(fields), headers)

    def upload(self, path: str, fields: list[tuple[str, str]], files: dict[str, bytes]) -> Page:
        """Send a form with files as a browser does."""
        parts = [(f'name="{name}"', value.encode()) for name, value in fields]
        parts += [(f'name="upload"; filename="{name}"', content) for name, content in files.items()]
        body = b"".join(
            b"--edge\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + value + b"\r\n"
            for head, value in parts
        )
        return self.send(
            "POST", path, body + b"--edge--\r\n", {"Content-Type": "multipart/form-data; boundary=edge"}
        )

    def send(self, method: str, path: str, body: str | bytes | None, headers: dict[str, str]) -> Page:
        sent = {"Host": self.host, "Cookie": "; ".join(f"{k}={m.value}" for k, m in self.cookies.items())}
        sent |= {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body=body, headers=sent)
        response = connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            self.cookies.load(cookie)
        page = Page(response)
        connection.close()
        return page

    def log_in(self, name: str) -> Browser:
        away = self.get("/").headers["Location"]
        state = parse_qs(urlsplit(away).query)["state"][0]
        back = self.get(f"/oauth_callback?code={name}&state={state}")
        assert (back.status, back.headers["Location"]) == (302, "/")
        return self


@contextmanager
def hub_for_tests(settings: Settings) -> Iterator[Settings]:
    """Run the hub; yield ``settings`` with its ports and a free one for the console."""
    hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    port = free_ports(1)[0]
    yield replace(settings, hub_api_port=hub.server_port, hub_port=hub.server_port, console_port=port)
    hub.shutdown()
    hub.server_close()


@contextmanager
def serving(settings: Settings) -> Iterator[None]:
    """Run the gateway's servers as they run in a sandbox."""
    environment = {**os.environ, **settings.to_environment(), "SANDBOX_ISOLATION": "bubblewrap"}
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox.web"], env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("gateway ready")
        try:
            yield
        finally:
            server.terminate()
        assert server.wait(20) == 0


SMALL_POLICIES = Path(__file__).parent / "policies"
PURPOSE = "第二張表 <script>alert(1)</script>"


class Console:
    def __init__(self, settings: Settings, *, waiting: str, deciding: str) -> None:
        self.settings = settings
        self.waiting = waiting
        self.deciding = deciding

    def browser(self, name: str = "") -> Browser:
        browser = Browser(self.settings)
        return browser.log_in(name) if name else browser


def submit(settings: Settings) -> str:
    gateway = Gateway.open(settings)
    groups = frozenset(PEOPLE["ana"])
    ana = Actor(name="ana", groups=groups, scopes=scopes_of(groups), channel=Channel.NOTEBOOK)
    answer = gateway.ask(
        sql="SELECT district, COUNT(*) AS n FROM visits WHERE service = 'gp' GROUP BY district",
        authorization="visits-study",
        epsilon=Decimal("0.2"),
        actor=ana,
    ).to_document()
    view = gateway.desk.submit(
        ana,
        authorization="visits-study",
        purpose=PURPOSE,
        files={"visits.csv": answer["csv"].encode()},
        receipts=[answer["receipt"]],
    )
    gateway.books.close()
    return view.id


@pytest.fixture(scope="module")
def console(registered_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    home = Path(shutil.copytree(registered_home, tmp_path_factory.mktemp("console") / "home"))
    with hub_for_tests(Settings(home=home, raw=home / "raw", policies=SMALL_POLICIES)) as settings:
        install(settings)
        waiting, deciding = submit(settings), submit(settings)
        with serving(settings):
            yield Console(settings, waiting=waiting, deciding=deciding)
