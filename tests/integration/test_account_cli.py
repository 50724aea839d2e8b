"""Budgets at the terminal: a key, a decision, a question, and what became of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.settings import Settings

Run = Callable[..., subprocess.CompletedProcess[str]]
STUDY = ("--authorization", "visits-study")
QUESTION = "SELECT service, COUNT(*) AS n FROM visits GROUP BY service"
LIMITS = """
analyst_epsilon = "4"
analyst_most_epsilon = "6"

[loss.window]
epsilon = "5"
days = 30
"""


@pytest.fixture
def sandbox(settings: Settings, tmp_path: Path) -> Run:
    """Run ``sandbox`` under policies with windows and a budget for each analyst."""
    policies = Path(shutil.copytree(settings.policies, tmp_path / "policies"))
    with (policies / "authorizations" / "visits-study.toml").open("a") as study:
        study.write(LIMITS)
    environment = {
        **os.environ,
        "SANDBOX_HOME": str(settings.home),
        "SANDBOX_RAW": str(settings.raw),
        "SANDBOX_POLICIES": str(policies),
    }

    def run(*words: str, account: str = "sten") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("sandbox")), *words],
            env={**environment, "SANDBOX_ACCOUNT": account},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )

    return run


@pytest.fixture
def key(sandbox: Run) -> str:
    """The file of sten's key, whose public half is registered."""
    made = sandbox("account", "key", "sten")
    assert made.returncode == 0, made.stderr
    registered = sandbox("user", "key", "sten", made.stdout.strip())
    assert registered.returncode == 0, registered.stderr
    return "sten.key"


def today(days: int = 0) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def grant(sandbox: Run, key: str, *words: str, account: str = "sten") -> subprocess.CompletedProcess[str]:
    said = ("account", "grant", *STUDY, "--reason", "Minutes of 12 June", "--key", key)
    return sandbox(*said, *words, account=account)


def ask(sandbox: Run, epsilon: str = "0.5") -> subprocess.CompletedProcess[str]:
    return sandbox("ask", QUESTION, *STUDY, "--epsilon", epsilon, "--fresh", account="ana")


def document(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_key_is_a_file_of_its_owner_alone_and_never_written_over(sandbox: Run, tmp_path: Path) -> None:
    made = sandbox("account", "key", "sten")
    assert made.stdout.startswith("sten+")
    secret = (tmp_path / "sten.key").read_bytes()
    assert (tmp_path / "sten.key").stat().st_mode & 0o777 == 0o600
    assert sandbox("account", "key", "sten").returncode == 2
    assert (tmp_path / "sten.key").read_bytes() == secret


def test_a_window_is_opened_asked_in_and_shown_with_its_entries(sandbox: Run, key: str) -> None:
    refused = ask(sandbox)
    assert refused.returncode == 1
    assert "Refused (no-window)" in refused.stderr
    decided = document(grant(sandbox, key, "--from", today(-1), "--count", "2", "--json"))
    assert ask(sandbox).returncode == 0
    shown = document(sandbox("account", "show", *STUDY, "--json"))
    assert [(w["from"], w["state"]) for w in shown["windows"]] == [(today(-1), "open"), (today(29), "ahead")]
    assert [w["spent_picorho"] for w in shown["windows"]] == [125_000_000_000, 0]
    assert [(s["person"], s["questions"]) for s in shown["spenders"]] == [("ana", 1)]
    assert [(d["seq"], d["by"], d["verifies"]) for d in shown["decisions"]] == [
        (decided["seq"], "sten", True)
    ]
    history = document(sandbox("account", "history", *STUDY, "--json"))
    assert {charge["scope"] for charge in history["charges"]} == {
        "authorization:visits-study",
        "analyst:visits-study:ana",
        f"window:visits-study:{today(-1)}",
    }
    (seq,) = {charge["seq"] for charge in history["charges"]}
    entry = document(sandbox("audit", "search", "--kind", "question.intent", "--json", account="olaf"))[0]
    assert (entry["seq"], entry["event"]["subject"]) == (seq, history["charges"][0]["request"])


def test_what_people_read_names_windows_people_and_decisions(sandbox: Run, key: str) -> None:
    assert grant(sandbox, key, "--from", today(), "--epsilon", "3").returncode == 0
    assert grant(sandbox, key, "--raise", "--analyst", "ana", "--epsilon", "5").returncode == 0
    assert ask(sandbox).returncode == 0
    shown = sandbox("account", "show", *STUDY).stdout
    assert f"{today()}  {today(30)}  open" in shown
    assert "Minutes of 12 June" in shown
    assert (
        "analyst ana under authorization visits-study: epsilon 5"
        in sandbox("account", "history", *STUDY).stdout
    )
    own = sandbox("account", "show", account="ana").stdout
    assert f"window:visits-study:{today()}" in own
    assert sandbox("account", "show", "--population", "residents").returncode == 0
    assert sandbox("account", "show", "--dataset", "small_visits").returncode == 0
    assert sandbox("account", "history", "--population", "residents").returncode == 0


@pytest.mark.parametrize("account", ["ana", "rita"])
def test_who_does_not_decide_sees_no_other_budgets_and_opens_none(
    sandbox: Run, key: str, account: str
) -> None:
    assert grant(sandbox, key, "--from", today(), account=account).returncode == 1
    assert sandbox("account", "show", *STUDY, account=account).returncode == 1
    assert sandbox("account", "history", *STUDY, account=account).returncode == 1
    assert "no-window" in ask(sandbox).stderr


def test_a_key_that_nobody_registered_decides_nothing(sandbox: Run, key: str) -> None:
    assert sandbox("account", "key", "sten", "--output", "other.key").returncode == 0
    refused = grant(sandbox, "other.key", "--from", today())
    assert "signature-invalid" in refused.stderr
    assert sandbox("user", "key", "sten", "--withdraw").returncode == 0
    assert "decider-unknown" in grant(sandbox, key, "--from", today()).stderr
    codes = [
        entry["event"]["decision"]
        for entry in document(
            sandbox("audit", "search", "--kind", "budget.refused", "--json", account="olaf")
        )
    ]
    assert codes == ["decider-unknown", "signature-invalid"]


def test_a_key_of_somebody_else_is_not_registered(sandbox: Run) -> None:
    made = sandbox("account", "key", "rita").stdout.strip()
    assert "key-of-another" in sandbox("user", "key", "sten", made).stderr
    assert "account-unknown" in sandbox("user", "key", "nobody", made.replace("rita", "nobody")).stderr
    assert "key-invalid" in sandbox("user", "key", "rita", made + "x").stderr


@pytest.mark.parametrize("words", [(), ("--raise", "--from", "2026-06-01")])
def test_a_decision_that_says_both_or_nothing_is_not_made(
    sandbox: Run, key: str, words: tuple[str, ...]
) -> None:
    assert grant(sandbox, key, *words).returncode == 2


def test_a_day_that_is_none_is_refused(sandbox: Run, key: str) -> None:
    assert "window-day" in grant(sandbox, key, "--from", "2026-02-30").stderr
    assert "window-day" in grant(sandbox, key, "--from", "9999-12-30").stderr
