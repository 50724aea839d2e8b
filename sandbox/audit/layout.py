"""Where an exported log keeps what: paths and widths of C2SP tlog-tiles, as pure functions.

::

    checkpoint                    the signed head of the log
    log.pub                       the verifier key name+id+key (ours; the rest is the specification's)
    tile/<level>/<n>              256 hashes: leaf hashes on level 0, above it roots of full tiles below
    tile/<level>/<n>.p/<width>    the last tile of a level while it is not full
    tile/entries/<n>[.p/<width>]  the leaves, each after its length as two bytes, in the same portions

See https://c2sp.org/tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Iterator

WIDTH = 256
"""Hashes of a full tile, leaves of a full bundle."""
LEVEL_BITS = 8
"""Levels of the tree that one level of tiles spans."""
CHECKPOINT = "checkpoint"
KEY = "log.pub"


def portions(count: int) -> Iterator[tuple[int, int]]:
    """Return ``(n, width)`` of the tiles that hold ``count`` hashes of one level."""
    for n in range(-(-count // WIDTH)):
        yield n, min(WIDTH, count - n * WIDTH)


def levels(size: int) -> Iterator[tuple[int, int]]:
    """Return ``(level, hashes)`` of each tile level of a tree of ``size`` leaves."""
    level = 0
    while size:
        yield level, size
        level, size = level + 1, size >> LEVEL_BITS


def tile_path(level: int, n: int, width: int) -> str:
    """Return the path of a tile of hashes."""
    return _path(str(level), n, width)


def bundle_path(n: int, width: int) -> str:
    """Return the path of a bundle of leaves."""
    return _path("entries", n, width)


def all_paths(size: int) -> Iterator[str]:
    """Return the path of every bundle and tile of a log of ``size`` entries."""
    for n, width in portions(size):
        yield bundle_path(n, width)
    for level, count in levels(size):
        for n, width in portions(count):
            yield tile_path(level, n, width)


def _path(folder: str, n: int, width: int) -> str:
    digits = f"{n % 1000:03d}"
    while n := n // 1000:
        digits = f"x{n % 1000:03d}/{digits}"
    return f"tile/{folder}/{digits}" + ("" if width == WIDTH else f".p/{width}")
