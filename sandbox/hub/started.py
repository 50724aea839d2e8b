"""A notebook in a container that another process starts, because the hub itself runs in one.

The hub has no way to Docker; it orders notebooks at the starter's socket (:mod:`sandbox.hub.starter`).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import aiohttp

from sandbox.errors import Unavailable
from sandbox.hub.doorkeeper import Place
from sandbox.hub.spawner import DoorSpawner

ENDED = 1
"""What the hub is told of a notebook that does not run; how it ended is nobody's to know."""


class StartedNotebook(DoorSpawner):
    """The hub's side of the starter."""

    async def start_isolated(self, place: Place) -> None:
        """Order the notebook."""
        del place  # the starter finds the person's directories itself
        (size,) = (name for name, size in self.policy.sizes.items() if size is self.limits)
        await self._order("PUT", {"uid": self.uid, "size": size, "environment": self.get_env()})

    async def stop_isolated(self, *, now: bool) -> None:
        """Have it stopped and removed; the person's files stay."""
        del now  # it always gets the same few seconds
        await self._order("DELETE")

    async def poll(self) -> int | None:
        """Return None while the notebook runs."""
        return None if (await self._order("GET")).get("runs") else ENDED

    async def _order(self, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        connector = aiohttp.UnixConnector(str(self.settings.starter_socket))
        try:
            async with (
                aiohttp.ClientSession(connector=connector) as client,
                client.request(method, f"http://starter/notebooks/{self.user.name}", json=body) as answer,
            ):
                text = await answer.read()
                document: dict[str, Any] = (await answer.json(content_type=None)) if text else {}
                if answer.status >= HTTPStatus.BAD_REQUEST:
                    raise Unavailable("starter-refused", f"The starter refused: {document.get('detail')}")
                return document
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("starter-down", "The starter of notebooks does not answer.") from error
