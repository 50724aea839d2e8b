"""Everything a notebook might try to reach, asked from inside as its person and as root.

The same probes, in a container that was given what notebooks are not, find all of it.
"""

from __future__ import annotations

import ctypes
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from sandbox.doctor import inside
from sandbox.hub import images
from sandbox.hub.docker import container_names
from sandbox.hub.running import RunningSandbox

SHARED_KEY = 0x5B0C
ASKED = ("tcp", "routes", "abstract", "sockets", "files", "processes", "shared", "names", "interfaces")
NOTHING = dict.fromkeys(ASKED, False)


def probes(targets: dict[str, Any]) -> str:
    """What ``sandbox doctor`` asks from inside, of these targets, and what of it found anything."""
    return f"""{Path(inside.__file__).read_text()}
import json
print(json.dumps({{name: bool(globals()[name]({targets!r})) for name in {ASKED!r}}}))
"""


@pytest.fixture
def targets(running_sandbox: RunningSandbox) -> Iterator[dict[str, Any]]:
    """What there is on this machine, and baits where there may be nothing."""
    running_sandbox.run_in_notebook("ana", "pass")
    running_sandbox.run_in_notebook("ben", "pass")
    settings = running_sandbox.settings
    run, home = settings.run.resolve(), settings.home.resolve()
    people = json.loads((run / "door" / "people.json").read_text())
    ports = [settings.hub_port, settings.hub_api_port, settings.proxy_api_port, settings.console_port]
    ports += [entry["port"] for entry in people.values()]
    shared = Path("/dev/shm/sandbox-bait")  # noqa: S108  # the place itself is what is probed
    shared.touch()
    libc = ctypes.CDLL(None)
    segment = libc.shmget(SHARED_KEY, 4096, 0o1666)
    with (
        closing(socket.socket(socket.AF_UNIX)) as bait,
        closing(socket.create_server(("127.0.0.1", 0))) as db,
    ):
        bait.bind("\0sandbox-attack-bait")
        bait.listen()
        yield {
            "tcp": [["127.0.0.1", port] for port in [*ports, db.getsockname()[1]]],
            "abstract": ["sandbox-attack-bait"],
            "sockets": [
                "/var/run/docker.sock",
                str(run / "door" / "control.sock"),
                str(settings.gateway_socket),
                str(settings.signer_socket),
                str(run / "door" / "people" / "ben" / "out" / "door.sock"),
                str(run / "door" / "people" / "ben" / "in" / "server.sock"),
            ],
            "files": [
                settings.database_url.removeprefix("sqlite:///"),
                str(home / "keys"),
                str(home / "hub" / "hub.sqlite"),
                str(home / "notebooks" / "ben"),
                str(settings.raw / "visits.csv"),
            ],
            "processes": ["sandbox.door", "sandbox.web", "sandbox.signer", "jupyterhub_config.py", "dockerd"],
            "shared": [shared.name],
            "key": SHARED_KEY,
            "names": [],
            "routes": [],
            "owners": [],
        }
    shared.unlink()
    libc.shmctl(segment, 0, None)  # IPC_RMID


def outside(targets: dict[str, Any]) -> dict[str, Any]:
    """The same, and addresses and names where no packet of a test may go; there is no way to send one."""
    beyond = [["169.254.169.254", 80], ["172.17.0.1", 22], ["198.51.100.2", 443]]
    return {
        **targets,
        "tcp": targets["tcp"] + beyond,
        "routes": ["169.254.169.254", "172.17.0.1", "198.51.100.2"],
        "names": ["secret-value.example.org", "localhost.example"],
    }


def test_an_analyst_reaches_nothing_from_inside(
    running_sandbox: RunningSandbox, targets: dict[str, Any]
) -> None:
    output = running_sandbox.run_in_notebook("ana", probes(outside(targets)))
    assert json.loads(output.text) == NOTHING, output.error


@pytest.mark.parametrize("isolator", ["docker"], indirect=True, scope="session")
def test_root_inside_a_container_reaches_nothing_either(
    running_sandbox: RunningSandbox, targets: dict[str, Any]
) -> None:
    with closing(docker.from_env()) as client:
        name = container_names(running_sandbox.settings).format(username="ana")
        container = client.containers.get(name)
        probed = run_as_root(container, probes(outside(targets)))
        asked = run_as_root(container, ASK_AS_ROOT)
    assert json.loads(probed) == NOTHING
    assert asked.strip() == "403"


def run_as_root(container: Container, code: str) -> str:
    """Run code in a running notebook's container, as root there."""
    done = container.exec_run(["/opt/nb/bin/python", "-c", code], user="0:0")
    assert isinstance(done.output, bytes)
    assert done.exit_code == 0, done.output
    return done.output.decode()


ASK_AS_ROOT = """
import http.client, socket
door = http.client.HTTPConnection("door")
door.sock = socket.socket(socket.AF_UNIX)
door.sock.connect("/run/door/out/door.sock")
door.request("GET", "/services/gateway/api/v1/health")
print(door.getresponse().status)
"""


@pytest.mark.parametrize("isolator", ["docker"], indirect=True, scope="session")
def test_a_container_that_is_given_what_notebooks_are_not_finds_it_all(
    running_sandbox: RunningSandbox, targets: dict[str, Any]
) -> None:
    """The planted fault: nothing but this machine's own loopback is aimed at."""
    home = str(running_sandbox.settings.home.resolve())
    with closing(docker.from_env()) as client:
        said = client.containers.run(
            images.notebook_image(),
            ["/opt/nb/bin/python", "-c", probes(targets)],
            network_mode="host", pid_mode="host", ipc_mode="host", user="0:0", remove=True,
            volumes=[f"{home}:{home}", "/var/run/docker.sock:/var/run/docker.sock"],
        )  # fmt: skip
    assert json.loads(said) == {**dict.fromkeys(NOTHING, True), "names": False, "routes": False}
