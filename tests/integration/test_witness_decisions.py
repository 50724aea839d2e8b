"""A witness never cosigns two histories of one log, whatever it is asked, in whatever order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from witnesses import LOG_KEY, ORIGIN, Tree, make_witness

from sandbox.audit import checkpoint
from sandbox.audit.checkpoint import Checkpoint
from sandbox.audit.keys import SigningKey
from sandbox.errors import StartupRefusal
from sandbox.witness import memory, witness
from sandbox.witness.memory import Memory
from sandbox.witness.request import SIZE_TYPE, Request
from sandbox.witness.witness import Witness

SIZE = 24
TREES = [Tree("one", SIZE, SIZE), Tree("two", 5, SIZE), Tree("three", 16, SIZE)]
SIZES = st.integers(0, SIZE)
SIGNED = st.sampled_from(TREES)


class Asked(RuleBasedStateMachine):
    """A log that forks at will, and a witness that is restarted at will."""

    def __init__(self) -> None:
        super().__init__()
        self._place = tempfile.TemporaryDirectory()
        self.directory = Path(self._place.name) / "witness"
        self.cosigner = make_witness(self.directory)
        self.now = 1_000_000.0
        self.cosigned: list[tuple[int, bytes]] = []
        self._open()

    def _open(self) -> None:
        self.memory = Memory(self.directory)
        self.witness = Witness(self.memory, clock=lambda: self.now)

    def teardown(self) -> None:
        self.memory.close()
        self._place.cleanup()

    def _ask(self, body: bytes, tree: Tree, size: int) -> int:
        reply = self.witness.add(body)
        if reply.status == 200:
            found = self.cosigner.find(tree.note(size) + reply.body.encode())
            assert found is not None
            assert found.time == int(self.now)
            self.cosigned.append((size, tree.roots[size]))
        return reply.status

    @rule(tree=SIGNED, size=SIZES)
    def ask_honestly(self, tree: Tree, size: int) -> None:
        """As a client does: the size is the witness's own."""
        known = self.cosigned[-1][0] if self.cosigned else 0
        honest = not self.cosigned or known == 0 or tree.roots[known] == self.cosigned[-1][1]
        status = self._ask(tree.body(known, size), tree, size)
        assert (status == 200) == (honest and size >= known)

    @rule(tree=SIGNED, proving=SIGNED, old=SIZES, size=SIZES, between=st.tuples(SIZES, SIZES))
    def ask_anything(self, tree: Tree, proving: Tree, old: int, size: int, between: tuple[int, int]) -> None:
        path = tuple(proving.path(*between))
        self._ask(Request(old=old, path=path, note=tree.note(size)).body(), tree, size)

    @precondition(lambda self: self.cosigned)
    @rule(tree=SIGNED, proving=SIGNED, size=SIZES, data=st.data())
    def ask_with_a_proof_for_the_right_size(
        self, tree: Tree, proving: Tree, size: int, data: st.DataObject
    ) -> None:
        known = self.cosigned[-1][0]
        path = tuple(proving.path(known, data.draw(SIZES)))
        self._ask(Request(old=known, path=path, note=tree.note(size)).body(), tree, size)

    @rule()
    def restart(self) -> None:
        self.memory.close()
        self._open()

    @rule(seconds=st.integers(0, 100_000))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def what_was_cosigned_is_one_history(self) -> None:
        sizes = [size for size, _ in self.cosigned]
        assert sizes == sorted(sizes)
        assert any(all(tree.roots[size] == root for size, root in self.cosigned) for tree in TREES)


STEPS = settings(max_examples=150, stateful_step_count=30, deadline=None)
FIRST_FAULT = settings(STEPS, phases=[Phase.generate], report_multiple_bugs=False, database=None)
TestAsked = Asked.TestCase
TestAsked.settings = STEPS


@pytest.mark.parametrize("fault", ["believes every proof", "forgets at a restart", "takes any old size"])
def test_a_witness_with_a_fault_is_found_out(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "believes every proof":
        monkeypatch.setattr(witness, "_check_growth", lambda *_: None)
    elif fault == "forgets at a restart":
        monkeypatch.setattr(Memory, "keep", lambda self, seen: self._seen.update({seen.origin: seen}))
    else:
        weigh = Witness._weigh

        def believing(self: Witness, request: Request, head: Checkpoint, seen: memory.Seen) -> witness.Reply:
            if request.old < seen.size:
                return self._cosign(request.note, head, seen)
            return weigh(self, request, head, seen)

        monkeypatch.setattr(Witness, "_weigh", believing)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Asked, settings=FIRST_FAULT)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], Witness]]:
    """Open the witness of this test's directory, letting go of it first."""
    make_witness(tmp_path / "witness")
    held: list[Memory] = []

    def open_again(now: float = 1_000_000.0) -> Witness:
        for one in held:
            one.close()
        held[:] = [Memory(tmp_path / "witness")]
        return Witness(held[0], clock=lambda: now)

    yield open_again
    for one in held:
        one.close()


ONE, TWO, _ = TREES


