"""Whatever the system's clock says: no budget comes back, nothing that has ended runs again.

The clock of a real process is moved by libfaketime, at its start or while it runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import clock_asker
import pytest

from sandbox.governance import accounts
from sandbox.governance.installation import open_books
from sandbox.settings import Settings

PROJECT = Path(__file__).parents[2]
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
MONTH_BACK, YEAR_AHEAD = "-30d", "+400d"
ENDED, RUNNING = "visits-closed", "visits-study"


class Asker:
    """A process under a clock that the test sets."""

    def __init__(self, process: subprocess.Popen[str], clock: Path) -> None:
        self.process = process
        self._clock = clock

    def set_clock(self, offset: str) -> None:
        # Replaced, never rewritten: the process reads it at any moment, and an empty file is no time.
        new = self._clock.with_suffix(".new")
        new.write_text(offset + "\n")
        new.rename(self._clock)

    def say(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def asking(settings: Settings, tmp_path: Path, offset: str, *flags: str) -> Iterator[Asker]:
    """Start a gateway of its own whose system clock is off by ``offset``."""
    clock = tmp_path / "clock"
    clock.write_text(offset + "\n")
    moved = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": f"{PROJECT / 'tests'}:{os.environ.get('PYTHONPATH', '')}",
    }
    with subprocess.Popen(
        [sys.executable, clock_asker.__file__, *flags],
        env={**os.environ, **settings.to_environment(), **moved},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    ) as process:
        asker = Asker(process, clock)
        said = datetime.fromisoformat(asker.say("time"))
        off = timedelta(days=int(offset.removesuffix("d")))
        assert abs(said - datetime.now(UTC) - off) < timedelta(minutes=5), "the clock was not moved"
        yield asker
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=30) == 0


@pytest.fixture
def ended_last_week(settings: Settings, tmp_path: Path) -> Settings:
    """A sandbox in which one authorization ended a week ago, and was running a month ago."""
    if LIBRARY is None:
        pytest.skip("libfaketime is not installed")
    policies = tmp_path / "policies"
    shutil.copytree(settings.policies, policies)
    today = datetime.now(UTC).date()
    place = policies / "authorizations" / f"{ENDED}.toml"
    text = place.read_text()
    for moment, day in (
        ("start = 2024-01-01", today - timedelta(100)),
        ("end = 2025-01-01", today - timedelta(7)),
    ):
        assert moment in text
        text = text.replace(moment, f"{moment.split()[0]} = {day.isoformat()}")
    place.write_text(text)
    return replace(settings, policies=policies)


def test_an_authorization_that_ended_is_not_answered_after_the_clock_was_set_back(
    ended_last_week: Settings, tmp_path: Path
) -> None:
    with asking(ended_last_week, tmp_path, "+0d") as asker:
        assert asker.say(f"ask {RUNNING}") == "answered"
        refused = asker.say(f"ask {ENDED}")
        assert refused not in {"answered", "repeated"}
        asker.set_clock(MONTH_BACK)
        assert asker.say(f"ask {ENDED}") == refused, "set back while it ran"
        assert asker.say(f"ask {RUNNING}") == "answered"
    with asking(ended_last_week, tmp_path, MONTH_BACK) as asker:
        assert asker.say(f"ask {ENDED}") == refused, "set back between two starts"
        assert asker.say(f"ask {RUNNING}") == "answered"


def test_a_gateway_that_believes_the_system_is_found(ended_last_week: Settings, tmp_path: Path) -> None:
    with asking(ended_last_week, tmp_path, "+0d", "careless") as asker:
        assert asker.say(f"ask {ENDED}") != "answered"
        asker.set_clock(MONTH_BACK)
        assert asker.say(f"ask {ENDED}") == "answered"


@pytest.mark.parametrize("offset", [MONTH_BACK, YEAR_AHEAD])
def test_no_clock_gives_a_budget_back(ended_last_week: Settings, tmp_path: Path, offset: str) -> None:
    with asking(ended_last_week, tmp_path, "+0d") as asker:
        assert asker.say(f"ask {RUNNING}") == "answered"
        spent = asker.say("spent")
        asker.set_clock(offset)
        assert asker.say("spent") == spent
    with asking(ended_last_week, tmp_path, offset) as asker:
        assert asker.say("spent") == spent
        asker.say(f"ask {RUNNING}")
        assert all(
            int(after) >= int(before)
            for before, after in zip(spent.split(), asker.say("spent").split(), strict=True)
        )


def test_a_clock_set_ahead_answers_nothing_that_is_over_by_then(
    ended_last_week: Settings, tmp_path: Path
) -> None:
    place = ended_last_week.policies / "authorizations" / f"{RUNNING}.toml"
    end = datetime.now(UTC).date() + timedelta(300)
    place.write_text(place.read_text().replace("end = 2030-01-01", f"end = {end.isoformat()}"))
    with asking(ended_last_week, tmp_path, "+0d") as asker:
        assert asker.say(f"ask {RUNNING}") == "answered"
        asker.set_clock(YEAR_AHEAD)
        assert asker.say(f"ask {RUNNING}") == asker.say(f"ask {ENDED}") != "answered"


def test_a_closed_account_stays_closed_when_the_clock_is_set_back(
    ended_last_week: Settings, tmp_path: Path
) -> None:
    books = open_books(ended_last_week)
    password = accounts.create(books.log, "lea", groups=frozenset({"analysts"}), actor="test")
    books.close()
    with asking(ended_last_week, tmp_path, "+0d") as asker:
        assert asker.say(f"log-in {password}") == "granted"
        refused, *_ = [asker.say("log-in wrong") for _ in range(accounts.FAILURES_ALLOWED)]
        asker.set_clock(MONTH_BACK)
        assert asker.say(f"log-in {password}") == refused
    with asking(ended_last_week, tmp_path, MONTH_BACK) as asker:
        assert asker.say(f"log-in {password}") == refused
