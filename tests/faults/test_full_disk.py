"""A full disk stops every answer at once, and nothing but space is needed to go on."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_asker import CHEAP, close, intent, open_ledger, outcome

from sandbox.errors import Unavailable
from sandbox.ledger.books import check_books
from sandbox.ledger.ledger import Ledger
from sandbox.ledger.scopes import scopes_for
from sandbox.settings import Settings

REFUSED_SECONDS, RECOVERED_SECONDS = 5.0, 10.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this user cannot mount a file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path, *, leave: int) -> Path:
    """Write a file that leaves about ``leave`` bytes free."""
    rest = place / "rest"
    free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
    with rest.open("wb") as file:
        file.write(b"x" * max(0, free - leave))
    return rest


def answered(ledger: Ledger, request: str) -> bool:
    """Ask one question; return whether its answer would leave."""
    try:
        ledger.charge(request, CHEAP, intent(request))
        ledger._log.append(outcome(request))
    except Unavailable:
        return False
    return True


@pytest.mark.parametrize("leave", [0, 8_192, 65_536, 262_144])
def test_a_full_disk_refuses_at_once_and_recovers_by_space_alone(small_disk: Path, leave: int) -> None:
    ledger = open_ledger(Settings(home=small_disk))
    try:
        left = {f"before-{number}" for number in range(5) if answered(ledger, f"before-{number}")}
        assert len(left) == 5
        rest = fill(small_disk, leave=leave)
        for number in range(400):
            started = time.monotonic()
            if not answered(ledger, f"full-{number}"):
                break
            left.add(f"full-{number}")
        else:
            pytest.fail("the disk was never full")
        assert time.monotonic() - started < REFUSED_SECONDS
        rest.unlink()
        started = time.monotonic()
        while not answered(ledger, f"after-{time.monotonic()}"):
            assert time.monotonic() - started < RECOVERED_SECONDS
        log = ledger._log
        log.check_start()
        with log.reading() as connection:
            check_books(connection)
        recorded = {entry.event["subject"] for entry in log.search(kind="question.outcome", limit=1000)}
        assert left <= recorded
        spent = min(one.spent.picorho for one in ledger.balances(scopes_for(CHEAP.checked)))
        assert spent >= len(left) * CHEAP.loss.picorho
    finally:
        close(ledger)
