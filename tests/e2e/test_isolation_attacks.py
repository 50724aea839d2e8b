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

from sandbox.hub import images
from sandbox.hub.docker import container_names
from sandbox.hub.running import RunningSandbox

SHARED_KEY = 0x5B0C
PROBES = """
import ctypes, glob, json, os, socket
def reached(family, address):
    with socket.socket(family) as probe:
        probe.settimeout(2)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
def tcp():
    return [address for address in TARGETS["tcp"] if reached(socket.AF_INET, tuple(address))]
def abstract():
    listed = [line.split()[-1] for line in open("/proc/net/unix") if " @" in line]
    bait = [name for name in TARGETS["abstract"] if reached(socket.AF_UNIX, "\\0" + name)]
    return [name for name in listed if name[1:] in TARGETS["abstract"]] + bait
def sockets():
    return [path for path in TARGETS["sockets"] if reached(socket.AF_UNIX, path)]
def files():
    return [path for path in TARGETS["files"] if os.path.exists(path)]
def processes():
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        if path.split("/")[2] == str(os.getpid()):
            continue  # these very words
        try:
            words = open(path, "rb").read()
        except OSError:
            continue
        if any(mark.encode() in words for mark in TARGETS["processes"]):
            found.append(path)
    return found
def shared():
    libc = ctypes.CDLL(None)
    segment = libc.shmget(TARGETS["key"], 0, 0)
    named = [name for name in os.listdir("/dev/shm") if name in TARGETS["shared"]]
    return named + (["segment"] if segment >= 0 else [])
def names():
    found = []
    for name in TARGETS["names"]:
        try:
            found.append(socket.getaddrinfo(name, 443))
        except OSError:
            pass
    return found
def interfaces():
    return [name for _, name in socket.if_nameindex() if name != "lo"]
PROBED = (tcp, abstract, sockets, files, processes, shared, names, interfaces)
print(json.dumps({probe.__name__: bool(probe()) for probe in PROBED}))
"""
NOTHING = dict.fromkeys(
    ("tcp", "abstract", "sockets", "files", "processes", "shared", "names", "interfaces"), False
)


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
        }
    shared.unlink()
    libc.shmctl(segment, 0, None)  # IPC_RMID


def outside(targets: dict[str, Any]) -> dict[str, Any]:
    """The same, and addresses and names where no packet of a test may go; there is no way to send one."""
    beyond = [["169.254.169.254", 80], ["172.17.0.1", 22], ["198.51.100.2", 443]]
    return {
        **targets,
        "tcp": targets["tcp"] + beyond,
        "names": ["secret-value.example.org", "localhost.example"],
    }


def test_an_analyst_reaches_nothing_from_inside(
    running_sandbox: RunningSandbox, targets: dict[str, Any]
) -> None:
    output = running_sandbox.run_in_notebook("ana", f"TARGETS = {outside(targets)!r}\n{PROBES}")
    assert json.loads(output.text) == NOTHING, output.error


@pytest.mark.parametrize("isolator", ["docker"], indirect=True, scope="session")
def test_root_inside_a_container_reaches_nothing_either(
    running_sandbox: RunningSandbox, targets: dict[str, Any]
) -> None:
    with closing(docker.from_env()) as client:
        name = container_names(running_sandbox.settings).format(username="ana")
        container = client.containers.get(name)
        probed = run_as_root(container, f"TARGETS = {outside(targets)!r}\n{PROBES}")
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
            ["/opt/nb/bin/python", "-c", f"TARGETS = {targets!r}\n{PROBES}"],
            network_mode="host", pid_mode="host", ipc_mode="host", user="0:0", remove=True,
            volumes=[f"{home}:{home}", "/var/run/docker.sock:/var/run/docker.sock"],
        )  # fmt: skip
    assert json.loads(said) == {**dict.fromkeys(NOTHING, True), "names": False}
