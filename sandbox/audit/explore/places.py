"""Sets of places in the log, as whole numbers with a bit for each entry of one block.

A conjunction of facets is an AND of numbers of 8 KiB, and its count is their population count: at a
million entries both take microseconds, whatever the facets are.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

BLOCK: Final = 65_536
"""Entries of one block."""
ALL: Final = (1 << BLOCK) - 1
UNPACKED: Final = 4_096
"""Blocks that are kept unpacked, at most 9 KiB and their packed bytes each."""
Places = Mapping[int, int]
"""The bits of each block; a block without any is left out."""


def of(seqs: Iterable[int]) -> dict[int, int]:
    """Return the set of these places."""
    blocks: dict[int, bytearray] = {}
    for seq in seqs:
        block, bit = divmod(seq, BLOCK)
        held = blocks.get(block)
        if held is None:
            held = blocks[block] = bytearray(BLOCK // 8)
        held[bit >> 3] |= 1 << (bit & 7)
    return {block: int.from_bytes(held, "little") for block, held in blocks.items()}


def below(size: int) -> dict[int, int]:
    """Return the set of all places before ``size``."""
    full, rest = divmod(max(0, size), BLOCK)
    found = dict.fromkeys(range(full), ALL)
    if rest:
        found[full] = (1 << rest) - 1
    return found


def both(one: Places, other: Places) -> dict[int, int]:
    """Return what is in both sets."""
    found = {block: bits & other.get(block, 0) for block, bits in one.items()}
    return {block: bits for block, bits in found.items() if bits}


def either(one: Places, other: Places) -> dict[int, int]:
    """Return what is in one of the sets or in both."""
    return {block: one.get(block, 0) | other.get(block, 0) for block in {*one, *other}}


def count(places: Places) -> int:
    """Return how many places are in the set."""
    return sum(bits.bit_count() for bits in places.values())


def has(places: Places, seq: int) -> bool:
    """Whether ``seq`` is in the set; quick for a few, see :func:`members` for many."""
    return bool(places.get(seq // BLOCK, 0) >> seq % BLOCK & 1)


def members(places: Places, seqs: Iterable[int]) -> list[int]:
    """Return those of ``seqs`` that are in the set, in their order."""
    held = {block: bits.to_bytes(BLOCK // 8, "little") for block, bits in places.items()}
    nothing = bytes(BLOCK // 8)
    return [seq for seq in seqs if held.get(seq // BLOCK, nothing)[seq % BLOCK >> 3] >> (seq & 7) & 1]


def newest_first(places: Places) -> Iterator[int]:
    """Yield the places, the largest first."""
    for block in sorted(places, reverse=True):
        data = places[block].to_bytes(BLOCK // 8, "little")
        for index in range(len(data) - 1, -1, -1):
            byte = data[index]
            while byte:
                bit = byte.bit_length() - 1
                byte &= ~(1 << bit)
                yield block * BLOCK + index * 8 + bit


def pack(bits: int) -> bytes:
    """Return the bits of one block as they are stored."""
    plain = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    tight = zlib.compress(plain, 1)
    return b"z" + tight if 2 * len(tight) < len(plain) else b"p" + plain


@lru_cache(maxsize=UNPACKED)
def unpack(data: bytes) -> int:
    """Return what :func:`pack` was given; full blocks never change, so most are known from before."""
    return int.from_bytes(zlib.decompress(data[1:]) if data[:1] == b"z" else data[1:], "little")
