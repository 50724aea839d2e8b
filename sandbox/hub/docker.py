"""A notebook as a container without a network.

Everything a container can do without is taken away; ``tests/e2e/test_isolation_hardening.py`` asks from
inside. The list of system calls is our own (``images/notebook/seccomp.json``): Docker's default one lets
a container open sockets to the virtual machine's host, which no missing network stops.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Ulimit
from dockerspawner import DockerSpawner  # type: ignore[import-untyped]  # ships no types

from sandbox.hub.doorkeeper import Place
from sandbox.hub.recipes import CONTEXT
from sandbox.hub.spawner import (
    INSIDE_HOME,
    INSIDE_IN,
    INSIDE_OUT,
    MIB,
    OPEN_FILES,
    DoorSpawner,
)
from sandbox.policy.notebooks import NotebookSize
from sandbox.settings import Settings

CPU_PERIOD = 100_000
"""Microseconds in which a container's share of processors is counted."""
CPU_SHARES = 512
"""Half of what the machine's other processes weigh: the door and the gateway go first."""
HEALTH = {
    "test": ["CMD", "/usr/bin/test", "-S", f"{INSIDE_IN}/server.sock"],
    "interval": 60 * 10**9,
    "timeout": 5 * 10**9,
    "start_period": 60 * 10**9,
}
"""In nanoseconds; whether the server's socket is there. The hub asks the server itself more often."""
OWNER_LABEL = "org.publicdatasandbox.home"
"""Says which sandbox on this machine a container belongs to."""
PERSON_LABEL = "org.publicdatasandbox.person"
"""Says whose notebook a container is."""


def container_names(settings: Settings) -> str:
    """Return the form of containers' names; two sandboxes on one machine do not meet."""
    return f"sandbox-{sandbox_mark(settings)}-{{username}}"


def sandbox_mark(settings: Settings) -> str:
    """Return a short mark of this sandbox among others on the machine."""
    return hashlib.sha256(str(settings.home.resolve()).encode()).hexdigest()[:8]


class DockerNotebook(DoorSpawner, DockerSpawner):  # type: ignore[misc]  # dockerspawner has no types
    """DockerSpawner with nothing left open."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.remove = True
        self.use_internal_ip = True  # publishes no port
        self.network_name = "none"
        self.pull_policy = "never"
        self.allowed_images = [self.image]

    async def start_isolated(self, place: Place) -> None:
        """Create and start the container."""
        self.cmd = self.command
        self.extra_create_kwargs = identity(self.settings, uid=self.uid, person=self.user.name)
        self.extra_host_config = surroundings(self.settings, place, home=self.files, size=self.limits)
        await DockerSpawner.start(self)

    async def stop_isolated(self, *, now: bool) -> None:
        """Stop and remove the container; the person's files stay."""
        await DockerSpawner.stop(self, now=now)

    async def get_ip_and_port(self) -> tuple[str, int]:
        """Return the door's address: the container has none."""
        return "127.0.0.1", self.place.port if self.place else 0


def identity(settings: Settings, *, uid: int, person: str) -> dict[str, Any]:
    """Return who a notebook's container is: Docker's options of its creation."""
    return {
        "user": f"{uid}:{uid}",
        "hostname": "notebook",
        "working_dir": INSIDE_HOME,
        "labels": {OWNER_LABEL: sandbox_mark(settings), PERSON_LABEL: person},
        "healthcheck": HEALTH,
    }


def surroundings(settings: Settings, place: Place, *, home: Path, size: NotebookSize) -> dict[str, Any]:
    """Return all that a notebook's container is given and limited to: Docker's options of its host."""
    return {
        **hardening(size, runtime=settings.runtime),
        "binds": [
            f"{place.out}:{INSIDE_OUT}:ro",
            f"{place.into}:{INSIDE_IN}:rw",
            f"{home}:{INSIDE_HOME}:rw",
        ],
    }


def hardening(size: NotebookSize, *, runtime: str) -> dict[str, Any]:
    """Return what is taken from every container, and limited for one of this size."""
    memory = size.memory_mib * MIB
    filters = ["no-new-privileges"]
    if runtime == "runc":
        # gVisor's kernel serves the calls itself and knows no such list; the few it makes it filters.
        filters.append("seccomp=" + (CONTEXT / "seccomp.json").read_text())
    return {
        "runtime": runtime,
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {"/tmp": f"rw,noexec,nosuid,nodev,size={size.scratch_mib}m"},  # noqa: S108  # inside, for itself only
        "cap_drop": ["ALL"],
        "security_opt": filters,
        "pids_limit": size.processes,
        "mem_limit": memory,
        "memswap_limit": memory,
        "cpu_shares": CPU_SHARES,
        "cpu_period": CPU_PERIOD,
        "cpu_quota": CPU_PERIOD * size.processors,
        "ulimits": [
            Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES),
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="memlock", soft=65536, hard=65536),
        ],
        "ipc_mode": "private",
        "shm_size": size.scratch_mib * MIB,
        "init": True,
        "oom_score_adj": 500,
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "5m", "max-file": "2"}),
    }
