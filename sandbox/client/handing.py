"""Files on their way from a notebook to the gateway: read once, and only what is a plain file.

A link, a pipe or a device under the name of a result is refused, because its bytes are not those that
somebody looked at, and reading it may never end.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sandbox.client.answer import Answer
from sandbox.client.transport import Refused

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes; the gateway refuses a larger one, so it is not even read here."""
LARGEST_RECEIPT = 16 * 1024
Handed = Iterable[str | Path] | Mapping[str, "pd.DataFrame | str | Path"]
"""Paths; or names as the files shall bear them, each with a data frame or a path."""


@dataclass(frozen=True, slots=True)
class HandedFile:
    """One file as it is sent."""

    name: str
    content: bytes
    receipts: tuple[str, ...]
    """What stood beside the file, or in the answer it was made of."""

    def to_document(self) -> dict[str, str]:
        """Return it as the gateway reads it."""
        return {"name": self.name, "content": base64.b64encode(self.content).decode()}


def read_files(files: Handed) -> tuple[HandedFile, ...]:
    """Read everything that shall be handed in, each file once.

    Raises:
        Refused: a file is missing, no plain file, or too large; or there is none, or one name twice.
    """
    if isinstance(files, str | Path):
        raise Refused("files-malformed", "Files are given as a list.", allowed=f"Write [{str(files)!r}].")
    read = tuple(_named(files) if isinstance(files, Mapping) else map(_from_path, map(Path, files)))
    names = [file.name for file in read]
    if not read or len(set(names)) < len(names):
        raise Refused(
            "files-malformed",
            "There is no file, or two of them have the same name.",
            allowed="Name at least one file, and each name once.",
        )
    return read


def read_plain(path: Path, *, most: int) -> bytes:
    """Return the bytes of a regular file.

    The file is looked at after it is open, so nothing can be put in its place between look and read.

    Raises:
        Refused: it is missing, something else than a regular file, or larger than ``most``.
    """
    try:
        # O_NONBLOCK: opening a pipe would otherwise wait until somebody writes to it.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(
            "file-unreadable",
            f"{path.name} cannot be opened as a file of its own: {error.strerror}.",
            allowed="Name a file that exists; a link is not followed.",
        ) from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise Refused("file-unreadable", f"{path.name} is a directory, a pipe or a device.")
        if found.st_nlink > 1:
            raise Refused(
                "file-unreadable",
                f"{path.name} is a hard link: the same file has another name elsewhere.",
                allowed="Copy it to a file of its own, look at that, and hand it in.",
            )
        with open(handle, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(handle)
    if len(content) > most:
        raise Refused(
            "file-too-large",
            f"{path.name} has more than {most} bytes.",
            allowed="Aggregate; a result of some thousand rows is far smaller.",
        )
    return content


def receipts_beside(paths: Iterable[Path]) -> list[str]:
    """Return the receipts that stand beside ``paths`` as ``NAME.receipt``.

    Raises:
        Refused: what stands there is no plain file of ASCII.
    """
    return [receipt for path in paths for receipt in _receipt_beside(path)]


def _receipt_beside(path: Path) -> Iterator[str]:
    beside = path.with_name(path.name + ".receipt")
    if not beside.exists():
        return
    try:
        yield read_plain(beside, most=LARGEST_RECEIPT).decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise Refused("receipt-malformed", f"{beside.name} is not a receipt.") from error


def _named(files: Mapping[str, Any]) -> Iterator[HandedFile]:
    for name, content in files.items():
        if isinstance(content, pd.DataFrame):
            yield _from_frame(name, content)
        else:
            yield _from_path(Path(content), name=name)


def _from_path(path: Path, name: str = "") -> HandedFile:
    content = read_plain(path, most=LARGEST_FILE)
    return HandedFile(name or path.name, content, tuple(_receipt_beside(path)))


def _from_frame(name: str, frame: pd.DataFrame) -> HandedFile:
    # A receipt covers the answer's own bytes; a frame that was changed in place is no answer any more.
    if isinstance(frame, Answer) and frame.unchanged:
        return HandedFile(name, frame.csv, (frame.receipt,))
    return HandedFile(name, frame.to_csv(index=False).encode(), ())
