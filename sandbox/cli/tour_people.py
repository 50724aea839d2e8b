"""A person who uses the console besides a notebook, over HTTP as a browser does."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path

from sandbox.hub.driver import DriverError, Person

_XSRF = re.compile(r'name="_xsrf" value="([^"]+)"')
_VERSION = re.compile(r'name="row_version" value="(\d+)"')
_FILENAME = re.compile(r'filename="?([A-Za-z0-9._-]+)"?')


class ConsolePerson(Person):
    """As :class:`~sandbox.hub.driver.Person`, and at the console too, logged in there by the hub."""

    def __init__(self, hub_url: str, console_url: str, name: str) -> None:
        super().__init__(hub_url, name)
        self.console_url = console_url

    async def console_page(self, path: str) -> str:
        """Return a page of the console; logging in there needs no more than being logged in at the hub.

        Raises:
            DriverError: the console answered with anything but a page.
        """
        async with self._client.get(self.console_url + path) as answer:
            text = await answer.text()
            if answer.status != HTTPStatus.OK:
                raise DriverError(f"console {path}: {answer.status}")
            return text

    async def decide(self, request: str, *, verdict: str, reason: str) -> None:
        """Fill in the form of the decision, acknowledging nothing.

        Raises:
            DriverError: the decision was not taken.
        """
        form = await self.console_page(f"/review/{request}")
        fields = {
            "_xsrf": _field(_XSRF, form),
            "row_version": _field(_VERSION, form),
            "verdict": verdict,
            "reason": reason,
        }
        await self._post(f"/review/{request}", fields)

    async def download(self, request: str, directory: Path) -> Path:
        """Press the download button of a released request; return where the package was put.

        Raises:
            DriverError: nothing was handed out.
        """
        form = await self.console_page(f"/releases/{request}")
        headers, data = await self._post(f"/releases/{request}/package", {"_xsrf": _field(_XSRF, form)})
        named = _FILENAME.search(headers.get("Content-Disposition", ""))
        if named is None:
            raise DriverError("the console did not hand out a file")
        path = directory / named[1]
        path.write_bytes(data)
        return path

    async def _post(self, path: str, fields: dict[str, str]) -> tuple[dict[str, str], bytes]:
        headers = {"Origin": self.console_url, "Sec-Fetch-Site": "same-origin"}
        async with self._client.post(self.console_url + path, data=fields, headers=headers) as answer:
            data = await answer.read()
            if answer.status != HTTPStatus.OK:
                raise DriverError(f"console {path}: {answer.status} {data[:300]!r}")
            return dict(answer.headers), data


def _field(pattern: re.Pattern[str], form: str) -> str:
    found = pattern.search(form)
    if found is None:
        raise DriverError("the page has no such form")
    return found[1]
