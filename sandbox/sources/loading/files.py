"""Raw tables that are files, and copies that are files: what does not depend on the engine.

A copy is made under a temporary name beside its place, made durable, and takes its name in one step,
and only if the sources are as they were when their fingerprints were taken.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.policy.dataset import DatasetPolicy
from sandbox.sources.loading.protocol import unreadable

DIGEST_CHARS = 12
"""Of a copy's digest in its name."""
_State = tuple[str, int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """The source files of one dataset, and the directory its copies go to."""

    dataset: DatasetPolicy
    raw: Path
    """Directory with the source files."""
    target: Path
    """Directory of the copies."""
    reader_gid: int | None
    """Group that may read a copy besides its owner; None for nobody."""
    ending: str
    """Of a copy's name."""
    before: list[_State] = field(default_factory=list)
    """The files as they were when this was made; see :meth:`require_unchanged`."""

    def __post_init__(self) -> None:
        """Remember the files."""
        self.before.extend(self._states())

    def fingerprints(self) -> dict[str, str]:
        """Return the digest of each table's file, or of all files of its directory."""
        return {name: _sha256(self.source(name)) for name in self.dataset.tables}

    def source(self, table: str) -> Path:
        """Return where a table is read from."""
        return self.raw.resolve() / self.dataset.tables[table].source

    def location(self, digest: str) -> str:
        """Return the path of the copy with this digest."""
        name = f"{self.dataset.name}-{digest.removeprefix('sha256:')[:DIGEST_CHARS]}{self.ending}"
        return str(self.target.resolve() / name)

    def stands(self, location: str) -> bool:
        """Return whether the copy is there."""
        return Path(location).exists()

    @contextmanager
    def written(self, location: str) -> Iterator[Path]:
        """Give a path to write the copy to, and publish it if the block ends well.

        Raises:
            NotAnswerable: the sources changed meanwhile.
        """
        with TemporaryDirectory(dir=self.target, prefix=".load-") as directory:
            made = Path(directory) / Path(location).name
            yield made
            if self._states() != self.before:
                raise unreadable()
            _publish(made, Path(location), gid=self.reader_gid)

    def _states(self) -> list[_State]:
        files = [file for name in self.dataset.tables for file in parts_of(self.source(name))]
        found = [(str(file), file.stat()) for file in files]
        return [(name, state.st_ino, state.st_size, state.st_mtime_ns) for name, state in found]


def parts_of(source: Path) -> list[Path]:
    """Return the files of a source: itself, or what a directory holds under plain names."""
    if not source.is_dir():
        return [source]
    return sorted(
        part for part in source.rglob("*") if part.is_file() and not part.name.startswith((".", "_"))
    )


def _sha256(source: Path) -> str:
    if source.is_dir():
        parts = "".join(f"{_sha256(part)} {part.relative_to(source)}\n" for part in parts_of(source))
        return hashlib.sha256(parts.encode()).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _publish(made: Path, path: Path, *, gid: int | None) -> None:
    for part in [made, *sorted(made.rglob("*"))]:
        _make_durable(part)
        if gid is not None and part.stat().st_gid != gid:
            os.chown(part, -1, gid)
        mode = 0o600 if gid is None else 0o640
        part.chmod(mode | 0o100 | (0 if gid is None else 0o010) if part.is_dir() else mode)
    if path.is_dir():  # of which somebody removed a part
        shutil.rmtree(path)
    made.replace(path)
    _make_durable(path.parent)


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
