"""Erasing sealed texts: they are gone from the files, everything that was proved still is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.audit import retention, tiles, verify
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey, create_secret
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.errors import NotFound
from sandbox.settings import Settings
from sandbox.store.engine import open_state, run

START = datetime(2023, 1, 1, tzinfo=UTC)


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(state: Settings, clock: Clock, tmp_path: Path) -> Iterator[Log]:
    engine = open_state(state)
    signer = KeySigner(SigningKey.create(tmp_path / "log"), state=tmp_path / "signed")
    yield Log(engine, signer=signer, private_key=create_secret(tmp_path / "private"), clock=clock)
    engine.dispose()


def question(number: int) -> Event:
    return Event(kind=Kind.QUESTION_INTENT, actor="ana", subject=f"q{number}", related=("r1",))


def fill(log: Log, count: int, *, size: int = 20) -> None:
    for first in range(0, count, 50):
        with log.writing() as transaction:
            for number in range(first, min(first + 50, count)):
                text = f"SELECT {number} WHERE name = '{'x' * (number % 7 * size)}'"
                transaction.append(question(number), private=None if number % 3 == 2 else text)


def ciphertexts(log: Log) -> dict[int, bytes]:
    with log.reading() as connection:
        rows = run(connection, "SELECT seq, ciphertext FROM private").fetchall()
    return {seq: bytes(sealed) for seq, sealed in rows}


def found_in_files(directory: Path, sealed: dict[int, bytes]) -> set[int]:
    """Return of which entries a piece of 16 bytes is anywhere in the database's files."""
    files = b"".join(
        path.read_bytes() for path in directory.iterdir() if path.name.startswith("state.sqlite")
    )
    step = {seq: max(16, len(data) // 40) for seq, data in sealed.items()}
    return {
        seq
        for seq, data in sealed.items()
        if any(data[k : k + 16] in files for k in range(0, len(data) - 15, step[seq]))
    }


def test_only_texts_older_than_the_retention_are_due(log: Log, clock: Clock) -> None:
    fill(log, 3)
    clock.now = START + timedelta(days=10)
    fill(log, 3)
    end = retention.end_of_retention(START + timedelta(days=1100), days=1095)
    assert retention.sealed_before(log, end) == [0, 1]
    assert retention.sealed_before(log, START) == []
    assert retention.sealed_before(log, START + timedelta(days=11)) == [0, 1, 3, 4]


def test_an_erased_text_is_gone_recorded_and_erased_once(log: Log) -> None:
    fill(log, 6)
    assert log.reveal(1) is not None
    assert retention.erase(log, [0, 1, 2], actor="olaf") == 2
    assert log.reveal(0) is None
    assert log.reveal(1) is None
    assert log.reveal(3) is not None
    recorded = log.search(kind=Kind.PRIVATE_ERASED)
    assert [(entry.event["subject"], entry.event["actor"]) for entry in recorded] == [
        ("entry-1", "olaf"),
        ("entry-0", "olaf"),
    ]
    assert retention.erase(log, [0, 1, 2], actor="olaf") == 0
    assert log.status().size == 8


def test_an_entry_that_does_not_exist_is_not_erased(log: Log) -> None:
    fill(log, 2)
    with pytest.raises(NotFound):
        retention.erase(log, [0, 99], actor="olaf")
    assert log.reveal(0) is not None


def test_every_proof_stays_valid(log: Log, tmp_path: Path) -> None:
    fill(log, 300)
    key = log.status().key
    tiles.export(log, tmp_path / "before")
    before = verify.verify(tmp_path / "before", key)
    proofs = {seq: log.proof(seq) for seq in range(0, 300, 17)}
    leaves = {seq: log.leaf(seq) for seq in range(300)}
    erased = retention.erase(log, range(300), actor="olaf")
    assert erased == 200
    assert ciphertexts(log) == {}
    assert {seq: log.leaf(seq) for seq in range(300)} == leaves
    for seq, proof in proofs.items():
        verify.verify_proof(proof, leaf=leaves[seq], key=key)
        verify.verify_proof(log.proof(seq), leaf=leaves[seq], key=key)
    assert verify.verify(tmp_path / "before", key) == before
    tiles.export(log, tmp_path / "before")  # the same folder grows: what it had is a part of what it has
    assert verify.verify(tmp_path / "before", key).size == 300 + erased
    assert log.check_start().size == 300 + erased


@pytest.mark.parametrize("state", ["sqlite"], indirect=True)
def test_what_was_erased_is_in_no_file_of_the_database(log: Log, state: Settings) -> None:
    fill(log, 500, size=900)
    sealed = ciphertexts(log)
    directory = state.home / "state"
    assert found_in_files(directory, sealed) == set(sealed)
    gone = {seq: data for seq, data in sealed.items() if seq % 2}
    retention.erase(log, sorted(gone), actor="olaf")
    assert retention.wipe(log.engine)
    assert found_in_files(directory, gone) == set()
    kept = {seq: data for seq, data in sealed.items() if seq not in gone}
    assert found_in_files(directory, kept) == set(kept)


@pytest.mark.parametrize("state", ["sqlite"], indirect=True)
def test_the_search_of_the_files_finds_what_a_plain_delete_leaves(log: Log, state: Settings) -> None:
    fill(log, 100)
    sealed = ciphertexts(log)
    with log.writing() as transaction:
        run(transaction.connection, "PRAGMA secure_delete=OFF")
        run(transaction.connection, "DELETE FROM private")
    assert retention.wipe(log.engine)
    assert ciphertexts(log) == {}
    assert found_in_files(state.home / "state", sealed)


@pytest.mark.parametrize("state", ["sqlite"], indirect=True)
def test_a_reader_that_does_not_end_is_told_and_not_waited_for(log: Log) -> None:
    fill(log, 3)
    with log.reading() as connection:
        run(connection, "SELECT * FROM private").fetchone()
        retention.erase(log, [0], actor="olaf")
        assert not retention.wipe(log.engine, patience=0.2)
    assert retention.wipe(log.engine)
