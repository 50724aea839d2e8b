"""The log: what was acknowledged is there, in order, provable; what failed left nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as sa_event

from sandbox.audit import merkle, verify
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey, create_secret
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.errors import Conflict, NotFound, Refusal, StartupRefusal, Unavailable
from sandbox.settings import Settings
from sandbox.store import tables
from sandbox.store.engine import open_state

MakeLog = Callable[..., Log]
WRITER = Path(__file__).parent / "log_writer.py"


def intent(subject: str, **more: str) -> Event:
    return Event(kind=Kind.QUESTION_INTENT, actor="ana", subject=subject, **more)  # type: ignore[arg-type]  # names


def outcome(subject: str) -> Event:
    return Event(kind=Kind.QUESTION_OUTCOME, actor="ana", subject=subject, decision="answered")


@pytest.fixture
def make_log(tmp_path: Path) -> Iterator[MakeLog]:
    key, private_key = SigningKey.create(tmp_path / "log"), create_secret(tmp_path / "private")
    engines: list[Engine] = []

    def make(commit_deadline: float = 5.0) -> Log:
        engines.append(open_state(Settings(home=tmp_path, commit_deadline=commit_deadline)))
        signer = KeySigner(key, state=tmp_path / "signed")
        return Log(engines[-1], signer=signer, private_key=private_key, commit_deadline=commit_deadline)

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def log(make_log: MakeLog) -> Log:
    return make_log()


@pytest.fixture
def by_hand(tmp_path: Path) -> Callable[[str], None]:
    """Change the database's file as somebody would who owns the machine: without triggers."""

    def change(statement: str) -> None:
        connection = sqlite3.connect(tmp_path / "state" / "state.sqlite", isolation_level=None)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        connection.close()

    return change


def test_an_event_is_read_back_at_its_place(log: Log) -> None:
    assert [log.append(intent(f"q{number}")) for number in range(3)] == [0, 1, 2]
    assert log.entry(1).event["subject"] == "q1"
    assert log.status().size == log.check_start().size == 3


def test_an_entry_that_does_not_exist_is_not_found(log: Log) -> None:
    for ask in (log.entry, log.leaf, log.proof, log.reveal):
        with pytest.raises(NotFound):
            ask(0)


def test_every_entry_has_a_proof_after_every_append(log: Log) -> None:
    for number in range(12):
        log.append(intent(f"q{number}"))
        for seq in range(number + 1):
            found = verify.verify_proof(log.proof(seq), leaf=log.leaf(seq), key=log.status().key)
            assert found.size == number + 1


def test_a_proof_shows_no_other_entry_and_no_other_log(log: Log) -> None:
    for number in range(5):
        log.append(intent(f"q{number}"))
    foreign = SigningKey.from_seed(bytes(32)).public.note_text(log.origin)
    with pytest.raises(verify.VerificationFailed):
        verify.verify_proof(log.proof(2), leaf=log.leaf(3), key=log.status().key)
    with pytest.raises(verify.VerificationFailed):
        verify.verify_proof(log.proof(2), leaf=log.leaf(2), key=foreign)


def test_search_finds_by_each_part_and_pages_backwards(log: Log) -> None:
    with log.writing() as tx:
        for number in range(6):
            tx.append(intent(f"q{number}", authorization=f"a{number % 2}", dataset=f"d{number % 3}"))
    assert [entry.seq for entry in log.search(authorization="a1")] == [5, 3, 1]
    assert [entry.seq for entry in log.search(dataset="d0", authorization="a1")] == [3]
    assert [entry.seq for entry in log.search(limit=2, before=4)] == [3, 2]
    assert log.search(actor="nobody") == log.search(kind=Kind.LOGIN) == log.search(subject="q%") == []


def test_a_story_holds_what_is_about_a_subject_and_what_is_related(log: Log) -> None:
    log.append(intent("q1"))
    log.append(intent("q2"))
    log.append(outcome("q1"))
    release = Event(kind=Kind.RELEASE_SUBMITTED, actor="ana", subject="r1", related=("q1", "q2"))
    log.append(release)
    assert [entry.event["kind"] for entry in log.story("q1")] == [
        "question.intent",
        "question.outcome",
        "release.submitted",
    ]
    assert [entry.seq for entry in log.story("r1")] == [3]


def test_private_text_is_revealed_and_nowhere_in_the_clear(log: Log, tmp_path: Path) -> None:
    seq = log.append(intent("q1"), private="SELECT 'Jane Doe'")
    assert log.reveal(seq) == "SELECT 'Jane Doe'"
    files = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert b"question.intent" in files
    assert b"Jane Doe" not in files


