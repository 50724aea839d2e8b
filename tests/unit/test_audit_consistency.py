"""Consistency proofs: against published ones, against the definition, and against everything changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.audit import merkle

PUBLISHED = json.loads((Path(__file__).parents[1] / "vectors" / "merkle.json").read_text())
GARBAGE = b"\x00" * 32
Nodes = dict[tuple[int, int], bytes]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a consistency proof claims."""

    old: int
    old_root: bytes
    new: int
    new_root: bytes
    path: tuple[bytes, ...]

    def check(self) -> None:
        merkle.check_consistency(self.old, self.old_root, self.new, self.new_root, self.path)


def leaves(count: int) -> Iterator[bytes]:
    return (number.to_bytes(4) for number in range(count))


def grown(count: int, sizes: frozenset[int] = frozenset()) -> tuple[Nodes, dict[int, bytes]]:
    """Return all nodes of a tree, and its roots at ``sizes`` (at all if none are named)."""
    tree, nodes, roots = merkle.Frontier(), {}, {}
    for leaf in leaves(count):
        nodes.update({(level, index): value for level, index, value in tree.push(leaf)})
        if not sizes or tree.size in sizes:
            roots[tree.size] = tree.root()
    return nodes, roots


NODES, ROOTS = grown(300)


def claim(old: int, new: int, nodes: Nodes = NODES, roots: dict[int, bytes] = ROOTS) -> Claim:
    path = merkle.consistency_path(old, new, lambda level, index: nodes[level, index])
    return Claim(old=old, old_root=roots[old], new=new, new_root=roots[new], path=tuple(path))


def subproof(old: int, low: int, high: int, known: bool) -> list[bytes]:
    """SUBPROOF of RFC 9162, 2.1.4.1, as it is written there, with its own hashing of ranges."""

    def whole(low: int, high: int) -> bytes:
        if high - low == 1:
            return merkle.leaf_hash(low.to_bytes(4))
        middle = low + 2 ** ((high - low - 1).bit_length() - 1)
        return merkle.node_hash(whole(low, middle), whole(middle, high))

    count = high - low
    if old == count:
        return [] if known else [whole(low, high)]
    split = 2 ** ((count - 1).bit_length() - 1)
    if old <= split:
        return [*subproof(old, low, low + split, known), whole(low + split, high)]
    return [*subproof(old - split, low + split, high, False), whole(low, low + split)]


def changes(right: Claim) -> Iterator[Claim]:
    """The changes of the published vectors: sizes, roots, and each place of the proof."""
    path = right.path
    for old in (right.old - 1, right.old + 1, right.old ^ 2):
        yield replace(right, old=old)
    for new in (right.new * 2, right.new // 2):
        yield replace(right, new=new)
    yield replace(right, old_root=b"WrongRoot")
    yield replace(right, new_root=b"WrongRoot")
    yield replace(right, old_root=GARBAGE)
    yield replace(right, new_root=GARBAGE)
    yield replace(right, old_root=right.new_root, new_root=right.old_root)
    for more in (b"", GARBAGE, right.old_root, right.new_root, *path[:1]):
        yield replace(right, path=(*path, more))
        yield replace(right, path=(more, *path))
    yield replace(right, path=())
    for place, item in enumerate(path):
        yield replace(right, path=path[:place])
        yield replace(right, path=(*path[:place], *path[place + 1 :]))
        yield replace(right, path=(*path[:place], bytes([item[0] ^ 1 << 4, *item[1:]]), *path[place + 1 :]))
        yield replace(right, path=(*path[:place], item[:-1], *path[place + 1 :]))


def decoded(vector: dict[str, object]) -> dict[str, object]:
    return {
        key: base64.b64decode(value) if isinstance(value, str) else value for key, value in vector.items()
    }


@pytest.mark.parametrize("vector", PUBLISHED["consistency"], ids=lambda one: f"{one['size1']}-{one['size2']}")
def test_published_proofs_hold_and_none_of_their_changes_does(vector: dict[str, object]) -> None:
    path = tuple(base64.b64decode(item) for item in vector.pop("proof"))  # type: ignore[attr-defined]  # a list
    old, new, old_root, new_root = decoded(vector).values()
    right = Claim(old=old, new=new, old_root=old_root, new_root=new_root, path=path)  # type: ignore[arg-type]  # JSON
    right.check()
    refused = 0
    for wrong in changes(right):
        if wrong == right:
            continue
        with pytest.raises(ValueError, match="tree"):
            wrong.check()
        refused += 1
    assert refused >= 14


@pytest.mark.parametrize(
    "vector", PUBLISHED["inclusion"], ids=lambda one: f"{one['leafIdx']}-{one['treeSize']}"
)
def test_published_inclusion_proofs_hold(vector: dict[str, object]) -> None:
    from_rfc = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43"]
    index, size = int(str(vector["leafIdx"])), int(str(vector["treeSize"]))
    path = [base64.b64decode(item) for item in vector["proof"]]  # type: ignore[attr-defined]  # a list
    assert merkle.leaf_hash(from_rfc[index]) == base64.b64decode(str(vector["leafHash"]))
    found = merkle.root_from_path(from_rfc[index], index=index, size=size, path=path)
    assert found == base64.b64decode(str(vector["root"]))


def test_every_proof_between_small_trees_is_that_of_the_definition_and_holds() -> None:
    for new in range(1, 71):
        for old in range(1, new + 1):
            right = claim(old, new)
            assert list(right.path) == subproof(old, 0, new, True)
            right.check()


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_no_changed_claim_holds(one: int, other: int, data: st.DataObject) -> None:
    right = claim(min(one, other), max(one, other))
    wrong = data.draw(st.sampled_from([wrong for wrong in changes(right) if wrong != right]))
    with pytest.raises(ValueError, match="tree"):
        wrong.check()


@given(st.integers(1, 200), st.integers(1, 100), st.data())
def test_a_tree_that_changed_one_old_leaf_is_never_consistent(
    old: int, more: int, data: st.DataObject
) -> None:
    """The fork's own, honestly made proof does not help it."""
    place = data.draw(st.integers(0, old - 1))
    tree, nodes, roots = merkle.Frontier(), {}, {}
    for number, leaf in enumerate(leaves(old + more)):
        nodes.update({(a, b): value for a, b, value in tree.push(leaf + b"!" if number == place else leaf)})
        roots[tree.size] = tree.root()
    forked = claim(old, old + more, nodes, roots)
    forked.check()
    with pytest.raises(ValueError, match="does not begin"):
        replace(forked, old_root=ROOTS[old]).check()


def test_trees_of_the_sizes_of_tiles_are_consistent_with_each_other() -> None:
    sizes = (1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000)
    nodes, roots = grown(70_000, frozenset(sizes))
    for old, new in [*pairwise(sizes), (1, 70_000), (256, 65_536), (257, 70_000)]:
        right = claim(old, new, nodes, roots)
        right.check()
        for wrong in changes(right):
            with pytest.raises(ValueError, match="tree"):
                wrong.check()


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (-1, 5), (6, 5)])
def test_nothing_is_proved_about_the_empty_tree_or_a_smaller_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no consistency"):
        merkle.consistency_path(old, new, lambda *_: bytes(32))
    with pytest.raises(ValueError, match="does not fit"):
        merkle.check_consistency(old, merkle.EMPTY_ROOT, new, ROOTS[5], [])
