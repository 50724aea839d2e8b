"""Reads one submitted file in a container of its own that is removed afterwards.

The container (``images/screening``) has no network, no capability, nothing that can be written and a uid
that nobody has. File and answer pass through its input and output; nothing of them is kept by Docker.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

import docker
from docker.errors import DockerException
from docker.types import LogConfig, Ulimit

from sandbox.hub.recipes import recipe
from sandbox.review.screen.isolate import LARGEST_OUTPUT, WALL_SECONDS

LARGEST_ORDER = 8 * 1024**2
"""Bytes of a file and what is said with it."""
AT_ONCE = 2
"""Containers that read files at the same moment; who comes later waits."""
MEMORY = 512 * 1024**2


class Screener:
    """Carries out orders of :mod:`sandbox.review.screen.isolate`.

    Args:
        client: the Docker daemon's.
    """

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._image = recipe("screening").image
        self._room = threading.Semaphore(AT_ONCE)

    def screen(self, order: bytes) -> bytes | None:
        """Return what the container answered to ``order``; None where it did not end well, or not in time.

        Raises:
            docker.errors.DockerException: there is no such image, or the daemon refuses.
        """
        with self._room:
            container = self._client.containers.create(self._image, stdin_open=True, **_limits())
            try:
                return self._talk(container, order)
            finally:
                container.remove(force=True, v=True)

    def _talk(self, container: Any, order: bytes) -> bytes | None:
        said = self._client.api.attach(container.id, stdout=True, stderr=False, stream=True)
        stdin = container.attach_socket(params={"stdin": 1, "stream": 1})
        connection = stdin._sock  # noqa: SLF001  # docker gives a file around it that cannot be written
        container.start()
        late = threading.Timer(WALL_SECONDS, _kill, [container])
        late.start()
        try:
            connection.sendall(order)
            connection.shutdown(socket.SHUT_WR)
            answer = bytearray()
            for piece in said:
                answer += piece
                if len(answer) > LARGEST_OUTPUT:
                    return None
            return bytes(answer) if container.wait()["StatusCode"] == 0 else None
        except OSError:
            return None  # it ended before it had read everything
        finally:
            late.cancel()
            stdin.close()


def _kill(container: Any) -> None:
    with suppress(DockerException):  # it ended at this moment
        container.kill()


def _limits() -> dict[str, Any]:
    return {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": 16,
        "mem_limit": MEMORY,
        "memswap_limit": MEMORY,
        "cpu_quota": 100_000,
        "cpu_period": 100_000,
        "ulimits": [Ulimit(name="core", soft=0, hard=0)],
        "ipc_mode": "private",
        "log_config": LogConfig(type="none"),  # what a file holds is written nowhere
    }