def test_erased_text_is_gone_and_every_proof_stays_valid(log: Log) -> None:
    seq = log.append(intent("q1"), private="SELECT 'Jane Doe'")
    with log.writing() as tx:
        tx.erase(seq, actor="olaf")
    assert log.reveal(seq) is None
    assert log.search(kind=Kind.PRIVATE_ERASED)[0].event["subject"] == "entry-0"
    verify.verify_proof(log.proof(seq), leaf=log.leaf(seq), key=log.status().key)
    log.check_start()


def test_sealed_text_moved_to_another_entry_does_not_open(log: Log, by_hand: Callable[[str], None]) -> None:
    log.append(intent("q1"), private="SELECT 1")
    log.append(intent("q2"), private="SELECT 2")
    by_hand("UPDATE private SET seq = CASE seq WHEN 0 THEN 10 ELSE 0 END")
    with pytest.raises(Refusal, match="does not open"):
        log.reveal(0)


def test_an_exception_leaves_neither_state_nor_record(log: Log) -> None:
    log.append(intent("q1"))

    def fail_half_way() -> None:
        with log.writing() as tx:
            tx.append(intent("q2"))
            tx.connection.execute(tables.blob.insert().values(sha256="x", content=b""))
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    with log.reading() as connection:
        assert connection.execute(tables.blob.select()).all() == []
    assert log.check_start().size == 1
    assert log.append(intent("q3")) == 1


def test_a_broken_uniqueness_is_a_conflict_and_leaves_nothing(log: Log) -> None:
    def write_twice() -> None:
        with log.writing() as tx:
            tx.append(intent("q1"))
            for _ in range(2):
                tx.connection.execute(tables.blob.insert().values(sha256="x", content=b""))

    with pytest.raises(Conflict):
        write_twice()
    assert log.check_start().size == 0


def test_a_held_lock_refuses_within_the_deadline_and_recovers(make_log: MakeLog) -> None:
    log, rival = make_log(commit_deadline=0.3), make_log()
    started = time.monotonic()
    with rival.writing(), pytest.raises(Unavailable):
        log.append(intent("q1"))
    assert time.monotonic() - started < 2
    assert log.append(intent("q1")) == 0


def test_a_slow_thread_refuses_the_next_within_the_deadline(make_log: MakeLog) -> None:
    log = make_log(commit_deadline=0.3)
    with ThreadPoolExecutor(1) as pool, log.writing(), pytest.raises(Unavailable):
        pool.submit(log.append, intent("q1")).result(timeout=5)
    assert log.append(intent("q1")) == 0


def test_a_full_disk_refuses_and_recovers_without_a_restart(log: Log) -> None:
    log.append(intent("q1"))
    limit = {"pages": 1}
    sa_event.listen(
        log.engine,
        "begin",
        lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={limit['pages']}"),
    )
    big = Event(kind=Kind.LOGIN, actor="ana", subject="ana", body={"text": "x" * 60_000})
    with pytest.raises(Unavailable) as refused:
        log.append(big)
    assert "full" not in str(refused.value)
    limit["pages"] = 1_000_000
    assert log.append(big) == 1
    log.check_start()


def test_a_question_without_an_outcome_is_closed_as_unknown_once(log: Log) -> None:
    for number in range(3):
        log.append(intent(f"q{number}", authorization="a"))
    log.append(outcome("q1"))
    assert log.close_open_intents() == 2
    assert log.close_open_intents() == 0
    assert log.story("q0")[-1].event["decision"] == "unknown"
    assert [entry.event["decision"] for entry in log.story("q1")] == ["", "answered"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET leaf = replace(leaf, 'ana', 'eve') WHERE seq = 1",
        "DELETE FROM entry WHERE seq = 4",
        "UPDATE entry SET seq = 9 WHERE seq = 2",
        "UPDATE checkpoint SET note = replace(note, 'log', 'lag') WHERE size = 5",
        "UPDATE node SET hash = zeroblob(32) WHERE level = 2",
        "DELETE FROM node WHERE level = 2",
        "INSERT INTO entry VALUES (5, x'7b7d')",
        "DELETE FROM head WHERE size = 5",
        "UPDATE head SET mac = (SELECT mac FROM head WHERE size = 4) WHERE size = 5",
    ],
)
def test_a_log_changed_by_hand_stops_the_start(log: Log, by_hand: Callable[[str], None], change: str) -> None:
    for number in range(5):
        log.append(intent(f"q{number}"))
    log.check_start()
    by_hand(change)
    with pytest.raises(StartupRefusal, match="does not verify"):
        log.check_start()


