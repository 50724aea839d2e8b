"""How far a sink has come, kept in a small file that every process of this machine shares.

The file says the place of the last record that the sink took, and that record's digest. It is locked
while a sink writes, so several processes that commit to one log write to one sink in the log's order.
It may lag behind the sink after a crash, never run ahead of it: what is delivered twice then bears the
same ``seq``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.audit.sinks.record import Delivered, SinkFailed

_LINE = re.compile(rb"([0-9]{20}) ([0-9a-f]{64})\n")


class Position:
    """The last record a sink took; usable only inside :meth:`held`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes away from this sink; waits for one that is writing.

        Raises:
            OSError: the file cannot be opened.
        """
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            give_to_owner_of_directory(self._file, self.path)
            yield
        finally:
            os.close(self._file)  # releases the lock too

    def last(self) -> tuple[int, str]:
        """Return place and digest of the last record; -1 and nothing where there is none.

        Raises:
            SinkFailed: the file holds something else.
        """
        data = os.pread(self._file, 128, 0)
        found = _LINE.fullmatch(data)
        if data and found is None:
            raise SinkFailed(
                f"{self.path} does not say how far the sink has come; remove it to send the whole log again."
            )
        return (int(found[1]), found[2].decode()) if found else (-1, "")

    def save(self, record: Delivered) -> None:
        """Remember ``record`` as the last one, durably.

        In place, by one write that is shorter than any disk's sector: a new file and a rename would
        cost a second fsync of the directory for each batch.
        """
        os.pwrite(self._file, f"{record.seq:020d} {digest_of(record)}\n".encode(), 0)
        os.fdatasync(self._file)


def digest_of(record: Delivered) -> str:
    """Return the SHA-256 of a record's leaf in hex."""
    return hashlib.sha256(record.leaf).hexdigest()


def give_to_owner_of_directory(file: int, path: Path) -> None:
    """Let a file that root made belong to whom its directory belongs: the gateway writes it too."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)
