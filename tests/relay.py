"""A network between a program and a unix socket, which can die and live again.

Dead, it carries nothing and says nothing: no byte passes, no connection is refused, none is closed, as
where a cable was pulled.
"""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

CHUNK = 65_536
LOOK_AGAIN = 0.05


class Relay:
    """Carries every connection to 127.0.0.1 and :attr:`port` to ``target``."""

    def __init__(self, target: Path) -> None:
        self._target = str(target)
        self._alive = threading.Event()
        self._alive.set()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.settimeout(LOOK_AGAIN)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._alive.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def die(self) -> None:
        """Carry nothing from now on."""
        self._alive.clear()

    def live(self) -> None:
        """Carry again, also what waited."""
        self._alive.set()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            for end in (near, far):
                end.settimeout(LOOK_AGAIN)
            for source, sink in ((near, far), (far, near)):
                thread = threading.Thread(target=self._carry, args=(source, sink))
                self._threads.append(thread)
                thread.start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while not self._closed.is_set():
                try:
                    chunk = source.recv(CHUNK)
                except TimeoutError:
                    continue
                self._alive.wait()
                if not chunk:
                    break
                sink.sendall(chunk)
        except OSError:
            pass  # either end is gone; the other is told below
        finally:
            for end in (source, sink):
                end.close()
