"""Docker's daemon is updated and started again while people work."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sandbox_under_test import own_sandbox

from sandbox.hub import images

ROOT = Path(__file__).parents[2]
PID_FILE = Path("/var/run/docker.pid")


def test_notebooks_outlive_a_restart_of_the_docker_daemon() -> None:
    client = images.docker_client()
    if client is None or not client.info()["LiveRestoreEnabled"]:
        pytest.skip("the Docker daemon does not keep containers; deploy/docker-daemon.json says live-restore")
    if os.geteuid() != 0 or not PID_FILE.exists():
        pytest.skip("only root can start the Docker daemon again")
    with own_sandbox("docker") as sandbox:
        sandbox.run_in_notebook("ana", "open('/tmp/alive', 'w').write('before')")
        os.kill(int(PID_FILE.read_text()), signal.SIGTERM)
        until(lambda: images.docker_client() is None)
        meanwhile = sandbox.run_in_notebook("ana", "print(open('/tmp/alive').read())")
        subprocess.run([ROOT / "scripts" / "docker-daemon"], check=True)
        until(lambda: images.docker_client() is not None)
        # /tmp is the container's own memory: it is the same container
        afterwards = sandbox.run_in_notebook("ana", "print(open('/tmp/alive').read())")
        sandbox.stop_notebook("ana")
    assert [meanwhile.text.strip(), afterwards.text.strip()] == ["before", "before"]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)
