"""A whole sandbox, running: hub, proxy, door, gateway, and notebooks in either way of isolation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sandbox_under_test import own_sandbox

from sandbox.hub import images
from sandbox.hub.running import RunningSandbox


@pytest.fixture(scope="session", params=["docker", "bubblewrap"])
def isolator(request: pytest.FixtureRequest) -> str:
    """Each way in which notebooks can be isolated."""
    if request.param == "docker" and images.docker_client() is None:
        pytest.skip("no Docker daemon answers")
    return str(request.param)


@pytest.fixture(scope="session")
def running_sandbox(isolator: str) -> Iterator[RunningSandbox]:
    """A sandbox of its own on free ports, set up as a real one is, until the last test of this isolator."""
    with own_sandbox(isolator) as sandbox:
        yield sandbox
