"""A regular file that is only ever appended to, one line a record, durable when ``write`` returns."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.audit.sinks.position import give_to_owner_of_directory
from sandbox.audit.sinks.record import Delivered, SinkFailed

Render = Callable[[Delivered], bytes]


def leaf_line(record: Delivered) -> bytes:
    """Return leaf and place as one line of canonical JSON, the leaf's own bytes inside."""
    return b'{"leaf":%s,"seq":%d}\n' % (record.leaf, record.seq)


class FileTarget:
    """Lines in a file.

    A line that a full disk or a crash cut off is ended and its record written once more, whole: no
    byte that was written is taken back, so the file may be append-only (``chattr +a``) and be
    followed by others. A cut line is never JSON. After rotation the new file is opened.

    Args:
        path: the file; made where missing, its directory is not.
        mode: permission bits for a new file; an existing one may not have more.
        render: a record's line, with its end.
    """

    def __init__(self, path: Path, *, mode: int, render: Render) -> None:
        self._path = path
        self._mode = mode
        self._render = render
        self._file = -1
        self._in_line = False

    def write(self, records: Sequence[Delivered]) -> None:
        """Append a line for each record and wait for the disk; see :class:`Target`."""
        try:
            self._open()
            start = b"\n" if self._in_line else b""
            rest = memoryview(start + b"".join(self._render(record) for record in records))
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fdatasync(self._file)
            self._in_line = False
        except BaseException:
            # Also after a failed fsync: the kernel may have dropped the pages, so they are written again.
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        if self._file >= 0 and not self._rotated():
            return
        self.close()
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._file = os.open(self._path, flags | os.O_CREAT | os.O_EXCL, self._mode)
        except FileExistsError:
            # Without waiting: a FIFO or a device in its place is told from a file before anything hangs.
            self._file = os.open(self._path, flags | os.O_NONBLOCK)
        else:
            os.fchmod(self._file, self._mode)  # whatever the umask
            give_to_owner_of_directory(self._file, self._path)
            _sync_directory(self._path.parent)
        self._check()

    def _check(self) -> None:
        found = os.fstat(self._file)
        if not stat.S_ISREG(found.st_mode):
            raise SinkFailed(f"{self._path} is not a regular file.")
        if stat.S_IMODE(found.st_mode) & ~self._mode:
            raise SinkFailed(f"{self._path} has more permission bits than {self._mode:04o}.")
        self._in_line = found.st_size > 0 and os.pread(self._file, 1, found.st_size - 1) != b"\n"

    def _rotated(self) -> bool:
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._file))
        except FileNotFoundError:
            return True


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
