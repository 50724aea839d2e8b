"""How the hub orders doors from the door's process."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.errors import Unavailable


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where one person's door is; see :class:`sandbox.door.keeper.Place`."""

    port: int
    out: Path
    into: Path


class Doorkeeper:
    """Speaks to the door's control socket."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def admit(self, name: str, *, uid: int) -> Place:
        """Open the door of ``name``; repeating it changes nothing.

        Raises:
            Unavailable: the door does not answer or refuses.
        """
        status, document = await self._ask("PUT", name, {"uid": uid})
        if status != HTTPStatus.OK:
            raise Unavailable("door-refused", f"The door refused {name}: {document.get('detail', status)}")
        return Place(port=document["port"], out=Path(document["out"]), into=Path(document["in"]))

    async def dismiss(self, name: str) -> None:
        """Close the door of ``name``.

        Raises:
            Unavailable: the door does not answer.
        """
        await self._ask("DELETE", name, None)

    async def _ask(self, method: str, name: str, body: dict[str, int] | None) -> tuple[int, dict[str, Any]]:
        connector = aiohttp.UnixConnector(str(self._socket))
        try:
            async with (
                aiohttp.ClientSession(connector=connector) as client,
                client.request(method, f"http://door/users/{name}", json=body) as answer,
            ):
                text = await answer.read()
                return answer.status, (await answer.json(content_type=None)) if text else {}
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("door-down", "The door does not answer; no notebook can be started.") from error
