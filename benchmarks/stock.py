"""A JupyterHub with DockerSpawner as it comes, beside which the sandbox's own start is measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from benchmarks.bench import CannotMeasure
from sandbox.hub.running import free_ports

NAME: Final = "stock"
PATIENCE: Final = 60.0
CONFIG: Final = """
import os, secrets
from pathlib import Path
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://0.0.0.0:{api}"
c.JupyterHub.hub_connect_url = "http://{bridge}:{api}"
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikProxy.traefik_api_url = "http://127.0.0.1:{proxy}"
c.TraefikProxy.traefik_api_password = secrets.token_hex(16)
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "docker"
c.DockerSpawner.image = "{image}"
c.DockerSpawner.cmd = ["/opt/nb/bin/python", "-m", "jupyterhub.singleuser"]
# the image has no user of its own
c.DockerSpawner.extra_create_kwargs = {{"user": "300007", "working_dir": "/tmp"}}
c.DockerSpawner.environment = {{"HOME": "/tmp"}}
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.remove = True
c.DockerSpawner.name_template = "sandbox-bench-{{username}}"
c.JupyterHub.services = [{{"name": "bench", "api_token": Path("token").read_text()}}]
scopes = ["admin:users", "admin:servers"]
c.JupyterHub.load_roles = [{{"name": "bench", "services": ["bench"], "scopes": scopes}}]
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class StockHub:
    """A running one."""

    port: int
    token: str

    def start(self) -> float:
        """Start a notebook and stop it again; return how many seconds the start took."""
        began = time.perf_counter()
        self._until("POST", HTTPStatus.CREATED)
        seconds = time.perf_counter() - began
        self._until("DELETE", HTTPStatus.NO_CONTENT)
        return seconds

    def request(self, method: str, path: str) -> int:
        """Make one request of the hub's API; return its status, 0 where nothing answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, f"/hub/api{path}", headers={"Authorization": f"token {self.token}"})
            answer = connection.getresponse()
            answer.read()
        except OSError:
            return 0
        else:
            return answer.status
        finally:
            connection.close()

    def _until(self, method: str, wanted: HTTPStatus) -> None:
        deadline = time.monotonic() + PATIENCE
        while (status := self.request(method, f"/users/{NAME}/server")) != wanted:
            if time.monotonic() > deadline:
                raise CannotMeasure(f"the plain hub answers {status}")
            time.sleep(0.1)


@contextmanager
def stock_hub(image: str) -> Iterator[StockHub]:
    """Run one with notebooks of ``image`` on Docker's default network, and one account."""
    with tempfile.TemporaryDirectory(prefix="sbx-stock-") as name:
        folder = Path(name)
        port, api, proxy = free_ports(3)
        token = os.urandom(16).hex()
        (folder / "token").write_text(token)
        config = CONFIG.format(port=port, api=api, proxy=proxy, image=image, bridge=_bridge())
        (folder / "config.py").write_text(config)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", "config.py"],
                cwd=folder,
                env={**os.environ, "PATH": path},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            hub = StockHub(port=port, token=token)
            _until_up(hub, folder / "log")
            yield hub
        finally:
            process.terminate()
            process.wait()


def _until_up(hub: StockHub, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while hub.request("GET", "/users") != HTTPStatus.OK:
        if time.monotonic() > deadline:
            raise CannotMeasure(f"the plain hub does not start: {log.read_text()[-300:]}")
        time.sleep(0.2)
    hub.request("POST", f"/users/{NAME}")


def _bridge() -> str:
    """Return the machine's address on Docker's default network."""
    shown = subprocess.run(
        ["docker", "network", "inspect", "bridge"],  # noqa: S607  # Docker's own, wherever it is
        capture_output=True,
        check=True,
    ).stdout
    return str(json.loads(shown)[0]["IPAM"]["Config"][0].get("Gateway", "172.17.0.1"))
