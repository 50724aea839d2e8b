"""What runs in a cluster's pods, tried in containers with a pod's restrictions on this machine's Docker."""

from __future__ import annotations

import json
from typing import Any

import docker
import pytest
from docker.errors import ContainerError

from sandbox.hub import images
from sandbox.hub.profiles import GATEWAY, NOTEBOOK, profiles

SCREENING = """
import json
from sandbox.policy.grades import ReviewPolicy
from sandbox.review.screen.screening import screen_parts
print(screen_parts("a.csv", b"service,n\\nhome,120\\n", policy=ReviewPolicy())[0].canonical.decode())
"""


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    found = images.docker_client()
    if found is None:
        pytest.skip("no Docker daemon answers")
    return found


def as_in_the_pod(client: docker.DockerClient, code: str, *, profile: dict[str, Any]) -> str:
    """Run code in the gateway's image with the rights that its container has in the hub's pod."""
    said: bytes = client.containers.run(
        images.make_image("gateway"),
        ["python", "-c", code],
        remove=True,
        user="64800:64800",
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m"},  # noqa: S108  # inside
        cap_drop=["ALL"],
        security_opt=["no-new-privileges", f"seccomp={json.dumps(profile)}"],
    )
    return said.decode()


def test_the_gateway_can_read_a_submitted_file_in_its_pod(client: docker.DockerClient) -> None:
    assert as_in_the_pod(client, SCREENING, profile=profiles()[GATEWAY]) == "service,n\nhome,120\n\n"


def test_under_a_list_without_namespaces_it_refuses_and_reads_nothing(client: docker.DockerClient) -> None:
    with pytest.raises(ContainerError, match="Files cannot be screened"):
        as_in_the_pod(client, SCREENING, profile=profiles()[NOTEBOOK])
