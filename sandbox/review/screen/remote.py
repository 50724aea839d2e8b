"""The cage of a gateway that runs in a container: each file gets a container of its own, started by another.

The gateway may neither make namespaces nor speak to Docker. It gives the order to the starter
(:mod:`sandbox.hub.starter`), the one process that may, over a unix socket.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from sandbox.review.screen.isolate import LARGEST_OUTPUT, WALL_SECONDS

PATH = "/screenings"
MARGIN_SECONDS = 20.0
"""For starting and removing a container, beside what the file itself may take."""


@dataclass(frozen=True, slots=True)
class RemoteCage:
    """Has orders carried out at the starter's socket.

    Args:
        path: of the socket.
    """

    path: Path

    def __call__(self, order: bytes) -> bytes | None:
        """Return the answer to ``order``, None where there is no whole one."""
        connection = HTTPConnection("starter", timeout=WALL_SECONDS + MARGIN_SECONDS)
        try:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(connection.timeout)
            connection.sock.connect(str(self.path))
            connection.request("POST", PATH, body=order)
            answer = connection.getresponse()
            content = answer.read(LARGEST_OUTPUT + 1)
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
        return content if answer.status == HTTPStatus.OK else None
