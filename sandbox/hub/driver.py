"""Uses a running sandbox as a person does, over HTTP only: log in, start a notebook, run code.

The tour and the tests of isolation are written with it, so what they show is what a browser gets: every
byte goes through the proxy, the hub, the door and the isolated server.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

import aiohttp
from yarl import URL

SPAWN_SECONDS = 90.0
POLL_SECONDS = 0.2


class DriverError(Exception):
    """The sandbox did not do what this step needs; the text names the step and the status."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """What one piece of code gave back."""

    text: str
    """Everything printed, and the value of the last expression."""
    error: str
    """``Name: message`` of the exception it ended with, or empty."""


class Person:
    """One person at their browser.

    Use as an async context manager; everything else needs :meth:`log_in` first.
    """

    def __init__(self, hub_url: str, name: str) -> None:
        self.hub_url = hub_url
        self.name = name
        # Cookies of the hub live on an address without a name, which the jar refuses unless told.
        self._client = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *caught: object) -> None:
        await self._client.close()

    async def log_in(self, password: str) -> None:
        """Fill in the hub's log-in form.

        Raises:
            DriverError: the hub refused.
        """
        login = f"{self.hub_url}/hub/login"
        async with self._client.get(login) as page:
            await page.read()
        form = {"username": self.name, "password": password, "_xsrf": self._xsrf("/hub/")}
        async with self._client.post(login, data=form, allow_redirects=False) as answer:
            if answer.status != HTTPStatus.FOUND:
                raise DriverError(f"log-in: {answer.status}")

    async def log_in_at_provider(self, form: Mapping[str, str]) -> tuple[int, str]:
        """Go from the hub to the provider's page, send ``form`` there; return status and text of the end.

        Raises:
            DriverError: there is no such page.
        """
        async with self._client.get(f"{self.hub_url}/hub/login") as page:
            if page.status != HTTPStatus.OK or str(page.url).startswith(self.hub_url):
                raise DriverError(f"log-in: {page.status} at {page.url.path}")
        async with self._client.post(page.url, data=dict(form)) as answer:
            return answer.status, await answer.text()

    async def get(self, path: str) -> tuple[int, str]:
        """Fetch a page or document below the hub's address; return status and text."""
        async with self._client.get(self._url(path)) as answer:
            return answer.status, await answer.text()

    async def fetch(self, method: str, path: str, **arguments: Any) -> tuple[int, dict[str, str], bytes]:
        """Make any request below the hub's address; redirects are not followed."""
        async with self._client.request(
            method, self._url(path), allow_redirects=False, **arguments
        ) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    async def start_notebook(self, *, size: str = "") -> float:
        """Start the person's notebook where it does not run, enter it, and return the seconds that took.

        Args:
            size: the one to choose; the first of the person's where empty.

        Raises:
            DriverError: it may not be started, or does not become ready.
        """
        began = time.monotonic()
        server = await self._server()
        if not server:
            await self.order_notebook(size=size)
        while not (server := await self._server()).get("ready"):
            if time.monotonic() - began > SPAWN_SECONDS or not server.get("pending"):
                raise DriverError("start: the notebook did not become ready")
            await asyncio.sleep(POLL_SECONDS)
        ready = time.monotonic() - began
        await self.enter_notebook()
        return ready

    async def order_notebook(self, *, size: str = "") -> None:
        """Ask the hub for a notebook; it answers when that is ready, or after ten seconds.

        Raises:
            DriverError: it may not be started.
        """
        headers = {"X-XSRFToken": self._xsrf("/hub/"), "Referer": f"{self.hub_url}/hub/home"}
        url = self._url(f"/hub/api/users/{self.name}/server")
        options = {"size": size} if size else {}
        async with self._client.post(url, headers=headers, json=options) as answer:
            if answer.status not in {HTTPStatus.CREATED, HTTPStatus.ACCEPTED}:
                raise DriverError(f"start: {answer.status} {await answer.text()}")

    async def _server(self) -> dict[str, Any]:
        """What the hub says of the person's notebook; empty where there is none."""
        async with self._client.get(self._url(f"/hub/api/users/{self.name}")) as answer:
            if answer.status != HTTPStatus.OK:
                return {}  # who may have no notebook may not look for one; the start says so
            servers: dict[str, dict[str, Any]] = (await answer.json()).get("servers", {})
            return servers.get("", {})

    async def enter_notebook(self) -> None:
        """Open JupyterLab in the person's running notebook, which logs them in there.

        Raises:
            DriverError: there is no way in.
        """
        status, _ = await self.get(f"/user/{self.name}/lab")
        if status != HTTPStatus.OK:
            raise DriverError(f"enter: {status}")

    async def stop_notebook(self) -> None:
        """Stop the person's notebook and wait until it is gone."""
        headers = {"X-XSRFToken": self._xsrf("/hub/"), "Referer": f"{self.hub_url}/hub/home"}
        url = self._url(f"/hub/api/users/{self.name}/server")
        while True:
            async with self._client.delete(url, headers=headers) as answer:
                if answer.status != HTTPStatus.ACCEPTED:
                    return
            await asyncio.sleep(POLL_SECONDS)

    async def run(self, code: str, *, deadline: float = 60.0) -> Output:
        """Run ``code`` in a new kernel of the person's notebook and return what it gave back.

        Raises:
            DriverError: no kernel, or no end within ``deadline`` seconds.
        """
        base = f"/user/{self.name}/api/kernels"
        headers = {"X-XSRFToken": self._xsrf(f"/user/{self.name}/")}
        async with self._client.post(self._url(base), json={}, headers=headers) as answer:
            if answer.status != HTTPStatus.CREATED:
                raise DriverError(f"kernel: {answer.status} {await answer.text()}")
            kernel = (await answer.json())["id"]
        try:
            return await asyncio.wait_for(self._execute(f"{base}/{kernel}/channels", code), deadline)
        except TimeoutError as error:
            raise DriverError(f"run: no end after {deadline:.0f} s") from error
        finally:
            async with self._client.delete(self._url(f"{base}/{kernel}"), headers=headers) as answer:
                await answer.read()

    async def _execute(self, path: str, code: str) -> Output:
        said: list[str] = []
        error = ""
        message_id = uuid.uuid4().hex
        async with self._client.ws_connect(self._url(path), max_msg_size=0) as channel:
            await channel.send_str(json.dumps(_execute_request(message_id, code)))
            async for raw in channel:
                if raw.type is not aiohttp.WSMsgType.TEXT:
                    raise DriverError(f"run: the kernel's channel ended with {raw.type.name}")
                message = json.loads(raw.data)
                if message["parent_header"].get("msg_id") != message_id:
                    continue
                content = message["content"]
                match message["msg_type"]:
                    case "stream":
                        said.append(content["text"])
                    case "execute_result" | "display_data":
                        said.append(content["data"].get("text/plain", ""))
                    case "error":
                        error = f"{content['ename']}: {content['evalue']}"
                    case "status" if content["execution_state"] == "idle":
                        return Output(text="".join(said), error=error)
        raise DriverError("run: the kernel's channel was closed")

    def _url(self, path: str) -> URL:
        return URL(self.hub_url + path, encoded=True)

    def _xsrf(self, path: str) -> str:
        found = self._client.cookie_jar.filter_cookies(URL(self.hub_url + path))
        return found["_xsrf"].value if "_xsrf" in found else ""


def _execute_request(message_id: str, code: str) -> dict[str, Any]:
    header = {
        "msg_id": message_id,
        "msg_type": "execute_request",
        "session": uuid.uuid4().hex,
        "username": "",
        "version": "5.3",
        "date": "",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": False,
        "allow_stdin": False,
        "stop_on_error": True,
    }
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
