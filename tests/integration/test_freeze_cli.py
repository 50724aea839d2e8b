"""Freezing at the terminal, where no hub runs: what it says, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.settings import Settings

Run = Callable[..., subprocess.CompletedProcess[str]]
ASK = ("ask", "SELECT COUNT(*) AS n FROM visits", "--authorization", "visits-study")
WHY = ("--reason", "Ticket 4711", "--by", "mara")


@pytest.fixture
def sandbox(settings: Settings, tmp_path: Path) -> Run:
    """Run ``sandbox`` with the given words, as ana where it is a question."""
    environment = {
        **os.environ,
        "SANDBOX_HOME": str(settings.home),
        "SANDBOX_RAW": str(settings.raw),
        "SANDBOX_POLICIES": str(settings.policies),
        "SANDBOX_ACCOUNT": "ana",
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sandbox.cli", *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
        )

    return run


def test_a_freeze_refuses_is_listed_and_is_taken_back(sandbox: Run) -> None:
    frozen = sandbox("freeze", "user", "ana", *WHY)
    assert frozen.returncode == 0, frozen.stderr
    assert frozen.stdout.startswith("frozen: user ana, entry ")
    assert "notebooks stopped: none ran" in frozen.stdout
    assert "The hub does not answer" in frozen.stderr
    refused = sandbox(*ASK)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Refused (frozen): Your account is frozen since ")
    assert "4711" not in refused.stderr
    (listed,) = json.loads(sandbox("freeze", "list", "--json").stdout)
    assert (listed["what"], listed["name"], listed["by"]) == ("user", "ana", "mara")
    assert "user ana" in sandbox("freeze", "list").stdout
    assert sandbox("unfreeze", "user", "ana", *WHY).returncode == 0
    assert json.loads(sandbox("freeze", "list", "--json").stdout) == []
    assert sandbox(*ASK).returncode == 0


def test_freezing_again_freezes_nothing_twice(sandbox: Run) -> None:
    first, second = (json.loads(sandbox("freeze", "all", *WHY, "--json").stdout) for _ in range(2))
    assert first["seq"] == second["seq"]


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("freeze", "user", "nobody", *WHY), 1, "There is no user nobody."),
        (("freeze", "authorization", "ana", *WHY), 1, "There is no authorization ana."),
        (("freeze", "dataset", "visits-study", *WHY), 1, "There is no dataset visits-study."),
        (("freeze", "all", "ana", *WHY), 1, "All is frozen without a name"),
        (("freeze", "user", *WHY), 1, "everything else by its name"),
        (("freeze", "user", "ana", "--reason", " "), 1, "The reason is missing"),
        (("freeze", "user", "ana"), 2, "--reason"),
        (("freeze", "planet", "earth", *WHY), 2, "planet"),
        (("unfreeze", "user", "ana", *WHY), 1, "There is no freeze of user ana."),
    ],
)
def test_what_cannot_be_frozen_is_refused_and_freezes_nothing(
    sandbox: Run, words: tuple[str, ...], status: int, sentence: str
) -> None:
    done = sandbox(*words)
    assert done.returncode == status, done.stderr
    assert sentence in done.stderr
    assert sandbox("freeze", "list", "--json").stdout == "[]\n"
