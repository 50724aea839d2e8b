"""The end of an authorization: everything of it ends, once, and a certificate shows it to outsiders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sandbox import canonical
from sandbox.audit.event import Kind
from sandbox.audit.reading import Entry
from sandbox.audit.verify import VerificationFailed, verify_proof
from sandbox.canonical import digest, digest_of
from sandbox.cli.ending import exit_
from sandbox.errors import Unavailable
from sandbox.governance import accounts, exits
from sandbox.governance.installation import open_books
from sandbox.hub import volumes
from sandbox.policy.load import load_notebooks
from sandbox.settings import Settings

Run = Callable[..., subprocess.CompletedProcess[str]]
STUDY = ("--authorization", "visits-study")
QUESTION = "SELECT service, COUNT(*) AS n FROM visits GROUP BY service"
EXIT = ("exit", "visits-study", "--yes", "--by", "mara")


@pytest.fixture
def ending(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A sandbox with a second authorization, which dan holds too, and with files of ana, ben and dan."""
    policies = Path(shutil.copytree(settings.policies, tmp_path / "policies"))
    study = policies / "authorizations" / "visits-study.toml"
    other = study.read_text().replace('"visits-study"', '"other-study"')
    (policies / "authorizations" / "other-study.toml").write_text(other)
    books = open_books(settings)
    groups = frozenset({"analysts", "visits-study", "other-study"})
    accounts.create(books.log, "dan", groups=groups, actor="test", login=False)
    books.close()
    for name in ("ana", "ben", "dan"):
        home = volumes.open_home(settings, name, load_notebooks(policies), uid=os.geteuid())
        (home / "notes.txt").write_text(f"what {name} kept")
    for name, value in {"HOME": settings.home, "RAW": settings.raw, "POLICIES": policies}.items():
        monkeypatch.setenv(f"SANDBOX_{name}", str(value))
    return settings


@pytest.fixture
def sandbox(ending: Settings, tmp_path: Path) -> Run:
    """Run ``sandbox`` with the given words and account."""
    assert ending.home.exists()

    def run(*words: str, account: str = "ana") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sandbox.cli", *words],
            env={**os.environ, "SANDBOX_ACCOUNT": account},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )

    return run


@pytest.fixture(autouse=True)
def _unmounted(ending: Settings) -> Any:
    yield
    volumes.close_homes(ending)


