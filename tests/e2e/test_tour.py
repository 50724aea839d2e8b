"""The README's story, told by the program itself, in both ways of isolation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def transcript(isolator: str) -> str:
    """What ``sandbox tour`` printed; it must end well."""
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.cli", "tour"],
        env={**os.environ, "SANDBOX_ISOLATION": isolator},
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def shape(line: str) -> str:
    """A line without what differs from run to run: noise, ids, digests, paths, spacing."""
    line = re.sub(r"[A-Za-z0-9+/]{43}=", "ROOT", line)
    line = re.sub(r"\b[0-9a-f]{16}\b", "ID", line)
    line = re.sub(r"-?\d+(\.\d+)?", "#", line)
    return " ".join(line.split())


def test_every_line_of_the_readme_session_is_what_the_tour_prints(transcript: str) -> None:
    printed = {shape(line) for line in transcript.splitlines()}
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for kind, block in fenced if not kind for line in block.splitlines() if line.strip()]
    assert len(lines) > 20
    for line in lines:
        if not line.startswith("$ sandbox audit verify"):  # the tour's folder has another name
            assert shape(line) in printed, line


def test_nothing_of_the_tour_stays(transcript: str) -> None:
    assert "The whole story holds." in transcript
    assert not list(Path("/var/tmp").glob("sandbox-tour-*"))  # noqa: S108  # where the tour puts its home
