"""A reviewed answer from a real notebook, through the door, past two reviewers, and back as a package."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from reviewed_sandbox import open_reviewed
from sandbox_under_test import own_sandbox

from sandbox.hub.parts import environment_of
from sandbox.hub.running import RunningSandbox

ASK = """
from sandbox.client import connect
session = connect("visits-study")
filed = session.ask_reviewed(
    "SELECT district, COUNT(DISTINCT person_id) AS persons, SUM(cost) AS total FROM visits GROUP BY district",
    purpose="Cost by district, for the yearly report",
)
print(filed.id)
print(filed)
print(filed.document)
print(session.my_releases().to_dict())
"""
LOOK = """
from sandbox.client import connect
print(connect("visits-study").my_releases().to_dict())
"""


def command(sandbox: RunningSandbox, *words: str, account: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.cli", *words],
        env={**environment_of(sandbox.settings, os.environ), "SANDBOX_ACCOUNT": account},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def approve(sandbox: RunningSandbox, name: str, request: str, out: Path) -> str:
    """Look at everything as a reviewer at a terminal, and approve; return what was said."""
    show = ("review", "show", request, "--out", str(out / name), "--json")
    shown = json.loads(command(sandbox, *show, account=name))
    assert [file["name"] for file in shown["files"]] == ["reviewed.csv", "evidence.csv", "evidence.json"]
    codes = [word for code in shown["to_acknowledge"] for word in ("--acknowledge", f"{code}=Weighed.")]
    decide = ("review", "decide", request, "approve", "--reason", "Fine.", *codes)
    return command(sandbox, *decide, account=name).strip()


@pytest.mark.parametrize("isolator", ["bubblewrap"], indirect=True, scope="session")
def test_a_notebook_gets_its_exact_answer_only_as_a_released_package(isolator: str, tmp_path: Path) -> None:
    with own_sandbox(isolator, changed=open_reviewed) as sandbox:
        asked = sandbox.run_in_notebook("ana", ASK)
        assert asked.error == ""
        request = asked.text.split()[0]
        assert approve(sandbox, "rita", request, tmp_path).endswith("REVIEW.")
        looked = sandbox.run_in_notebook("ana", LOOK)
        assert approve(sandbox, "rolf", request, tmp_path).endswith("RELEASED.")
        rows = (tmp_path / "rita" / "reviewed.csv").read_text().splitlines()
        assert len(rows) == 5
        totals = {row.split(",")[2] for row in rows[1:]}
        assert "9850" in totals
        assert totals.isdisjoint(re.findall(r"[\w.:+-]+", asked.text + looked.text))
        package = command(sandbox, "download", request, "--out", str(tmp_path), account="ana").strip()
        with tarfile.open(package) as archive:
            names = [Path(name).name for name in archive.getnames()]
        assert "reviewed.csv" in names
        assert not {"evidence.csv", "evidence.json"} & set(names)
