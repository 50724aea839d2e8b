"""The power goes at any moment: no answer that has left is without its record on the disk."""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path

import power_cut
import pytest
from fault_asker import close, open_ledger
from fault_record import unrecorded

from sandbox.errors import SandboxError
from sandbox.settings import Settings

PROJECT = Path(__file__).parents[2]
KEPT = (0.0, 0.5, 0.9)
"""How likely a sector is on the disk that nobody flushed: it differs from disk to disk."""
PAGES = {"signed": 4096}
"""A disk that tears both pages of the signer stops it, and loses nothing; here it tears neither."""
ASK = """
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import fault_asker as asker
from sandbox.settings import Settings
from sqlalchemy import event

ledger = asker.open_ledger(Settings.from_environment())
# Small logs in front of the database, so that a trace of this length also has the file itself rewritten.
options = "PRAGMA wal_autocheckpoint=60;"
if "careless" in sys.argv:  # planted: a commit returns before it is on the disk
    options += "PRAGMA synchronous=NORMAL;"
event.listen(ledger._log.engine, "checkout", lambda driver, *_: driver.executescript(options))

def ask(thread):
    for number in range(20):
        request = f"q{thread}-{number}"
        ledger.charge(request, asker.CHEAP, asker.intent(request))
        ledger._log.append(asker.outcome(request))
        asker.say(request)

with ThreadPoolExecutor(3) as pool:
    list(pool.map(ask, range(3)))
os._exit(0)  # the power does not wait for a tidy end
"""


@pytest.fixture(autouse=True)
def _strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")


def traced(tmp_path: Path, *flags: str) -> tuple[Path, list[power_cut.Step]]:
    """Return a state as it was before a process asked, and what that process then did."""
    before, home = tmp_path / "before", tmp_path / "home"
    home.mkdir()
    close(open_ledger(Settings(home=home)))
    shutil.copytree(home, before)
    path = f"{PROJECT / 'tests'}:{os.environ.get('PYTHONPATH', '')}"
    steps = power_cut.trace(
        [sys.executable, "-c", ASK, *flags],
        environment={**os.environ, **Settings(home=home).to_environment(), "PYTHONPATH": path},
        into=tmp_path / "trace",
    )
    return before, power_cut.relative(steps, home)


def lost(
    before: Path, steps: list[power_cut.Step], home: Path, *, chance: random.Random, kept: float
) -> set[str]:
    """Cut the power after ``steps``, start again, and return the answers without a record."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(before, home)
    power_cut.leave(steps, home, chance=chance, kept=kept, pages=PAGES)
    ledger = open_ledger(Settings(home=home))
    try:
        ledger._log.close_open_intents()
        return unrecorded(ledger, set(power_cut.said(steps)))
    finally:
        close(ledger)


def cuts(steps: list[power_cut.Step], count: int, chance: random.Random) -> list[int]:
    """Return moments of chance, and after the first answers, so that there is something to lose."""
    first = next(number for number, step in enumerate(steps) if step.call == "write")
    return sorted(chance.sample(range(first + 1, len(steps) + 1), count))


def test_no_power_cut_takes_an_answer_s_record(tmp_path: Path, long: bool) -> None:
    chance = random.Random(2)  # noqa: S311  # moments, not secrets
    before, steps = traced(tmp_path)
    assert len(power_cut.said(steps)) == 60
    flushed = {step.path for step in steps if step.call == "fdatasync"}
    assert {"state/state.sqlite", "state/state.sqlite-wal"} <= flushed, "the file itself was never rewritten"
    for number, cut in enumerate(cuts(steps, 50 if long else 6, chance)):
        kept = KEPT[number % len(KEPT)]
        assert lost(before, steps[:cut], tmp_path / "cut", chance=chance, kept=kept) == set()


def test_a_database_that_flushes_now_and_then_is_found(tmp_path: Path) -> None:
    chance = random.Random(2)  # noqa: S311  # as above
    before, steps = traced(tmp_path, "careless")
    for cut in cuts(steps, 10, chance):
        try:
            if lost(before, steps[:cut], tmp_path / "cut", chance=chance, kept=0.0):
                return
        except SandboxError:
            return  # its signer has signed entries that the log has lost
    pytest.fail("the planted fault was not found")
