"""Hears one side of a person's door, and never more than so many connections at once.

Guarantees: connections above the limit wait in the kernel, unheard, until one of the others ends; of one
person's connections one is taken in each turn of the event loop, so that whoever opens thousands delays
other people by one connection, not by thousands.

asyncio's own servers take up to a whole backlog of connections in one turn and know no limit; to abort those
beyond one costs as much as to hear them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

log = logging.getLogger("sandbox.door")

CONNECTIONS = 256
"""Of one person, on each side of their door; a browser with many notebooks open has some dozens."""
WAITING = 64
"""Connections that wait in the kernel; those that find no room there are told so by it."""
FAULT_SECONDS = 0.5
"""Until the next try where the door has no descriptors left."""
_CLOSING_SECONDS = 2.0
"""For what is under way to end by itself; what does not, a websocket say, is ended after twice as long."""

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Listener:
    """Answers what comes in on one socket.

    Args:
        bound: socket that has its address; closed by :meth:`close`.
        answer: gives each request its answer.
    """

    def __init__(self, bound: socket.socket, answer: Answer) -> None:
        self._socket = bound
        self._server = _Server(answer)
        self._hearing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._socket.setblocking(False)
        self._socket.listen(WAITING)
        self._hearing = asyncio.create_task(self._hear())

    async def close(self) -> None:
        """Stop listening and end every connection; those that wait are told so by the kernel."""
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)
        self._socket.close()
        self._server.pre_shutdown()
        await self._server.shutdown(_CLOSING_SECONDS)

    async def _hear(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._server.room.acquire()
            try:
                connection, _ = await loop.sock_accept(self._socket)
                # Makes the transport in a later turn of the loop, which lets everybody else have theirs.
                await loop.connect_accepted_socket(self._server, connection)
            except OSError as error:
                self._server.room.release()
                log.warning("not heard: reason=%s", error.strerror)
                await asyncio.sleep(FAULT_SECONDS)


class _Server(web.Server):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.room = asyncio.Semaphore(CONNECTIONS)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self.room.release()
