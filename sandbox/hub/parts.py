"""The processes of one sandbox, and how each says that it is there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO

from sandbox.audit.signer_remote import answers as answers_at
from sandbox.settings import Settings

CONFIG = Path(__file__).resolve().parents[2] / "jupyterhub_config.py"
PROBE_SECONDS = 2.0
GATEWAY_COMMAND = (sys.executable, "-m", "sandbox.web")
SIGNER_COMMAND = (sys.executable, "-m", "sandbox.signer")
DOOR_COMMAND = (sys.executable, "-m", "sandbox.door")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One process to run."""

    name: str
    command: tuple[str, ...]
    uid: int
    gid: int
    answers: Callable[[], bool]
    stop_seconds: float
    """How long it may take to stop; the hub stops notebooks before it goes."""
    umask: int = 0o022
    """0o007 where another part, by its group, must reach the part's socket."""


def parts(settings: Settings, *, gateway_command: tuple[str, ...] = GATEWAY_COMMAND) -> tuple[Part, ...]:
    """Return the processes in the order in which they start."""
    root = os.geteuid() == 0
    gateway = settings.gateway_uid if root else os.geteuid()
    door = settings.door_uid if root else os.geteuid()
    signer = settings.signer_uid if root else os.geteuid()
    control = settings.run.resolve() / "door" / "control.sock"
    hub = (sys.executable, "-m", "jupyterhub", "-f", str(CONFIG))
    return (
        Part(
            name="signer",
            command=SIGNER_COMMAND,
            uid=signer,
            gid=signer,
            answers=lambda: answers_at(settings.signer_socket),
            stop_seconds=10,
            umask=0o007,
        ),
        Part(
            name="door",
            command=DOOR_COMMAND,
            uid=door,
            gid=door,
            answers=lambda: answers_at(control),
            stop_seconds=10,
        ),
        Part(
            name="gateway",
            command=gateway_command,
            uid=gateway,
            gid=gateway,
            answers=lambda: answers_at(settings.gateway_socket) and tcp_answers(settings.console_port),
            stop_seconds=40,
            umask=0o007,
        ),
        Part(
            name="hub",
            command=hub,
            uid=os.geteuid(),
            gid=os.getegid(),
            answers=lambda: hub_answers(settings),
            stop_seconds=60,
        ),
    )


def launch(part: Part, settings: Settings) -> subprocess.Popen[bytes]:
    """Start ``part`` as its own user, writing to its file under ``settings.home/logs``."""
    root = os.geteuid() == 0
    with log_file(settings, part.name) as log:
        return subprocess.Popen(  # noqa: S603  # our own words
            part.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment_of(settings, os.environ),
            start_new_session=True,  # Ctrl-C reaches the supervisor, which stops the parts in order
            umask=part.umask,
            user=part.uid if root else None,
            group=part.gid if root else None,
            extra_groups=() if root else None,
        )


def log_file(settings: Settings, name: str) -> IO[bytes]:
    """Open the file ``name`` writes its messages to."""
    logs = settings.home.resolve() / "logs"
    logs.mkdir(mode=0o750, exist_ok=True)
    return (logs / f"{name}.log").open("ab")


def environment_of(settings: Settings, outer: Mapping[str, str]) -> dict[str, str]:
    """Return ``outer`` with exactly these settings, paths absolute."""
    return {**outer, **settings.to_environment(), "PYTHONUNBUFFERED": "1"}


def tcp_answers(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False


def hub_answers(settings: Settings) -> bool:
    """Whether the hub answers through its proxy."""
    connection = HTTPConnection(settings.hub_host, settings.hub_port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/hub/api/")
        return connection.getresponse().status == 200  # noqa: PLR2004  # HTTP's own number
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
