"""Nothing is acknowledged that a required copy of the log has not taken."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.audit.sinks import Sinks, Spec, leaves_of
from sandbox.errors import Unavailable
from sandbox.settings import Settings
from sandbox.store.engine import open_state

SAID = Event(kind=Kind.AUDIT_READ, actor="ana", subject="s")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.jsonl"


def open_log(state: Settings, copy: Path, *, required: bool) -> Log:
    spec = Spec(name="copy", kind="file", required=required, path=copy)
    sinks = Sinks([spec], state=state.home / "sinks", deadline=1)
    signer = KeySigner(SigningKey.from_seed(bytes(32)), state=state.home / "signed")
    log = Log(open_state(state), signer=signer, private_key=bytes(32), sinks=sinks, commit_deadline=1)
    sinks.catch_up(leaves_of(log.reading))
    return log


@pytest.fixture
def log(state: Settings, copy: Path) -> Iterator[Log]:
    opened = open_log(state, copy, required=True)
    yield opened
    opened.close()
    opened.engine.dispose()


def copied(copy: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in copy.read_text().splitlines()]


def test_a_record_is_in_the_copy_when_it_is_acknowledged(log: Log, copy: Path) -> None:
    for number in range(3):
        assert log.append(SAID) == number
        assert copied(copy) == list(range(number + 1))
    with log.writing() as transaction:
        for _ in range(4):
            transaction.append(SAID)
    assert copied(copy) == list(range(7))


def test_a_copy_that_takes_nothing_stops_every_answer_and_has_everything_afterwards(
    log: Log, copy: Path
) -> None:
    log.append(SAID)
    copy.rename(copy.with_name("moved"))
    copy.mkdir()  # nothing can be written there
    for _ in range(2):
        with pytest.raises(Unavailable):
            log.append(SAID)
    copy.rmdir()
    copy.with_name("moved").rename(copy)
    until = time.monotonic() + 20
    while True:
        try:
            log.append(SAID)
            break
        except Unavailable:
            assert time.monotonic() < until, "the log does not come back"
            time.sleep(0.05)
    assert copied(copy) == list(range(log.check_start().size))


def test_a_copy_that_is_not_required_stops_nothing(state: Settings, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # nobody reads it
    log = open_log(state, pipe, required=False)
    assert [log.append(SAID) for _ in range(3)] == [0, 1, 2]
    log.close()
    log.engine.dispose()
