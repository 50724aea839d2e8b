"""Verifying the stored log on an officer's order."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.audit.verification import BROKEN, WHOLE, Verification
from sandbox.settings import Settings
from sandbox.store.engine import open_state


@pytest.fixture
def log(tmp_path: Path) -> Log:
    signer = KeySigner(SigningKey.from_seed(bytes(32)))
    log = Log(open_state(Settings(home=tmp_path)), signer=signer, private_key=bytes(32))
    for number in range(20):
        log.append(Event(kind=Kind.LOGIN, actor="ana", subject=f"s-{number}"))
    log.cover()
    return log


def test_a_whole_log_is_found_whole_and_that_is_recorded(log: Log) -> None:
    verification = Verification(log)
    assert verification.last() is None
    verification.start("olaf")
    assert verification.wait(30)
    last = verification.last()
    assert last is not None
    assert (last.event["actor"], last.event["decision"]) == ("olaf", WHOLE)
    assert last.event["body"]["entries"] == verification.progress.done == 20


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE entry SET leaf = CAST(replace(leaf, 's-7', 's-8') AS BLOB) WHERE seq = 7",
        "DELETE FROM entry WHERE seq = 7",
        "INSERT INTO entry SELECT -1, leaf FROM entry WHERE seq = 7",
        "UPDATE node SET hash = zeroblob(32) WHERE level = 4",
    ],
)
def test_a_log_that_somebody_changed_is_found_broken(log: Log, tmp_path: Path, harm: str) -> None:
    with sqlite3.connect(tmp_path / "state" / "state.sqlite") as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(harm)
    connection.close()
    verification = Verification(log)
    verification.start("olaf")
    assert verification.wait(30)
    assert verification.progress.sentence
    last = verification.last()
    assert last is None or last.event["decision"] == BROKEN