def handed_in(sandbox: Run, name: str) -> str:
    """Ask for a table, hand it in, and return the request's id."""
    asked = sandbox("ask", QUESTION, *STUDY, "--epsilon", "0.5", "--save", name)
    assert asked.returncode == 0, asked.stderr
    done = sandbox("submit", name, *STUDY, "--purpose", "Visits by service", "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["id"])


def status(sandbox: Run, request: str) -> str:
    listed = json.loads(sandbox("releases", "--json").stdout)
    requests = listed if isinstance(listed, list) else listed["releases"]
    return next(str(one["status"]) for one in requests if one["id"] == request)


def ends(settings: Settings) -> list[Entry]:
    """Return the entries that an exit writes, oldest first."""
    kinds = {
        Kind.ACCESS_FROZEN, Kind.WORKSPACE_DESTROYED, Kind.WORKSPACE_KEPT, Kind.RELEASE_MOVED,
        Kind.AUTHORIZATION_ENDED,
    }  # fmt: skip
    books = open_books(settings)
    found = [entry for entry in reversed(books.log.search(limit=500)) if entry.event["kind"] in kinds]
    books.close()
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_exit_ends_everything_and_certifies_it(ending: Settings, sandbox: Run) -> None:
    released, waiting = handed_in(sandbox, "a.csv"), handed_in(sandbox, "b.csv")
    sandbox("review", "show", released, "--out", "seen", account="rita")
    approve = ("review", "decide", released, "approve", "--reason", "It may leave.")
    assert sandbox(*approve, account="rita").returncode == 0
    assert (status(sandbox, released), status(sandbox, waiting)) == ("RELEASED", "REVIEW")

    done = sandbox(*EXIT)
    assert done.returncode == 0, done.stderr
    folder = ending.home / "exits" / "visits-study"
    certificate = canonical.decode((folder / "certificate.json").read_bytes())

    kept = {name: (ending.home / "notebooks" / name).exists() for name in ("ana", "ben", "dan")}
    assert kept == {"ana": False, "ben": True, "dan": True}
    assert (ending.home / "notebooks" / "dan" / "notes.txt").read_text() == "what dan kept"
    assert not (ending.home / "volumes" / "ana.ext4").exists()
    assert (status(sandbox, released), status(sandbox, waiting)) == ("ENDED", "ENDED")
    assert sandbox("download", released).returncode == 1
    refused = sandbox("ask", QUESTION, *STUDY)
    assert refused.returncode == 1
    assert "The authorization visits-study was ended for good at 20" in refused.stderr
    unfrozen = sandbox("unfreeze", "authorization", "visits-study", "--reason", "x")
    assert "ended for good, which nothing takes back" in unfrozen.stderr
    other = sandbox("ask", QUESTION, "--authorization", "other-study", account="dan")
    assert other.returncode == 0, other.stderr

    said = certificate["statement"]
    assert [(one["person"], one["found"]) for one in said["workspaces_destroyed"]] == [("ana", True)]
    assert [(one["person"], one["because"]) for one in said["workspaces_kept"]] == [("dan", ["other-study"])]
    assert {(one["request"], one["was"]) for one in said["requests_ended"]} == {
        (released, "released"),
        (waiting, "review"),
    }
    assert said["counts"] == {
        "questions_charged": 1, "questions_answered": 1, "answers_repeated": 1, "reviewed_answers": 0,
        "releases_handed_in": 2,
        "releases_sealed": 1, "downloads": 0,
    }  # fmt: skip
    assert (certificate["ended"]["by"], certificate["dataset"]) == ("mara", "small_visits")
    assert not any("what ana kept" in data.decode(errors="replace") for data in contents(folder).values())


def test_a_certificate_is_verified_without_our_code(ending: Settings, sandbox: Run) -> None:
    assert sandbox(*EXIT).returncode == 0
    folder = ending.home / "exits" / "visits-study"
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    subprocess.run(check, cwd=folder, check=True)
    certificate = canonical.decode((folder / "certificate.json").read_bytes())
    leaf, proof = (folder / "exit.leaf.json").read_bytes(), (folder / "exit.tlog-proof").read_bytes()
    key = ending.log_public_key.read_text().strip()
    verify_proof(proof, leaf=leaf, key=key)
    with pytest.raises(VerificationFailed):
        verify_proof(proof, leaf=leaf.replace(b"mara", b"mark"), key=key)
    assert proof.endswith(certificate["checkpoint"].encode())
    assert canonical.decode(leaf)["body"]["statement"] == digest_of(certificate["statement"])
    assert (folder / "log.pub").read_text().strip() == key
    if shutil.which("jq") is not None:
        bytes_of = subprocess.run(
            ["jq", "-cSj", ".statement", "certificate.json"], cwd=folder, capture_output=True, check=True
        )
        assert digest(bytes_of.stdout) == canonical.decode(leaf)["body"]["statement"]
    if shutil.which("minisign") is None:
        pytest.skip("Debian's minisign is not installed")
    minisign = ["minisign", "-V", "-m", "certificate.json", "-p", "minisign.pub"]
    subprocess.run(minisign, cwd=folder, check=True)
    (folder / "certificate.json").write_bytes(canonical.encode(certificate | {"group": "another"}))
    assert subprocess.run(minisign, cwd=folder, check=False).returncode != 0


def test_an_exit_that_is_run_again_writes_the_same_certificate(ending: Settings, sandbox: Run) -> None:
    assert sandbox(*EXIT).returncode == 0
    folder, entries = ending.home / "exits" / "visits-study", ends(ending)
    first = contents(folder)
    shutil.rmtree(folder)
    assert sandbox("ask", QUESTION, "--authorization", "other-study", account="dan").returncode == 0
    again = sandbox(*EXIT, "--output", str(ending.home / "again"))
    assert again.returncode == 0, again.stderr
    assert contents(ending.home / "again") == first
    assert [entry.seq for entry in ends(ending)] == [entry.seq for entry in entries]


@pytest.mark.parametrize(
    "step",
    ["end_requests", "stop_notebooks", "volumes.remove_home", "exits.record_workspace", "exits.conclude"],
)
def test_an_exit_that_was_interrupted_goes_on_where_it_stopped(
    ending: Settings, sandbox: Run, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise Unavailable("planted", "A planted fault.")

    with monkeypatch.context() as planted:
        planted.setattr(f"sandbox.cli.ending.{step}", fails)
        stopped = CliRunner().invoke(exit_, ["visits-study", "--yes", "--by", "mara"])
    assert isinstance(stopped.exception, Unavailable)
    assert not (ending.home / "exits").exists()
    assert "ended for good" in sandbox("ask", QUESTION, *STUDY).stderr  # from its first step on
    assert sandbox(*EXIT).returncode == 0
    told = [(str(entry.event["kind"]), str(entry.event["subject"])) for entry in ends(ending)]
    assert told == [
        ("access.frozen", "visits-study"),
        ("workspace.destroyed", "ana"),
        ("workspace.kept", "dan"),
        ("authorization.ended", "visits-study"),
    ]
    assert not (ending.home / "notebooks" / "ana").exists()


def test_an_exit_asks_first_and_says_whose_files_go(ending: Settings) -> None:
    asked = CliRunner().invoke(exit_, ["visits-study"], input="n\n")
    assert asked.exit_code == 1
    assert "Files that will be destroyed: those of ana." in asked.output
    assert "Files that will be kept: those of dan (holds other-study)." in asked.output
    assert ends(ending) == []
    assert (ending.home / "notebooks" / "ana" / "notes.txt").exists()


def test_there_is_no_exit_of_what_is_no_authorization(sandbox: Run) -> None:
    done = sandbox("exit", "nothing", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no authorization 'nothing'." in done.stderr


def test_a_statement_that_the_entry_does_not_name_is_not_certified(
    sandbox: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sandbox(*EXIT).returncode == 0
    monkeypatch.setattr(exits, "_count", lambda *_, **__: 7)
    again = CliRunner().invoke(exit_, ["visits-study", "--yes"])
    assert "The records are not those that entry" in str(again.exception)
