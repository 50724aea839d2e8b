"""How the log speaks to its signer: messages over a unix socket, the same for both ends.

The log sends the hashes of the entries ``[first, first + n)``. The signer answers with a signed checkpoint
that covers them, or with the place from which it has to be told, or that it refuses. A message
without hashes asks for the checkpoint that it signed last.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sandbox.audit.merkle import HASH_SIZE
from sandbox.audit.signer import MOST_AT_ONCE

_LENGTH = struct.Struct(">I")
_FIRST = struct.Struct(">Q")
_PEER = struct.Struct("3i")
MESSAGE_LIMIT = _FIRST.size + MOST_AT_ONCE * HASH_SIZE


class Kind(Enum):
    """What an answer is."""

    NOTE = b"N"
    """A signed checkpoint follows."""
    FROM = b"F"
    """The place follows, as 8 bytes, from which the signer has to be told."""
    REFUSED = b"R"
    """Nothing was signed."""


@dataclass(frozen=True, slots=True)
class Told:
    """One message of the log."""

    first: int
    hashes: Sequence[bytes]

    @property
    def end(self) -> int:
        """The size of the tree with these hashes."""
        return self.first + len(self.hashes)

    def pack(self) -> bytes:
        """Return its bytes."""
        return _FIRST.pack(self.first) + b"".join(self.hashes)

    @classmethod
    def unpack(cls, message: bytes) -> Told:
        """Read what :meth:`pack` wrote.

        Raises:
            ValueError: it is something else.
        """
        if len(message) < _FIRST.size or (len(message) - _FIRST.size) % HASH_SIZE:
            raise ValueError("not a message of the log")
        hashes = [message[at : at + HASH_SIZE] for at in range(_FIRST.size, len(message), HASH_SIZE)]
        return cls(_FIRST.unpack_from(message)[0], hashes)


def pack_place(place: int) -> bytes:
    """Return the bytes of a place."""
    return _FIRST.pack(place)


def unpack_place(data: bytes) -> int:
    """Read what :func:`pack_place` wrote.

    Raises:
        ValueError: it is something else.
    """
    if len(data) != _FIRST.size:
        raise ValueError("not a place")
    return int(_FIRST.unpack(data)[0])


def send(connection: socket.socket, message: bytes) -> None:
    """Send one message."""
    connection.sendall(_LENGTH.pack(len(message)) + message)


def receive(connection: socket.socket) -> bytes | None:
    """Return one message; None where the other end has closed.

    Raises:
        ValueError: it is longer than any message.
    """
    head = _exactly(connection, _LENGTH.size)
    if head is None:
        return None
    length = _LENGTH.unpack(head)[0]
    if length > MESSAGE_LIMIT:
        raise ValueError("longer than any message")
    return _exactly(connection, length)


def peer(connection: socket.socket) -> int:
    """Return the uid of the process at the other end, as the kernel knows it (unix(7), SO_PEERCRED)."""
    return int(_PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[1])


def trusted(uid: int, others: Sequence[int]) -> bool:
    """Whether a peer is this process's own user, root, or one of ``others``."""
    return uid in {0, os.geteuid(), *others}


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    data = bytearray()
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            return None
        data += part
    return bytes(data)
