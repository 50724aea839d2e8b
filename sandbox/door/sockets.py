"""Sockets that belong to whom they should.

A notebook owns the directory its server listens in, so it may put anything there: a link to the Docker
daemon's socket, say. Opening the name without following links, looking at what was opened, and
connecting to exactly that leaves no moment in which it can be swapped.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER_SOCKET = "server.sock"
DOOR_SOCKET = "door.sock"
_UCRED = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


class NotTheirs(Exception):  # a decision, not an error
    """What lies under the name is not a socket of this person's server."""


@contextmanager
def checked_socket(directory: Path, *, uid: int) -> Iterator[str]:
    """Yield a path that connects to the server socket in ``directory``, and to nothing else.

    Raises:
        NotTheirs: there is no such socket, or it is a link, another kind of file, or another uid's.
    """
    try:
        folder = os.open(directory, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise NotTheirs("there is no directory for the server's socket") from error
    try:
        found = os.open(SERVER_SOCKET, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        raise NotTheirs("the server has not made its socket") from error
    finally:
        os.close(folder)
    try:
        about = os.fstat(found)
        if not stat.S_ISSOCK(about.st_mode) or about.st_uid != uid:
            raise NotTheirs("what lies in the place of the server's socket is not one")
        yield f"/proc/self/fd/{found}"
    finally:
        os.close(found)


def peer_uid(connection: socket.socket) -> int:
    """Return the uid of the process at the other end of a unix socket, as the kernel saw it connect."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    uid: int = _UCRED.unpack(raw)[1]
    return uid
