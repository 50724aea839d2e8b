"""A signer's signatures are of one growing tree, whoever asks and whatever it is told."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.audit import checkpoint, merkle
from sandbox.audit.keys import SigningKey
from sandbox.audit.signer import Hashes, KeySigner, SignerBroken
from sandbox.errors import Unavailable

KEY = SigningKey.from_seed(bytes(32))


def leaves(history: str, count: int) -> list[bytes]:
    return [hashlib.sha256(f"{history} {number}".encode()).digest() for number in range(count)]


def told(hashes: Sequence[bytes]) -> Hashes:
    return lambda first, end: hashes[first:end]


def root(hashes: Sequence[bytes]) -> bytes:
    tree = merkle.Frontier()
    for one in hashes:
        tree.push_hash(one)
    return tree.root()


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 40)), max_size=12))
def test_whatever_it_is_told_all_it_signs_is_one_history(asked: list[tuple[str, int]]) -> None:
    signer = KeySigner(KEY)
    signed: dict[int, bytes] = {}
    history: list[bytes] = []
    for name, size in asked:
        if size > len(history):
            history += leaves(name, 40)[len(history) : size]
        note = signer.sign(size, told(leaves(name, 40)))
        head = checkpoint.read(note, origin=signer.origin, key=signer.key)
        assert head.size >= size
        assert head.root == root(history[: head.size])
        assert signed.setdefault(head.size, head.root) == head.root


def test_a_signer_that_signs_any_root_is_found_by_the_same_check() -> None:
    signed = {name: root(leaves(name, 5)) for name in "ab"}
    assert signed["a"] != signed["b"]


@pytest.mark.parametrize("wrong", [[], [bytes(32)], [bytes(31), bytes(32)], [bytes(32)] * 3])
def test_it_signs_nothing_for_other_than_all_the_new_hashes(wrong: list[bytes]) -> None:
    signer = KeySigner(KEY)
    with pytest.raises(Unavailable):
        signer.sign(2, lambda _first, _end: wrong)
    assert signer.size == 0


def test_it_goes_on_where_it_stood_after_a_restart_and_beside_another_process(tmp_path: Path) -> None:
    first, hashes = KeySigner(KEY, state=tmp_path / "signed"), leaves("a", 9)
    first.sign(3, told(hashes))
    second = KeySigner(KEY, state=tmp_path / "signed")
    assert second.size == 3
    note = second.sign(7, told(hashes))
    assert first.sign(5, told(leaves("b", 9))) == note
    assert checkpoint.parse(first.sign(9, told(hashes))).root == root(hashes)
    assert (tmp_path / "signed").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", [0, 40, 200])
def test_a_changed_state_signs_nothing(tmp_path: Path, place: int) -> None:
    signer = KeySigner(KEY, state=tmp_path / "signed")
    for size in (2, 3):
        signer.sign(size, told(leaves("a", size)))
    record = bytearray((tmp_path / "signed").read_bytes())
    for slot in (0, 4096):
        record[slot + place] ^= 1
    (tmp_path / "signed").write_bytes(record)
    with pytest.raises(SignerBroken):
        KeySigner(KEY, state=tmp_path / "signed").sign(4, told(leaves("a", 4)))


@pytest.mark.parametrize("cut", [0, 1, 512, 2048])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_state_torn_in_a_power_cut_goes_on_from_the_signature_before(
    tmp_path: Path, size: int, cut: int
) -> None:
    signer, file = KeySigner(KEY, state=tmp_path / "signed"), tmp_path / "signed"
    before = b""
    for now in range(1, size + 1):
        before = file.read_bytes().ljust(8192, b"\0")
        signer.sign(now, told(leaves("a", now)))
    after = file.read_bytes().ljust(8192, b"\0")
    slot = next(place for place in (0, 4096) if before[place : place + 4096] != after[place : place + 4096])
    torn = before[:slot] + after[slot : slot + cut] + before[slot + cut :]
    file.write_bytes(torn)
    again = KeySigner(KEY, state=file)
    assert again.size in {size - 1, size}
    assert checkpoint.parse(again.sign(size + 1, told(leaves("a", size + 1)))).root == root(
        leaves("a", size + 1)
    )


def test_more_hashes_than_fit_one_message_are_told_in_several() -> None:
    size = 65_536 + 3
    asked: list[tuple[int, int]] = []

    def hashes(first: int, end: int) -> list[bytes]:
        asked.append((first, end))
        return [bytes(32)] * (end - first)

    assert checkpoint.parse(KeySigner(KEY).sign(size, hashes)).size == size
    assert asked == [(0, 65_536), (65_536, size)]
