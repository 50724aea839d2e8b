"""A notebook on gVisor's kernel instead of the machine's."""

from __future__ import annotations

import pytest
from sandbox_under_test import own_sandbox

from sandbox.hub import images

INSIDE = """
import http.client, os, socket
print(open("/proc/version").read().split()[2])
door = http.client.HTTPConnection("door")
door.sock = socket.socket(socket.AF_UNIX)
door.sock.connect("/run/door/out/door.sock")
token = os.environ["JUPYTERHUB_API_TOKEN"]
door.request("GET", "/services/gateway/api/v1/health", headers={"Authorization": f"token {token}"})
print(door.getresponse().status, [name for _, name in socket.if_nameindex()])
"""


def test_a_notebook_under_gvisor_has_the_same_door_and_nothing_else() -> None:
    client = images.docker_client()
    if client is None or "runsc" not in client.info()["Runtimes"]:
        pytest.skip("the Docker daemon knows no runtime runsc; deploy/docker-daemon.json names it")
    with own_sandbox("docker", runtime="runsc") as sandbox:
        said = sandbox.run_in_notebook("ana", INSIDE)
    # gVisor's kernel says of itself that it is this one, on every machine
    assert (said.text.split("\n")[:2], said.error) == (["4.4.0", "200 ['lo']"], "")
