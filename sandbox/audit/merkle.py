"""The Merkle tree of RFC 6962 (and RFC 9162, which kept it): roots, growth, both kinds of proof.

Pure functions of bytes; where hashes are stored is the caller's business. A node ``(level, index)``
is the root of the complete subtree over leaves ``[index * 2**level, (index + 1) * 2**level)``.
hashlib on purpose, not the library of the signatures: it is about nine times as fast on 64 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256().digest()
"""Root of the tree without leaves (RFC 6962, 2.1)."""

Fetch = Callable[[int, int], bytes]
"""Gives the stored hash of node ``(level, index)``."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf) (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right) (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """A growing tree, kept as the roots of its complete subtrees: at most one a bit of its size."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size.bit_count() != len(hashes):
            raise ValueError("a frontier has one hash for each bit of its size")
        self.size = size
        self._hashes = list(hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The roots of its complete subtrees, largest first."""
        return tuple(self._hashes)

    def copy(self) -> Frontier:
        """Return a tree of its own that is equal now."""
        return Frontier(self.size, self._hashes)

    def push(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Append one leaf; return the nodes ``(level, index, hash)`` that it completed."""
        return self.push_hash(leaf_hash(leaf))

    def push_hash(self, value: bytes) -> list[tuple[int, int, bytes]]:
        """Append the leaf with this hash; see :meth:`push`."""
        level, index = 0, self.size
        complete = [(level, index, value)]
        while index % 2:
            value = node_hash(self._hashes.pop(), value)
            level, index = level + 1, index // 2
            complete.append((level, index, value))
        self._hashes.append(value)
        self.size += 1
        return complete

    def root(self) -> bytes:
        """Return the root of the tree as it is now."""
        if not self._hashes:
            return EMPTY_ROOT
        *others, value = self._hashes
        for left in reversed(others):
            value = node_hash(left, value)
        return value


def frontier_nodes(size: int) -> list[tuple[int, int]]:
    """Return ``(level, index)`` of the complete subtrees of a tree of ``size``, largest first."""
    return [(level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1]


def inclusion_path(index: int, size: int, fetch: Fetch) -> list[bytes]:
    """Return PATH(index, D[size]) (RFC 9162, 2.1.3.1), the leaf's sibling first.

    Raises:
        ValueError: the tree of ``size`` has no leaf ``index``.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_hash(middle, high, fetch))
            high = middle
        else:
            path.append(_range_hash(low, middle, fetch))
            low = middle
    return path[::-1]


def root_from_path(leaf: bytes, *, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2).

    Raises:
        ValueError: the proof cannot belong to a tree of ``size``.
    """
    if not 0 <= index < size or any(len(item) != HASH_SIZE for item in path):  # (1)
        raise ValueError("the proof does not fit the tree")
    fn, sn = index, size - 1  # (2)
    root = leaf_hash(leaf)  # (3)
    for item in path:  # (4)
        if sn == 0:
            raise ValueError("the proof is too long for the tree")
        if fn % 2 or fn == sn:
            root = node_hash(item, root)
            while fn % 2 == 0 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node_hash(root, item)
        fn, sn = fn >> 1, sn >> 1
    if sn:  # (5); comparing the root is the caller's
        raise ValueError("the proof is too short for the tree")
    return root


def consistency_path(old: int, new: int, fetch: Fetch) -> list[bytes]:
    """Return PROOF(old, D[new]) (RFC 9162, 2.1.4.1): that the larger tree only added to the smaller.

    Raises:
        ValueError: there is nothing to prove about these sizes.
    """
    if not 0 < old <= new:
        raise ValueError("no consistency is shown between these sizes")
    path: list[bytes] = []
    low, high = 0, new
    while old < high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_hash(middle, high, fetch))
            high = middle
        else:
            path.append(_range_hash(low, middle, fetch))
            low = middle
    if low:  # the smaller tree is no complete subtree from the left, so its last part is named first
        path.append(_range_hash(low, high, fetch))
    return path[::-1]


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Return if ``path`` proves that the tree ``new`` begins with the tree ``old`` (RFC 9162, 2.1.4.2).

    The empty tree is refused: everything begins with it, so a proof about it shows nothing, and a
    caller who has seen no tree yet must decide that for itself.

    Raises:
        ValueError: it does not prove that.
    """
    if not 0 < old <= new or any(len(item) != HASH_SIZE for item in (old_root, new_root, *path)):
        raise ValueError("the proof does not fit the trees")
    if old == new:
        if path or old_root != new_root:
            raise ValueError("two trees of one size are the same tree or have nothing in common")
        return
    # (2): a smaller tree that is a complete subtree is known by its root and not sent again
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not hashes:  # (1)
        raise ValueError("the proof is too short for the trees")
    if _both_roots(hashes, old, new) != (old_root, new_root):  # (7)
        raise ValueError("the larger tree does not begin with the smaller")


def _both_roots(hashes: Sequence[bytes], old: int, new: int) -> tuple[bytes, bytes]:
    fn, sn = old - 1, new - 1  # (3)
    while fn % 2:  # (4)
        fn, sn = fn >> 1, sn >> 1
    old_root = new_root = hashes[0]  # (5)
    for item in hashes[1:]:  # (6)
        if sn == 0:
            raise ValueError("the proof is too long for the trees")
        if fn % 2 or fn == sn:
            old_root, new_root = node_hash(item, old_root), node_hash(item, new_root)
            while fn % 2 == 0 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            new_root = node_hash(new_root, item)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ValueError("the proof is too short for the trees")
    return old_root, new_root


def _split(count: int) -> int:
    """Return the largest power of two smaller than ``count`` (RFC 6962, 2.1)."""
    return 1 << (count - 1).bit_length() - 1


def _range_hash(low: int, high: int, fetch: Fetch) -> bytes:
    count = high - low
    if count & (count - 1) == 0:  # complete: ranges of a tree always start at a multiple of their size
        return fetch(count.bit_length() - 1, low // count)
    middle = low + _split(count)
    return node_hash(_range_hash(low, middle, fetch), _range_hash(middle, high, fetch))