def test_another_key_than_the_logs_stops_the_start(log: Log) -> None:
    log.append(intent("q1"))
    other = Log(log.engine, signer=KeySigner(SigningKey.from_seed(bytes(32))), private_key=bytes(32))
    with pytest.raises(StartupRefusal, match="does not verify"):
        other.check_start()


def test_threads_of_two_processes_write_one_log_without_a_gap(log: Log, tmp_path: Path) -> None:
    command = [sys.executable, str(WRITER), str(tmp_path), "other", "200"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other, ThreadPoolExecutor(8) as pool:
        assert other.stdout is not None
        first = other.stdout.readline()  # it writes now, so both write at once
        ours = list(pool.map(lambda number: log.append(intent(f"q{number}")), range(200)))
        theirs = [int(line.split()[0]) for line in (first, *other.stdout)]
    assert sorted(ours + theirs) == list(range(400))
    assert min(ours) < max(theirs), "they took turns"
    assert log.check_start().size == 400


def test_the_tree_kept_from_the_last_commit_is_not_used_after_somebody_elses(make_log: MakeLog) -> None:
    ours, rival = make_log(), make_log()
    written = [log.append(intent("q")) for log in (ours, rival, rival, ours, rival, ours, ours)]
    assert written == list(range(7))
    assert ours.check_start().size == 7


def test_a_checkpoint_lost_in_a_crash_is_signed_again_when_somebody_looks(
    make_log: MakeLog, by_hand: Callable[[str], None]
) -> None:
    log = make_log()
    for number in range(5):
        log.append(intent(f"q{number}"))
    before = log.status()
    by_hand("DELETE FROM checkpoint WHERE size > 3")
    assert make_log().status() == before
    by_hand("DELETE FROM checkpoint WHERE size > 3")
    assert make_log().check_start() == before


def test_entries_that_somebody_added_with_their_nodes_stop_the_start(
    make_log: MakeLog, by_hand: Callable[[str], None]
) -> None:
    log = make_log()
    log.append(intent("q1"))
    leaf = intent("q2").leaf(datetime.now(UTC))
    tree = merkle.Frontier(1, [merkle.leaf_hash(log.leaf(0))])
    by_hand(f"INSERT INTO entry VALUES (1, x'{leaf.hex()}')")  # noqa: S608  # hexadecimal digits of our own
    for level, index, value in tree.push(leaf):
        by_hand(f"INSERT INTO node VALUES ({level}, {index}, x'{value.hex()}')")  # noqa: S608  # as above
    with pytest.raises(StartupRefusal, match="does not verify"):
        make_log().check_start()
    with pytest.raises(Refusal, match="other entries"):
        make_log().append(intent("q3"))


def test_a_log_set_back_to_an_earlier_copy_is_refused_by_its_signer(
    make_log: MakeLog, tmp_path: Path
) -> None:
    state, log = tmp_path / "state" / "state.sqlite", make_log()
    log.append(intent("q1"))
    with closing(sqlite3.connect(state)) as before, closing(sqlite3.connect(tmp_path / "backup")) as backup:
        before.backup(backup)
    log.append(intent("q2"))
    with closing(sqlite3.connect(tmp_path / "backup")) as backup, closing(sqlite3.connect(state)) as restored:
        backup.backup(restored)
    with pytest.raises(StartupRefusal, match="has lost"):
        make_log().check_start()
    with pytest.raises(Refusal, match="other entries than those of the log"):
        log.append(intent("another second"))


def test_a_transaction_that_failed_leaves_the_kept_tree_as_it_was(log: Log) -> None:
    log.append(intent("q1"))

    def fail_after(count: int) -> None:
        with log.writing() as tx:
            for _ in range(count):
                tx.append(intent("q2"))
            raise KeyError

    for count in (1, 2, 3):
        with pytest.raises(KeyError):
            fail_after(count)
        log.append(intent("q3"))
    assert log.check_start().size == 4


def test_killed_writers_lose_no_acknowledged_record(log: Log, tmp_path: Path) -> None:
    acknowledged: dict[int, str] = {}
    for round_number in range(8):
        command = [sys.executable, str(WRITER), str(tmp_path), f"w{round_number}", "100000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(1 + 7 * round_number)]
            writer.kill()
            lines += writer.stdout.readlines()
        acknowledged.update((int(seq), subject) for seq, subject in map(str.split, lines))
        log.check_start()
    assert len(acknowledged) > 8
    assert all(log.entry(seq).event["subject"] == subject for seq, subject in acknowledged.items())
