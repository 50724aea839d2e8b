"""The main command: everything comes up, goes down on Ctrl-C, and comes up again with nothing lost."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.hub.running import free_ports

READY = "Ctrl-C stops everything."


@dataclass(frozen=True)
class Installation:
    """A home of its own, and the environment that says so."""

    environment: dict[str, str]

    def url(self, part: str) -> str:
        host = {"HUB": "127.0.0.1", "CONSOLE": "localhost"}[part]
        return f"http://{host}:{self.environment[f'SANDBOX_{part}_PORT']}"

    def run(self, *words: str) -> str:
        command = [sys.executable, "-m", "sandbox.cli", *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def up(self) -> tuple[str, int, list[int]]:
        """Start, look at both addresses, press Ctrl-C; return what was said, the status, the answers."""
        command = [sys.executable, "-m", "sandbox.cli", "up"]
        with subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if line.startswith(READY):
                    break
            answers = [status(self.url("HUB") + "/hub/login"), status(self.url("CONSOLE") + "/")]
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=120)
        return said + rest, process.returncode, answers


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  # our own loopback address
        return int(response.status)


@pytest.fixture
def installation() -> Iterator[Installation]:
    home = Path(tempfile.mkdtemp(prefix="sbx-up-", dir="/var/tmp"))  # passable for every uid
    home.chmod(0o711)
    names = ("HUB_PORT", "HUB_API_PORT", "PROXY_API_PORT", "CONSOLE_PORT")
    ports = {f"SANDBOX_{name}": str(port) for name, port in zip(names, free_ports(4), strict=True)}
    yield Installation({**os.environ, "SANDBOX_HOME": str(home / "var"), **ports})
    shutil.rmtree(home)


def test_a_second_start_shows_no_password_and_loses_nothing(installation: Installation) -> None:
    first, status_first, answers = installation.up()
    assert (status_first, answers) == (0, [200, 200]), first
    assert len(re.findall(r"^  [a-z]+ +\S{12,}$", first, re.MULTILINE)) == 6
    question = ("ask", "SELECT COUNT(*) AS n FROM visits", "--authorization", "visits-study")
    installation.run(*question, "--epsilon", "0.5")
    spent = installation.run("account", "show")
    second, status_second, answers = installation.up()
    assert (status_second, answers) == (0, [200, 200]), second
    assert "passwords" not in second.split("\nNotebooks:")[0]
    assert installation.run("account", "show") == spent
