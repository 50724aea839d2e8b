"""What the Docker daemon knows of a sandbox's notebooks, and of itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import docker
import requests
from docker.errors import DockerException, ImageNotFound

from sandbox.errors import StartupRefusal
from sandbox.hub import images
from sandbox.hub.docker import OWNER_LABEL, sandbox_mark
from sandbox.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A container of this sandbox that runs."""

    name: str
    pid: int
    """Of its first process, on this machine."""
    image: str
    """Name and tag it was started from."""


def running(settings: Settings) -> tuple[Running, ...]:
    """Return every container that bears this sandbox's label and runs.

    Raises:
        StartupRefusal: the daemon does not answer.
    """
    label = f"{OWNER_LABEL}={sandbox_mark(settings)}"
    with _daemon() as client:
        found = [one.attrs for one in client.containers.list(filters={"label": label})]
    return tuple(
        Running(name=one["Name"].lstrip("/"), pid=one["State"]["Pid"], image=one["Config"]["Image"])
        for one in found
    )


def present(image: str) -> bool:
    """Whether the daemon holds ``image``.

    Raises:
        StartupRefusal: the daemon does not answer.
    """
    with _daemon() as client:
        try:
            client.images.get(image)
        except ImageNotFound:
            return False
        return True


def versions() -> dict[str, str]:
    """Return the versions of the daemon and of what runs containers for it.

    Raises:
        StartupRefusal: the daemon does not answer.
    """
    with _daemon() as client:
        said = client.version()
    return {part["Name"]: part["Version"] for part in said.get("Components", [])}


@contextmanager
def _daemon() -> Iterator[docker.DockerClient]:
    client = images.docker_client()
    if client is None:
        raise StartupRefusal("No Docker daemon answers; start one.")
    try:
        yield client
    except (DockerException, requests.RequestException) as error:
        raise StartupRefusal("The Docker daemon does not answer.") from error
    finally:
        client.close()
