"""HTTP to the gateway over the door's unix socket; the standard library suffices.

The token is the notebook's own, made by the hub for this server; it is of no use from elsewhere,
since the gateway also asks through whose door a request came.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.errors import Refusal

DOOR = Path("/run/door/out/door.sock")
"""Where the door's outer socket is mounted in every notebook."""
BASE = "/services/gateway/api/v1"
TIMEOUT = 120.0
"""Seconds to wait for an answer; longer than the gateway's own deadline."""
_FILE_NAME = re.compile(r'filename="([A-Za-z0-9_][A-Za-z0-9._-]*)"')


class Refused(Refusal):
    """The gateway will not do it; the sentence says why and what would be allowed."""

    def _render_traceback_(self) -> list[str]:
        # IPython calls this in place of a traceback: a refusal is not a fault of the notebook's code.
        return [f"Refused ({self.code}): {self}"]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class Transport:
    """Sends JSON, returns JSON, raises :class:`Refused` for every problem document."""

    socket_path: Path

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON answer of ``method path``.

        Raises:
            Refused: the gateway refused, or cannot be reached.
        """
        status, payload, _ = self._exchange(method, path, body)
        return _read(status, payload)

    def fetch(self, path: str) -> tuple[str, bytes]:
        """Ask for a file; return the name the gateway gives it, empty where it gives none, and its bytes.

        Raises:
            Refused: the gateway refused, or cannot be reached.
        """
        status, payload, headers = self._exchange("POST", path, {})
        if status >= http.client.BAD_REQUEST:
            _read(status, payload)
        named = _FILE_NAME.search(headers.get("Content-Disposition", ""))
        return named[1] if named else "", payload

    def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {
            "Authorization": f"token {os.environ.get('JUPYTERHUB_API_TOKEN', '')}",
            "Accept": "application/json",
        }
        if data is not None:
            headers["Content-Type"] = "application/json"
        connection = _UnixConnection(self.socket_path)
        try:
            connection.request(method, BASE + path, body=data, headers=headers)
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        except OSError as error:
            raise Refused(
                "gateway-unreachable",
                "The gateway does not answer through this notebook's door.",
                allowed="Try again in a moment; if it lasts, tell the administrator.",
            ) from error
        finally:
            connection.close()


def _read(status: int, payload: bytes) -> Any:
    try:
        document = json.loads(payload)
    except ValueError:
        document = {}
    if status < http.client.BAD_REQUEST:
        return document
    raise Refused(
        str(document.get("code", f"http-{status}")),
        str(document.get("detail") or document.get("title") or f"The gateway answered {status}."),
        allowed=str(document.get("allowed", "")),
    )
