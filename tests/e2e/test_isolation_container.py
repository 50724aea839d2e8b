"""What Docker itself says of a running notebook: the container items of the CIS Docker Benchmark."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import docker
import pytest

from sandbox.hub import images
from sandbox.hub.docker import container_names
from sandbox.hub.running import RunningSandbox

pytestmark = pytest.mark.parametrize("isolator", ["docker"], indirect=True, scope="session")
Inspected = dict[str, Any]


@pytest.fixture
def inspected(running_sandbox: RunningSandbox) -> Iterator[Inspected]:
    running_sandbox.run_in_notebook("ana", "pass")
    with closing(docker.from_env()) as client:
        name = container_names(running_sandbox.settings).format(username="ana")
        yield client.containers.get(name).attrs


def host(inspected: Inspected) -> dict[str, Any]:
    found: dict[str, Any] = inspected["HostConfig"]
    return found


def _sensitive(inspected: Inspected) -> list[str]:
    allowed = ("/door/people/ana/out", "/door/people/ana/in", "/notebooks/ana")
    return [mount["Source"] for mount in inspected["Mounts"] if not mount["Source"].endswith(allowed)]


ITEMS: dict[str, Callable[[Inspected], bool]] = {
    "4.1 a user of its own": lambda it: int(it["Config"]["User"].split(":")[0]) >= 300_000,
    "4.6 health is looked after": lambda it: bool(it["Config"]["Healthcheck"]["Test"]),
    "5.3 no capability": lambda it: host(it)["CapDrop"] == ["ALL"] and not host(it)["CapAdd"],
    "5.4 not privileged": lambda it: host(it)["Privileged"] is False,
    "5.5 no directory of the machine": lambda it: _sensitive(it) == [],
    "5.7 no privileged port": lambda it: not it["NetworkSettings"]["Ports"],
    "5.8 no open port": lambda it: not host(it)["PortBindings"] and not host(it)["PublishAllPorts"],
    "5.9 not the machine's network": lambda it: host(it)["NetworkMode"] == "none",
    "5.10 memory is limited": lambda it: 0 < host(it)["Memory"] == host(it)["MemorySwap"],
    "5.11 processor time is limited": lambda it: (
        0 < host(it)["CpuShares"] < 1024 and host(it)["CpuQuota"] > 0
    ),
    "5.12 the root cannot be written": lambda it: host(it)["ReadonlyRootfs"] is True,
    "5.14 it is not started again for ever": lambda it: host(it)["RestartPolicy"]["Name"] in {"", "no"},
    "5.15 not the machine's processes": lambda it: host(it)["PidMode"] == "",
    "5.16 not the machine's shared memory": lambda it: host(it)["IpcMode"] == "private",
    "5.17 no device": lambda it: not host(it)["Devices"],
    "5.18 open files are limited": lambda it: "nofile" in {limit["Name"] for limit in host(it)["Ulimits"]},
    "5.19 mounts are not shared": lambda it: all(mount["Propagation"] != "shared" for mount in it["Mounts"]),
    "5.20 not the machine's name": lambda it: host(it)["UTSMode"] == "",
    "5.21 system calls are filtered": lambda it: any(
        option.startswith("seccomp={") for option in host(it)["SecurityOpt"]
    ),
    "5.24 no control group of another": lambda it: host(it)["CgroupParent"] == "",
    "5.25 no new rights": lambda it: "no-new-privileges" in host(it)["SecurityOpt"],
    "5.28 processes are limited": lambda it: 0 < host(it)["PidsLimit"] <= 256,
    "5.29 not the default network": lambda it: host(it)["NetworkMode"] not in {"default", "bridge"},
    "5.30 not the machine's users": lambda it: host(it)["UsernsMode"] != "host",
    "5.31 not the daemon's socket": lambda it: not any("docker.sock" in str(mount) for mount in it["Mounts"]),
    "no secret in the command": lambda it: "token" not in json.dumps([it["Path"], *it["Args"]]).lower(),
}


@pytest.mark.parametrize("item", ITEMS)
def test_a_notebooks_container_satisfies(inspected: Inspected, item: str) -> None:
    assert ITEMS[item](inspected), json.dumps(host(inspected), indent=1)


def test_a_plain_container_fails_most_items(running_sandbox: RunningSandbox) -> None:
    del running_sandbox  # its image is there
    with closing(docker.from_env()) as client:
        plain = client.containers.create(images.notebook_image(), ["true"])
        try:
            failed = [item for item, holds in ITEMS.items() if not _holds(holds, plain.attrs)]
        finally:
            plain.remove()
    assert len(failed) >= 10, failed


def _holds(item: Callable[[Inspected], bool], inspected: Inspected) -> bool:
    try:
        return item(inspected)
    except (KeyError, TypeError, ValueError):
        return False
