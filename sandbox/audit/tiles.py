"""Export the log into a folder of static files that anybody can check (:mod:`sandbox.audit.layout`).

The folder says what the leaves say and no more: sealed texts stay in the database.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sqlalchemy import Connection, select

from sandbox.audit import checkpoint, reading
from sandbox.audit.layout import (
    CHECKPOINT,
    KEY,
    LEVEL_BITS,
    WIDTH,
    all_paths,
    bundle_path,
    levels,
    portions,
    tile_path,
)
from sandbox.audit.log import Log
from sandbox.errors import Refusal
from sandbox.store import tables


def export(log: Log, directory: Path, *, cosigned: bytes = b"") -> int:
    """Write the log as it is now into ``directory``, which may hold an older export of the same log.

    A file appears whole or not at all, and the checkpoint comes last, so whoever reads meanwhile
    finds a folder that verifies. Exporting again without new entries changes no file.

    Args:
        log: the log.
        directory: where to.
        cosigned: a checkpoint of this log with what witnesses added, to be exported in place of the last
            one; entries after it stay out, for no witness has seen them.

    Returns:
        How many entries the folder covers.

    Raises:
        Refusal: the log is still empty, the checkpoint is of another log, or the folder holds something
            else or cannot be written.
    """
    log.cover()
    with log.reading() as connection:
        head, note = reading.head(connection, origin=log.origin, key=log.key)
        if cosigned:
            head, note = checkpoint.read(cosigned, origin=log.origin, key=log.key), cosigned
        if not note:
            raise Refusal("log-empty", "The log has no entry yet, so there is nothing to export.")
        key = f"{log.key.note_text(log.origin)}\n".encode()
        try:
            _claim(directory, key)
            _write_bundles(connection, head.size, directory)
            _write_tiles(connection, head.size, directory)
            _write(directory / CHECKPOINT, note)
            _remove_outgrown(directory, head.size)
        except OSError as error:
            raise Refusal(
                "export-failed", f"The folder {directory} cannot be written: {error.strerror}."
            ) from error
    return head.size


def _claim(directory: Path, key: bytes) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if not any(directory.iterdir()):
        _write(directory / KEY, key)
    if not (directory / KEY).is_file() or (directory / KEY).read_bytes() != key:
        raise Refusal(
            "export-elsewhere",
            f"The folder {directory} holds something else than an export of this log.",
            allowed="Name a new folder or the one of an earlier export.",
        )


def _write_bundles(connection: Connection, size: int, directory: Path) -> None:
    entry = tables.entry.c
    for n, width in portions(size):
        first = n * WIDTH
        query = select(entry.leaf).where(entry.seq >= first, entry.seq < first + width).order_by(entry.seq)
        leaves = [reading.blob(leaf) for leaf in connection.scalars(query)]
        _write(directory / bundle_path(n, width), b"".join(len(leaf).to_bytes(2) + leaf for leaf in leaves))


def _write_tiles(connection: Connection, size: int, directory: Path) -> None:
    node = tables.node.c
    for level, count in levels(size):
        stored = select(node.hash).where(node.level == level * LEVEL_BITS).order_by(node.idx)
        for n, width in portions(count):
            first = n * WIDTH
            hashes = connection.scalars(stored.where(node.idx >= first, node.idx < first + width))
            _write(directory / tile_path(level, n, width), b"".join(reading.blob(value) for value in hashes))


def _write(path: Path, data: bytes) -> None:
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def _remove_outgrown(directory: Path, size: int) -> None:
    # Partial tiles of a smaller export, whose hashes the new ones repeat, and what a killed export left.
    expected = set(all_paths(size))
    for path in list((directory / "tile").rglob("*")):
        if path.is_file() and path.relative_to(directory).as_posix() not in expected:
            path.unlink()
            if path.parent.suffix == ".p" and not any(path.parent.iterdir()):
                path.parent.rmdir()
