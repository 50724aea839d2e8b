"""The terminal, as people and programs use it: a process of its own, on a sandbox of its own."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sandbox.policy.dummy import dummy_rows
from sandbox.policy.load import load
from sandbox.settings import Settings

Run = Callable[..., subprocess.CompletedProcess[str]]
QUESTION = "SELECT service, COUNT(*) AS n FROM visits GROUP BY service"
ASK = ("--authorization", "visits-study")


@pytest.fixture
def sandbox(settings: Settings, tmp_path: Path) -> Run:
    """Run ``sandbox`` with the given words and account."""
    environment = {
        **os.environ,
        "SANDBOX_HOME": str(settings.home),
        "SANDBOX_RAW": str(settings.raw),
        "SANDBOX_POLICIES": str(settings.policies),
    }

    def run(*words: str, account: str = "ana", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("sandbox")), *words],
            env={**environment, "SANDBOX_ACCOUNT": account, **more},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )

    return run


def document(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_whole_way_in_a_terminal(sandbox: Run, tmp_path: Path) -> None:
    answer = document(sandbox("ask", QUESTION, *ASK, "--epsilon", "0.5", "--save", "n.csv", "--json"))
    assert answer["columns"] == ["service", "n", "n_low", "n_high"]
    request = document(sandbox("submit", "n.csv", *ASK, "--purpose", "Visits by service", "--json"))
    assert [file["verdict"] for file in request["files"]] == ["pass"]
    assert request["id"] in sandbox("review", "list", account="rita").stdout
    document(sandbox("review", "show", request["id"], "--out", "seen", "--json", account="rita"))
    assert (tmp_path / "seen" / "n.csv").read_bytes() == (tmp_path / "n.csv").read_bytes()
    decided = document(
        sandbox("review", "decide", request["id"], "approve", "--reason", "noisy", "--json", account="rita")
    )
    assert decided["status"] == "RELEASED"
    assert sandbox("download", request["id"], "--out", "got").returncode == 0
    assert len(list((tmp_path / "got").iterdir())) == 1
    assert sandbox("audit", "export", "log", account="olaf").returncode == 0
    verified = document(sandbox("audit", "verify", "log", "--json"))
    assert verified["whole"]
    told = sandbox("trace", request["id"], account="olaf").stdout
    assert answer["id"] in told
    assert "rita reviewed" in told
    lineage = document(sandbox("trace", answer["id"], "--format", "prov", account="olaf"))
    assert {"pds:agent/ana", "pds:agent/rita"} <= set(lineage["agent"])
    assert any(name.startswith("pds:registration/") for name in lineage["activity"])
    entries = document(sandbox("trace", request["id"], "--format", "json", account="olaf"))
    assert {answer["id"], request["id"]} <= {entry["event"]["subject"] for entry in entries}
    assert sandbox("trace", "nothing", account="olaf").returncode == 1


def test_the_author_cannot_approve_and_the_officer_cannot_ask(sandbox: Run) -> None:
    sandbox("ask", QUESTION, *ASK, "--save", "n.csv")
    request = document(sandbox("submit", "n.csv", *ASK, "--purpose", "Visits", "--json"))
    assert sandbox("review", "decide", request["id"], "approve", "--reason", "mine").returncode == 1
    assert sandbox("ask", QUESTION, *ASK, account="olaf").returncode == 1
    assert sandbox("audit", "export", "log", account="ana").returncode == 1


def test_a_dry_run_says_cost_and_error(sandbox: Run) -> None:
    estimate = document(sandbox("ask", QUESTION, *ASK, "--dry-run", "--json"))
    assert estimate["dry_run"]
    assert estimate["expected_errors"][0]["name"] == "n"
    balances = document(sandbox("account", "show", "--json"))["balances"]
    assert all(b["spent_picorho"] == 0 for b in balances if b["scope"].startswith("authorization"))


def test_advice_names_its_loss_before_it_is_spent(sandbox: Run) -> None:
    before = document(sandbox("account", "show", "--json"))
    asked = sandbox("register", "small_visits", "--advise")
    assert asked.returncode == 2
    assert "epsilon of 0.1" in asked.stderr
    assert "population residents" in asked.stderr
    assert document(sandbox("account", "show", "--json")) == before
    advice = document(sandbox("register", "small_visits", "--advise", "--yes", "--epsilon", "4", "--json"))
    assert (
        tomllib.loads(advice["toml"])["tables"]["visits"]["max_rows_per_unit"]
        == advice["tables"][0]["proposed"]
    )
    assert document(sandbox("account", "show", "--json")) != before
    shown = sandbox("register", "small_visits", "--advise", "--yes")
    assert "max_rows_per_unit" in shown.stdout
    assert "99 % at most" in shown.stdout


@pytest.mark.parametrize(
    "words", [("--advise",), ("a", "b", "--advise"), ("small_visits", "--yes"), ("--epsilon", "1")]
)
def test_options_of_advice_that_mean_nothing_are_refused(sandbox: Run, words: tuple[str, ...]) -> None:
    assert sandbox("register", *words).returncode == 2


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_of_made_up_rows_can_be_registered_like_the_real_one(
    sandbox: Run, settings: Settings, tmp_path: Path, ending: str
) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(settings.policies, policies)
    policy = policies / "datasets" / "small_visits.toml"
    policy.write_text(policy.read_text().replace("visits.csv", f"made.{ending}"))
    words = ("dummy", "small_visits", "--rows", "400", "--seed", "5", "--output")
    assert sandbox(*words, f"made.{ending}").returncode == 0
    assert sandbox(*words, f"again.{ending}").returncode == 0
    made = tmp_path / f"made.{ending}"
    assert made.read_bytes() == (tmp_path / f"again.{ending}").read_bytes()
    shutil.copy(made, settings.raw)
    (settings.raw / f"made.{ending}").chmod(0o644)
    done = sandbox("register", "small_visits", SANDBOX_POLICIES=str(policies))
    assert done.returncode == 0, done.stderr
    newest = max(settings.bounded.iterdir(), key=lambda path: path.stat().st_mtime)
    rows = dummy_rows(load(policies).datasets["small_visits"], "visits", rows=400, seed=5)
    with duckdb.connect(str(newest), read_only=True) as connection:
        kept = connection.execute(f"SELECT {', '.join(rows[0])} FROM visits").fetchall()  # noqa: S608  # the policy's names
    fixed = [
        {**row, "cost": None if row["cost"] is None else int(Decimal(str(row["cost"])) * 100)} for row in rows
    ]
    assert Counter(kept) == Counter(tuple(row.values()) for row in fixed)


@pytest.mark.parametrize("epsilon", ["NaN", "inf", "0", "-1", "1e-3", "101", ""])
def test_a_loss_that_is_no_loss_is_refused_in_one_sentence(sandbox: Run, epsilon: str) -> None:
    done = sandbox("ask", QUESTION, *ASK, f"--epsilon={epsilon}")
    assert done.returncode == 1
    assert done.stderr.startswith("Refused (loss-invalid)")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda home: (home / "signer" / "checkpoint.key").unlink(), "checkpoint.key"),
        (lambda home: (home / "keys" / "receipt.key").write_bytes(b"short"), "receipt.key"),
        (lambda home: (home / "keys" / "private.key").chmod(0o644), "private.key"),
    ],
)
def test_a_missing_or_wrong_key_refuses_to_start(
    sandbox: Run, settings: Settings, damage: Callable[[Path], object], word: str
) -> None:
    damage(settings.home)
    done = sandbox("account", "show")
    assert done.returncode == 2
    assert word in done.stderr
    assert done.stderr.count("\n") == 1


def test_policy_check_reports_every_mistake_with_file_and_key(sandbox: Run, tmp_path: Path) -> None:
    policies = tmp_path / "wrong"
    (policies / "datasets").mkdir(parents=True)
    (policies / "datasets" / "a.toml").write_text('name = "a"\ncolour = "red"\n')
    done = sandbox("policy", "check", str(policies))
    assert done.returncode == 1
    assert "a.toml: colour" in done.stderr
    assert "a.toml: tables" in done.stderr


def test_screening_outside_a_request_gives_verdict_findings_and_digest(sandbox: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("name,n\n" + "".join(f"a{i},3\n" for i in range(30)))
    done = sandbox("review", "screen", "rows.csv", "--json", "--out", "canonical")
    report = json.loads(done.stdout)["files"][0]
    assert done.returncode == (1 if report["verdict"] == "refuse" else 0)
    assert report["verdict"] != "pass"
    assert {"code", "severity", "where", "sentence", "fix"} <= report["findings"][0].keys()
    assert report["sha256"].startswith("sha256:")


def test_registering_again_changes_nothing_and_costs_nothing(sandbox: Run) -> None:
    before = document(sandbox("account", "show", "--json"))
    assert sandbox("register", account="sten").returncode == 0
    assert document(sandbox("account", "show", "--json")) == before


def test_help_teaches_by_example(sandbox: Run) -> None:
    assert 'sandbox ask "SELECT' in sandbox("--help").stdout


def test_a_log_that_was_changed_by_hand_refuses_to_start(sandbox: Run, settings: Settings) -> None:
    with closing(sqlite3.connect(settings.home / "state" / "state.sqlite", isolation_level=None)) as state:
        for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            state.execute(f'DROP TRIGGER "{name}"')
        state.execute("UPDATE entry SET leaf = replace(leaf, 'ana', 'eve') WHERE seq = 0")
    done = sandbox("account", "show")
    assert done.returncode == 2
    assert done.stderr.startswith("The log does not verify")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "mysql://nobody@localhost/none"])
def test_a_state_database_that_keeps_nothing_refuses_to_start(sandbox: Run, url: str) -> None:
    done = sandbox("account", "show", SANDBOX_STATE_URL=url)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_plan_is_laid_open_without_asking_the_data(sandbox: Run) -> None:
    question = "SELECT district, AVG(cost) AS mean FROM visits GROUP BY district"
    before = document(sandbox("account", "show", "--json"))
    done = sandbox("policy", "explain", question, "--authorization", "visits-study")
    assert done.returncode == 0
    for words in ("sum of (visits.cost - 125.00)", "discrete-laplace", "4 public values", "costs"):
        assert words in done.stdout
    assert document(sandbox("account", "show", "--json")) == before


def test_entries_leave_as_csv_or_lines_and_every_export_is_on_record(sandbox: Run) -> None:
    sandbox("ask", QUESTION, *ASK)
    lines = sandbox("audit", "entries", "--actor", "ana", account="olaf").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert [line["leaf"]["kind"] for line in found] == ["question.outcome", "question.intent"]
    rows = list(
        csv.DictReader(io.StringIO(sandbox("audit", "entries", "--format", "csv", account="olaf").stdout))
    )
    assert [int(row["seq"]) for row in rows] == list(range(len(rows)))[::-1]
    assert rows[0]["kind"] == "audit.exported"
    assert json.loads(rows[0]["body"]) == {"filters": ["actor"], "format": "jsonl"}
    today = json.loads(lines[0])["leaf"]["at"][:10]
    (found,) = document(
        sandbox("audit", "search", "--text", "question.intent", "--since", today, "--json", account="olaf")
    )
    assert found["event"]["kind"] == "question.intent"
    assert not document(sandbox("audit", "search", "--until", "2001-01-01", "--json", account="olaf"))
    assert sandbox("audit", "search", "--since", "yesterday", account="olaf").returncode == 2
    assert sandbox("audit", "entries", account="ana").returncode == 1


def test_an_officer_erases_sealed_texts_after_a_question_and_others_cannot(sandbox: Run) -> None:
    sandbox("ask", QUESTION, *ASK)
    (intent,) = document(sandbox("audit", "search", "--kind", "question.intent", "--json", account="olaf"))
    place = str(intent["seq"])
    before = sandbox("audit", "export", "log", account="olaf").stdout.split()[0]
    dry = sandbox("audit", "erase", place, "--dry-run", account="olaf")
    assert dry.stdout == "1 texts would be erased; nothing was.\n"
    assert sandbox("audit", "erase", place, "--yes", account="ana").returncode == 1
    assert sandbox("audit", "erase", place, account="olaf").returncode == 2  # nobody answered
    assert "1 texts would" in sandbox("audit", "erase", place, "--dry-run", account="olaf").stdout
    assert sandbox("audit", "erase", place, "--yes", account="olaf").stdout == "1 texts erased.\n"
    assert sandbox("audit", "erase", place, "--yes", account="olaf").stdout == "0 texts erased.\n"
    assert sandbox("audit", "erase", "--older-than-policy", "--dry-run", account="olaf").stdout[:2] == "0 "
    assert sandbox("audit", "erase", "99999", "--yes", account="olaf").returncode == 1
    assert sandbox("audit", "erase", account="olaf").returncode == 2
    sandbox("audit", "export", "log", account="olaf")
    assert document(sandbox("audit", "verify", "log", "--json"))["size"] > int(before)
    (erased,) = document(sandbox("audit", "search", "--kind", "private.erased", "--json", account="olaf"))
    assert erased["event"]["subject"] == f"entry-{place}"
