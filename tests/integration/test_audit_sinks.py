"""Sinks: nothing is acknowledged before every required copy has it, nothing is lost or out of order."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sink_bench import (
    DEADLINE,
    Open,
    eventually,
    file_spec,
    fill,
    lines_of,
    log_of,
    record,
    records,
    seqs_of,
)
from sink_bench import open_sinks as open_sinks

from sandbox import canonical
from sandbox.audit import ocsf
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey, create_secret
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.audit.sinks import Delivered, Sinks, Spec, leaves_of
from sandbox.audit.sinks.position import Position
from sandbox.audit.sinks.record import SinkFailed
from sandbox.audit.sinks.worker import HELD, Worker
from sandbox.errors import Unavailable
from sandbox.settings import Settings
from sandbox.store.engine import open_state


def test_a_delivered_batch_is_in_the_file_with_the_leafs_own_bytes(open_sinks: Open, tmp_path: Path) -> None:
    sinks = open_sinks(file_spec(tmp_path / "log.jsonl"))
    sinks.deliver(records(0, 3))
    assert seqs_of(tmp_path / "log.jsonl") == [0, 1, 2]
    assert [canonical.encode(line["leaf"]) for line in lines_of(tmp_path / "log.jsonl")] == [
        one.leaf for one in records(0, 3)
    ]
    assert (tmp_path / "log.jsonl").stat().st_mode & 0o777 == 0o600


def test_every_batch_is_synced_before_it_counts_as_delivered(
    open_sinks: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    real = os.fdatasync

    def watched(file: int) -> None:
        if Path(f"/proc/self/fd/{file}").readlink().name == "log.jsonl":
            synced.append((tmp_path / "log.jsonl").read_bytes())
        real(file)

    monkeypatch.setattr(os, "fdatasync", watched)
    sinks = open_sinks(file_spec(tmp_path / "log.jsonl"))
    for batch in (records(0, 3), records(3, 4)):
        sinks.deliver(batch)
        assert synced[-1].splitlines()[-1].endswith(b'"seq":%d}' % batch[-1].seq)


def test_a_rotated_file_is_opened_anew(open_sinks: Open, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    sinks = open_sinks(file_spec(path))
    sinks.deliver(records(0, 2))
    path.rename(tmp_path / "log.jsonl.1")
    sinks.deliver(records(2, 4))
    assert (seqs_of(tmp_path / "log.jsonl.1"), seqs_of(path)) == ([0, 1], [2, 3])


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_a_file_that_others_may_read_is_not_written(open_sinks: Open, tmp_path: Path, mode: int) -> None:
    (tmp_path / "log.jsonl").touch()
    (tmp_path / "log.jsonl").chmod(mode)
    sinks = open_sinks(file_spec(tmp_path / "log.jsonl"), deadline=0.2)
    with pytest.raises(Unavailable):
        sinks.deliver(records(0, 1))
    assert "permission bits" in sinks.states()[0].why


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/null")])
def test_what_is_not_a_regular_file_fails_closed_in_time(
    open_sinks: Open, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "log.jsonl")
    sinks = open_sinks(file_spec(tmp_path / "log.jsonl"), deadline=0.3)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        sinks.deliver(records(0, 1))
    assert time.monotonic() - began < 2
    with pytest.raises(Unavailable):
        sinks.ready()


def test_a_line_cut_by_a_crash_is_ended_and_written_again(open_sinks: Open, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    sinks = open_sinks(file_spec(path))
    sinks.deliver(records(0, 2))
    sinks.close()
    with path.open("ab") as file:
        file.write(b'{"leaf":{"at":"20')
    sinks = open_sinks(file_spec(path))
    sinks.deliver(records(2, 3))
    assert seqs_of(path) == [0, 1, 2]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=False)
    if done.returncode:
        pytest.skip("mounting needs to be root")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_fails_closed_and_recovers_without_a_restart(open_sinks: Open, small_disk: Path) -> None:
    filler, path = small_disk / "filler", small_disk / "log.jsonl"
    sinks = open_sinks(file_spec(path))
    sinks.deliver(records(0, 2))
    fill(filler)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        sinks.deliver([record(2, size=2000)])
    assert time.monotonic() - began < DEADLINE + 1
    assert sinks.states()[0].why == f"{os.strerror(errno.ENOSPC)}."
    with pytest.raises(Unavailable):
        sinks.ready()
    filler.unlink()
    eventually(lambda: not sinks.states()[0].failing_since)
    sinks.ready()
    sinks.deliver(records(3, 4))
    assert seqs_of(path) == [0, 1, 2, 3]


# --- syslog -------------------------------------------------------------------------------------------


def test_a_sink_that_is_not_required_raises_an_alarm_and_catches_up(open_sinks: Open, tmp_path: Path) -> None:
    path = tmp_path / "later" / "log.jsonl"
    sinks = open_sinks(file_spec(path, required=False))
    sinks.deliver(records(0, 10))
    sinks.deliver(records(10, 20))
    sinks.ready()
    eventually(lambda: bool(sinks.states()[0].failing_since))
    state = sinks.states()[0]
    assert (state.missed, state.last, state.why) == (20, -1, f"{os.strerror(errno.ENOENT)}.")
    path.parent.mkdir()
    eventually(lambda: sinks.states()[0].last == 19)
    assert seqs_of(path) == list(range(20))
    eventually(lambda: not sinks.states()[0].failing_since)


def test_a_sink_reads_from_the_log_what_memory_no_longer_holds(open_sinks: Open, tmp_path: Path) -> None:
    entries = records(0, HELD + 300)
    path = tmp_path / "later" / "log.jsonl"
    sinks = open_sinks(file_spec(path, required=False))
    sinks.catch_up(log_of(entries))
    for first in range(0, len(entries), 100):
        sinks.deliver(entries[first : first + 100])
    path.parent.mkdir()
    eventually(lambda: sinks.states()[0].last == len(entries) - 1)
    assert seqs_of(path) == list(range(len(entries)))


def test_a_required_sink_catches_up_before_the_next_answer(open_sinks: Open, tmp_path: Path) -> None:
    entries = records(0, 600)
    path = tmp_path / "log.jsonl"
    sinks = open_sinks(file_spec(path))
    sinks.catch_up(log_of(entries[:5]))
    sinks.close()
    sinks = open_sinks(file_spec(path))
    sinks.catch_up(log_of(entries[:590]))
    assert seqs_of(path) == list(range(590))
    sinks.deliver(entries[590:])
    assert seqs_of(path) == list(range(600))


def test_a_sink_that_nobody_told_where_to_read_does_not_skip(open_sinks: Open, tmp_path: Path) -> None:
    sinks = open_sinks(file_spec(tmp_path / "log.jsonl"), deadline=0.3)
    with pytest.raises(Unavailable):
        sinks.deliver(records(5, 6))
    assert seqs_of(tmp_path / "log.jsonl") == [] if (tmp_path / "log.jsonl").exists() else True


def test_a_log_that_was_set_back_or_replaced_is_noticed(open_sinks: Open, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    first = open_sinks(file_spec(path))
    first.deliver(records(0, 5))
    first.close()
    other = [*records(0, 4), record(4, size=1), *records(5, 7)]
    for log in (records(0, 3), other):
        sinks = open_sinks(file_spec(path), deadline=0.3)
        with pytest.raises(Unavailable):
            sinks.catch_up(log_of(log))
        assert "replaced or set back" in sinks.states()[0].why
        sinks.close()
    assert seqs_of(path) == list(range(5))


def test_a_position_that_cannot_be_read_fails_closed(open_sinks: Open, tmp_path: Path) -> None:
    (tmp_path / "positions").mkdir()
    (tmp_path / "positions" / "copy.position").write_text("7\n")
    sinks = open_sinks(file_spec(tmp_path / "log.jsonl"), deadline=0.3)
    with pytest.raises(Unavailable):
        sinks.deliver(records(0, 1))
    assert "remove it" in sinks.states()[0].why


def test_a_sink_held_by_a_hung_process_does_not_hang_this_one(open_sinks: Open, tmp_path: Path) -> None:
    sinks = open_sinks(file_spec(tmp_path / "log.jsonl"), deadline=0.5)
    held = os.open(tmp_path / "positions" / "copy.position", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            sinks.deliver(records(0, 1))
        with pytest.raises(Unavailable):
            sinks.ready()
        assert time.monotonic() - began < 2
    finally:
        os.close(held)
    eventually(lambda: takes_records(sinks))
    assert sinks.states()[0].last == 0


def takes_records(sinks: Sinks) -> bool:
    try:
        sinks.ready()
    except Unavailable:
        return False
    return True


def test_several_writers_to_one_log_keep_its_order_in_one_file(open_sinks: Open, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    entries: list[Delivered] = []
    turn = threading.Lock()

    def write(sinks: Sinks, count: int) -> None:
        for _ in range(count):
            with turn:  # as the database's write lock
                entries.append(record(len(entries)))
                mine = entries[-1]
            sinks.deliver([mine])  # after the commit, in no order

    several = [open_sinks(file_spec(path), deadline=20) for _ in range(3)]
    for sinks in several:
        sinks.catch_up(lambda first: iter(entries[first:]))
    threads = [threading.Thread(target=write, args=(sinks, 60)) for sinks in several for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seqs_of(path) == list(range(360))


class Flaky:
    """A receiver that takes part of a batch, or none, as often as chance says."""

    def __init__(self, chance: random.Random) -> None:
        self.got: list[Delivered] = []
        self.chance = chance
        self.failing = True

    def write(self, records: Sequence[Delivered]) -> None:
        if self.failing and self.chance.random() < 0.4:
            self.got += records[: self.chance.randrange(len(records) + 1)]
            raise SinkFailed("by chance")
        self.got += records

    def close(self) -> None:
        pass


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    batches=st.lists(st.integers(1, 30), min_size=1, max_size=30),
    crashes=st.sets(st.integers(0, 29), max_size=4),
)
def test_whatever_fails_everything_arrives_in_order_and_only_known_records_twice(
    tmp_path_factory: pytest.TempPathFactory, seed: int, batches: list[int], crashes: set[int]
) -> None:
    """First occurrences are the log itself; a second one only repeats what has been there before."""
    chance = random.Random(seed)  # noqa: S311 - schedules, not secrets
    target, place = Flaky(chance), tmp_path_factory.mktemp("flaky") / "position"
    entries: list[Delivered] = []

    def start() -> Worker:
        worker = Worker("flaky", required=True, target=target, position=Position(place))
        worker.catch_up(log_of(entries))
        return worker

    worker = start()
    for number, size in enumerate(batches):
        batch = records(len(entries), len(entries) + size)
        entries += batch
        if chance.random() < 0.9:  # else: the process died between commit and delivery
            worker.offer(batch)
        if number in crashes:
            worker.close(end=time.monotonic() + 10)
            worker = start()
    target.failing = False
    worker.catch_up(log_of(entries))
    assert worker.wait(None, end=time.monotonic() + 20)
    assert worker.wait(len(entries) - 1, end=time.monotonic() + 20)
    worker.close(end=time.monotonic() + 10)
    assert list(dict.fromkeys(target.got)) == entries
    for before, after in pairwise(target.got):
        assert after.seq <= before.seq + 1


def test_the_logs_own_leaves_are_read_in_pages_and_as_stored(
    tmp_path: Path, open_sinks: Open, state: Settings
) -> None:
    engine = open_state(state)
    log = Log(
        engine,
        signer=KeySigner(SigningKey.create(tmp_path / "log")),
        private_key=create_secret(tmp_path / "private"),
    )
    with log.writing() as tx:
        for number in range(600):
            tx.append(Event(kind=Kind.LOGIN, actor="ana", subject=f"统{number}"))
    sinks = open_sinks(
        file_spec(tmp_path / "log.jsonl"),
        Spec(name="events", kind="ocsf", required=True, path=tmp_path / "ocsf.jsonl", mode=0o640),
        deadline=20,
    )
    sinks.catch_up(leaves_of(log.reading))
    found = lines_of(tmp_path / "log.jsonl")
    assert [(line["seq"], canonical.encode(line["leaf"])) for line in found] == [
        (seq, log.leaf(seq)) for seq in range(600)
    ]
    events = [Delivered(seq, log.leaf(seq)) for seq in range(600)]
    assert (tmp_path / "ocsf.jsonl").read_bytes() == b"".join(map(ocsf.line, events))
    assert (tmp_path / "ocsf.jsonl").stat().st_mode & 0o777 == 0o640
    engine.dispose()


def test_no_sinks_at_all_deliver_at_once(open_sinks: Open) -> None:
    sinks = open_sinks()
    sinks.catch_up(log_of([]))
    sinks.deliver(records(0, 3))
    sinks.ready()
    assert sinks.states() == ()
