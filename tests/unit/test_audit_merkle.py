"""The tree against published roots and against the definition written out naively."""

from __future__ import annotations

import contextlib
import hashlib
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.audit import merkle

RFC_6962_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
RFC_6962_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Roots of the first 0, 1 ... 8 of these leaves, as the field's test suites publish them."""


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = max(2**bit for bit in range(len(leaves).bit_length()) if 2**bit < len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def grown(leaves: list[bytes]) -> tuple[merkle.Frontier, dict[tuple[int, int], bytes]]:
    frontier, nodes = merkle.Frontier(), {}
    for leaf in leaves:
        nodes.update({(level, index): value for level, index, value in frontier.push(leaf)})
    return frontier, nodes


def stored(nodes: dict[tuple[int, int], bytes], level: int, index: int) -> bytes:
    return nodes[level, index]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_that_are_published(size: int) -> None:
    assert grown(RFC_6962_LEAVES[:size])[0].root().hex() == RFC_6962_ROOTS[size]


def test_roots_up_to_300_leaves_are_those_of_the_definition() -> None:
    leaves = [f"leaf {number}".encode() for number in range(300)]
    frontier = merkle.Frontier()
    for size, leaf in enumerate(leaves):
        assert frontier.root() == naive_root(leaves[:size])
        frontier.push(leaf)
    assert frontier.root() == naive_root(leaves)


def test_every_inclusion_proof_of_every_small_tree_leads_to_its_root() -> None:
    leaves = [f"leaf {number}".encode() for number in range(65)]
    for size in range(1, 66):
        frontier, nodes = grown(leaves[:size])
        fetch = partial(stored, nodes)
        for index in range(size):
            path = merkle.inclusion_path(index, size, fetch)
            found = merkle.root_from_path(leaves[index], index=index, size=size, path=path)
            assert found == frontier.root()


@given(size=st.integers(1, 300), data=st.data())
def test_a_proof_shows_no_other_leaf_place_or_size(size: int, data: st.DataObject) -> None:
    leaves = [f"leaf {number}".encode() for number in range(size)]
    frontier, nodes = grown(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_path(index, size, lambda level, n: nodes[level, n])
    changed = data.draw(st.sampled_from(["leaf", "index", "path"]))
    leaf, place = leaves[index], index
    if changed == "leaf":
        leaf += b"!"
    elif changed == "index":
        place = data.draw(st.integers(0, size).filter(lambda other: other != index))
    elif path:
        path[data.draw(st.integers(0, len(path) - 1))] = bytes(32)
    else:
        path = [bytes(32)]
    with contextlib.suppress(ValueError):
        assert merkle.root_from_path(leaf, index=place, size=size, path=path) != frontier.root()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 5), (5, 5)])
def test_a_place_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        merkle.inclusion_path(index, size, lambda *_: bytes(32))
    with pytest.raises(ValueError, match="does not fit"):
        merkle.root_from_path(b"", index=index, size=size, path=[])


def test_a_hash_of_another_length_is_no_hash() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        merkle.root_from_path(b"", index=0, size=2, path=[bytes(31)])


def test_a_frontier_reloaded_at_any_size_grows_on_alike() -> None:
    leaves = [f"leaf {number}".encode() for number in range(70)]
    _, nodes = grown(leaves)
    for size in range(70):
        again = merkle.Frontier(size, [nodes[place] for place in merkle.frontier_nodes(size)])
        for leaf in leaves[size:]:
            again.push(leaf)
        assert again.root() == naive_root(leaves)


def test_neighboring_sizes_never_share_a_root() -> None:
    roots = [naive_root([b"same"] * size) for size in range(40)]
    assert all(one != other for one, other in pairwise(roots))
