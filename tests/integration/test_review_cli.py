"""What reviewers and officers read in a terminal, and that it teaches what to write next."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sandbox.cli.releasing import submit
from sandbox.cli.review import review
from sandbox.errors import NotAllowed
from sandbox.governance.installation import open_books
from sandbox.settings import Settings

Terminal = Callable[..., str]


@pytest.fixture
def terminal(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Run ``sandbox review`` as somebody, or hand a table in, and return what it prints."""
    for name, value in {"HOME": settings.home, "RAW": settings.raw, "POLICIES": settings.policies}.items():
        monkeypatch.setenv(f"SANDBOX_{name}", str(value))
    monkeypatch.chdir(tmp_path)

    def run(*words: str, account: str, command: object = review) -> str:
        done: Result = CliRunner().invoke(command, [*words, "--as", account], catch_exceptions=False)  # type: ignore[arg-type]  # a command of click
        assert done.exit_code == 0, done.output
        return done.output

    return run


def handed_in(terminal: Terminal, tmp_path: Path, content: str) -> str:
    (tmp_path / "table.csv").write_text(content)
    words = ("table.csv", "--authorization", "visits-study", "--purpose", "Rates by district", "--json")
    return str(json.loads(terminal(*words, account="ana", command=submit))["id"])


def test_a_reviewer_is_led_from_the_queue_to_the_decision(terminal: Terminal, tmp_path: Path) -> None:
    request = handed_in(terminal, tmp_path, "district,rate\nBei,0.5\nDong,0.25\n")
    header, line = terminal("list", account="rita").splitlines()
    assert header.split()[:5] == ["request", "risk", "author", "authorization", "round"]
    assert line.split()[:8] == [request, "amber", "ana", "visits-study", "1", "1", "0", "C26"]
    assert "not opened" in terminal("show", request, account="rita")
    shown = terminal("show", request, "--out", "seen", account="rita")
    assert "bytes, opened" in shown
    assert '--acknowledge C26="WHY"' in shown
    assert (tmp_path / "seen" / "table.csv").read_text() == "district,rate\nBei,0.5\nDong,0.25\n"
    words = ("decide", request, "approve", "--reason", "Large groups.", "--acknowledge", "C26=Weighed.")
    assert terminal(*words, account="rita") == f"Request {request}: REVIEW.\n"
    after = terminal("show", request, account="rita")
    assert "You may not decide: You have already decided on this round." in after
    assert "approve by rita: Large groups." in after
    assert "rita" not in terminal("show", request, account="rolf")


def test_an_officer_tries_other_policies_and_it_is_on_record(
    terminal: Terminal, settings: Settings, tmp_path: Path
) -> None:
    request = handed_in(terminal, tmp_path, "district,n\nBei,120\nDong,55\n")
    tried = Path(shutil.copytree(settings.policies, tmp_path / "tried"))
    review_toml = tried / "review.toml"
    review_toml.write_text(review_toml.read_text().replace("min_cell = 10", "min_cell = 100"))
    same = terminal("simulate", account="olaf")
    assert same == "1 requests looked at, 0 of them differ.\n"
    printed = terminal("simulate", "--policies", "tried", account="olaf").splitlines()
    assert printed[1].split() == [request, "visits-study", "REVIEW", "passed", "refused", "2", "+C1"]
    assert printed[2:] == ["1 requests looked at, 1 of them differ.", "  1: passed -> refused"]
    document = json.loads(terminal("simulate", "--policies", "tried", "--json", account="olaf"))
    assert document["present"] != document["other"]
    assert document["requests"][0]["other"]["said"] == "refused"
    books = open_books(settings)
    looks = books.log.search(kind="audit.read", actor="olaf")
    books.close()
    assert [look.event["subject"] for look in looks] == ["simulation"] * 3


def test_an_officer_sees_how_reviewers_work_and_it_is_on_record(
    terminal: Terminal, settings: Settings, tmp_path: Path
) -> None:
    request = handed_in(terminal, tmp_path, "district,n\nBei,120\nDong,55\n")
    assert json.loads(terminal("statistics", "--json", account="olaf")) == []
    for name in ("rita", "rolf"):
        terminal("decide", request, "return", "--reason", "Please explain.", account=name)
    header, line, _ = terminal("statistics", "--since", "2026-01-01", account="olaf").splitlines()
    assert header.split()[:5] == ["reviewer", "decided", "approve", "return", "reject"]
    assert line.split()[:5] == ["rita", "1", "0", "1", "0"]
    books = open_books(settings)
    assert len(books.log.search(kind="audit.read", subject="review-statistics")) == 2
    books.close()


@pytest.mark.parametrize("name", ["ana", "rita"])
@pytest.mark.parametrize("command", ["simulate", "statistics"])
def test_who_does_not_oversee_sees_neither_policies_work_nor_reviewers(
    terminal: Terminal, command: str, name: str
) -> None:
    with pytest.raises(NotAllowed):
        terminal(command, account=name)
