"""Receivers for tests of sinks: real sockets that read, that do not read, and that die."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Receiver:
    """A syslog receiver on a real socket; keeps the messages it read, whole ones only."""

    def __init__(self, listening: socket.socket, *, backlog: bool) -> None:
        self._listening = listening
        self._streams: list[socket.socket] = []
        self.messages: list[bytes] = []
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._accept if backlog else self._datagrams, daemon=True)
        self._thread.start()

    def wait_for(self, count: int, timeout: float = 10) -> list[bytes]:
        """Return the messages once there are ``count``."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.messages) >= count, timeout), len(self.messages)
            return list(self.messages)

    def drop_connections(self) -> None:
        """Close every open connection, as a restarting collector does."""
        for stream in self._streams:
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
        self._streams.clear()

    def close(self) -> None:
        """Die: no connection stands, none is accepted."""
        with suppress(OSError):  # wakes a blocked accept; a socket of datagrams says it is not connected
            self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listening.close()
        self.drop_connections()

    def _keep(self, found: list[bytes]) -> None:
        with self._arrived:
            self.messages += found
            self._arrived.notify_all()

    def _datagrams(self) -> None:
        while True:
            try:
                got = self._listening.recv(1 << 20)
            except OSError:
                return
            if not got:  # shut down
                return
            self._keep([got])

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._listening.accept()
            except OSError:
                return
            self._streams.append(stream)
            threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: socket.socket) -> None:
        data = b""
        with stream:
            while got := stream.recv(65536):
                found, data = unframed(data + got)
                self._keep(found)


def unframed(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole messages in a stream of octet-counted frames, and the rest."""
    found = []
    while (length := re.match(rb"([1-9][0-9]*) ", data)) and len(data) >= length.end() + int(length[1]):
        end = length.end() + int(length[1])
        found.append(data[length.end() : end])
        data = data[end:]
    return found, data


@contextmanager
def receiver(transport: str, place: Path | tuple[str, int]) -> Iterator[Receiver]:
    """Open a receiver: ``tcp``, ``udp``, ``unix`` (datagrams) or ``unix-stream``."""
    family = socket.AF_UNIX if transport.startswith("unix") else socket.AF_INET
    stream = transport in {"tcp", "unix-stream"}
    listening = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    if family == socket.AF_INET:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(str(place) if isinstance(place, Path) else place)
    if stream:
        listening.listen()
    opened = Receiver(listening, backlog=stream)
    try:
        yield opened
    finally:
        opened.close()


def free_port() -> int:
    """Return a TCP port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def deaf_listener() -> Iterator[int]:
    """Give the port of a server that accepts a connection and never reads from it."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])