def test_each_reason_has_its_own_status(opened: Callable[[], Witness]) -> None:
    asked = opened()
    assert asked.add(ONE.body(0, 7)).status == 200
    stranger = Checkpoint(origin="example.org/other", size=3, root=bytes(32)).sign(LOG_KEY)
    forged = Checkpoint(origin=ORIGIN, size=9, root=bytes(32)).sign(SigningKey.from_seed(bytes(32)))
    for body, status in (
        (b"hello", 400),
        (Request(old=8, path=(), note=ONE.note(7)).body(), 400),
        (Request(old=0, path=(), note=stranger).body(), 404),
        (Request(old=7, path=(), note=forged).body(), 403),
        (Request(old=7, path=(), note=ONE.note(9)).body(), 422),
        (Request(old=7, path=tuple(TWO.path(7, 9)), note=TWO.note(9)).body(), 422),
        (Request(old=7, path=(), note=TWO.note(7)).body(), 422),
        (ONE.body(3, 9), 409),
        (ONE.body(0, 5), 409),
    ):
        assert asked.add(body).status == status
    conflict = asked.add(ONE.body(0, 9))
    assert (conflict.body, conflict.content_type) == ("7\n", SIZE_TYPE)


def test_the_first_checkpoint_needs_no_proof_and_must_bring_none(opened: Callable[[], Witness]) -> None:
    asked = opened()
    empty = Checkpoint(origin=ORIGIN, size=0, root=bytes(32)).sign(LOG_KEY)
    assert asked.add(Request(old=0, path=(bytes(32),), note=ONE.note(9)).body()).status == 422
    assert asked.add(Request(old=0, path=(), note=empty).body()).status == 422
    assert asked.add(ONE.body(0, 0)).status == 200
    assert asked.add(ONE.body(0, 9)).status == 200


def test_the_same_checkpoint_is_cosigned_again_with_the_time_of_the_asking(
    opened: Callable[..., Witness], tmp_path: Path
) -> None:
    cosigner = memory.public(tmp_path / "witness")
    times: list[int] = []
    for now in (1_000_000.0, 1_000_060.0):
        reply = opened(now).add(ONE.body(0 if not times else 9, 9))
        found = cosigner.find(ONE.note(9) + reply.body.encode())
        assert found is not None
        times.append(found.time)
    assert times == [1_000_000, 1_000_060]


def test_a_clock_that_runs_behind_cosigns_nothing(opened: Callable[..., Witness]) -> None:
    assert opened(1_000_000.0).add(ONE.body(0, 7)).status == 200
    assert opened(999_000.0).add(ONE.body(7, 9)).status == 503
    assert opened(1_000_000.0).add(ONE.body(7, 9)).status == 200


def test_a_full_disk_cosigns_nothing_and_forgets_nothing(
    opened: Callable[[], Witness], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = opened()
    assert asked.add(ONE.body(0, 7)).status == 200

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(memory, "_write", full)
        assert asked.add(ONE.body(7, 9)).status == 503
        assert asked.add(Request(old=7, path=(), note=TWO.note(7)).body()).status == 422
    assert asked.add(ONE.body(7, 9)).status == 200


def test_two_trees_of_one_size_are_kept_as_evidence(opened: Callable[[], Witness], tmp_path: Path) -> None:
    asked = opened()
    asked.add(ONE.body(0, 9))
    for _ in range(2):
        assert asked.add(TWO.body(4, 9)).status == 409
    (kept,) = memory.evidence(tmp_path / "witness")
    first, _, second = kept.read_bytes().partition(b"\n" + TWO.note(9))
    assert not second
    assert checkpoint.read(first, origin=ORIGIN, key=LOG_KEY.public).root == ONE.roots[9]


def test_lines_of_strangers_are_not_served(opened: Callable[[], Witness]) -> None:
    asked = opened()
    line = b"\xe2\x80\x94 stranger AAAAAAAA\n"
    asked.add(Request(old=0, path=(), note=ONE.note(9) + line).body())
    name = memory.Seen(origin=ORIGIN, key=LOG_KEY.public).name
    latest = asked.latest(name)
    assert latest.status == 200
    assert "stranger" not in latest.body
    assert asked.latest("0" * 64).status == 404


def test_only_one_process_is_the_witness(opened: Callable[[], Witness], tmp_path: Path) -> None:
    opened()
    with pytest.raises(StartupRefusal, match="Another process"):
        Memory(tmp_path / "witness")


@pytest.mark.parametrize("damage", ["cut", "smaller", "missing", "renamed", "other key"])
def test_a_record_that_was_touched_stops_the_start(tmp_path: Path, damage: str) -> None:
    place = tmp_path / "witness"
    make_witness(place)
    opened = Memory(place)
    Witness(opened).add(ONE.body(0, 9))
    opened.close()
    (record,) = (place / "logs").iterdir()
    if damage == "cut":
        record.write_bytes(record.read_bytes()[:-1])
    elif damage == "smaller":
        record.write_bytes(record.read_bytes().replace(b'"size":9', b'"size":4'))
    elif damage == "missing":
        record.unlink()
    elif damage == "renamed":
        record.rename(record.with_name("0" * 64))
    else:
        (place / "key").write_bytes(bytes(32))
    with pytest.raises(StartupRefusal):
        Memory(place)


def test_a_witness_is_never_made_over_another(tmp_path: Path) -> None:
    make_witness(tmp_path / "witness")
    with pytest.raises(StartupRefusal, match="not empty"):
        make_witness(tmp_path / "witness")
    assert (tmp_path / "witness" / "key").stat().st_mode & 0o777 == 0o600
