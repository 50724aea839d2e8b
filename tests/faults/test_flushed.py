"""No answer leaves before what it stands on is on the disk, as the kernel saw it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.settings import Settings

PROJECT = Path(__file__).parents[2]
ANSWERS = 8
ASK = """
import sys
import fault_asker as asker
from sandbox.settings import Settings
from sqlalchemy import event

ledger = asker.open_ledger(Settings.from_environment())
if "careless" in sys.argv:  # planted: the database acknowledges what it has not flushed
    engine = ledger._log.engine
    event.listen(engine, "checkout", lambda driver, *_: driver.execute("PRAGMA synchronous=OFF"))
for number in range(int(sys.argv[1])):
    ledger.charge(f"q{number}", asker.CHEAP, asker.intent(f"q{number}"))
    print(f"charged {number}", flush=True)
    ledger._log.append(asker.outcome(f"q{number}"))
    print(f"answered {number}", flush=True)
asker.close(ledger)
"""
FLUSHED = re.compile(r"(?:fsync|fdatasync)\(\d+<(?P<file>[^>]*state\.sqlite-wal)>\)\s*= 0")
SAID = re.compile(r'write\(1<[^>]*>, "(?P<what>charged|answered) ')


def moments(settings: Settings, tmp_path: Path, *flags: str) -> list[str]:
    """Return what the kernel saw, in its order: ``flushed``, ``charged`` and ``answered``."""
    trace = tmp_path / "trace"
    path = f"{PROJECT / 'tests'}:{os.environ.get('PYTHONPATH', '')}"
    subprocess.run(
        ["strace", "-f", "-y", "-e", "trace=write,fsync,fdatasync", "-o", trace,
         sys.executable, "-c", ASK, str(ANSWERS), *flags],
        env={**os.environ, **settings.to_environment(), "PYTHONPATH": path},
        check=True, capture_output=True, cwd=PROJECT,
    )  # fmt: skip
    found: list[str] = []
    for line in trace.read_text(errors="replace").splitlines():
        if FLUSHED.search(line):
            found.append("flushed")
        elif said := SAID.search(line):
            found.append(said["what"])
    return found


def too_early(seen: list[str]) -> int:
    """Count what was said with nothing flushed since the last thing that was said."""
    early, flushed = 0, False
    for moment in seen:
        if moment == "flushed":
            flushed = True
        else:
            early += not flushed
            flushed = False
    return early


@pytest.fixture(autouse=True)
def _strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")


def test_each_charge_and_each_answer_has_a_flush_of_its_own_before_it(tmp_path: Path) -> None:
    seen = moments(Settings(home=tmp_path), tmp_path)
    assert seen.count("answered") == seen.count("charged") == ANSWERS
    assert too_early(seen) == 0


def test_a_database_that_does_not_flush_is_found(tmp_path: Path) -> None:
    seen = moments(Settings(home=tmp_path), tmp_path, "careless")
    assert seen.count("answered") == ANSWERS
    assert too_early(seen) > ANSWERS
