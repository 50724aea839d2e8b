"""A witness on the network: two addresses, no log-in, no state but the records.

Whatever is asked is answered in the loop's own thread, one request after the other: between the look
at a record and its change nothing else can happen.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import signal
from collections.abc import Callable
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from sandbox.errors import StartupRefusal
from sandbox.witness.memory import Memory
from sandbox.witness.request import LIMIT, PATH
from sandbox.witness.witness import Reply, Witness

log = logging.getLogger("sandbox.witness")
PATIENCE = 10.0
"""Seconds in which a body must have arrived, and that an idle connection is kept."""


class _Handler(RequestHandler):
    def initialize(self, witness: Witness) -> None:
        self.witness = witness

    def send(self, reply: Reply) -> None:
        self.set_status(reply.status)
        self.set_header("Content-Type", reply.content_type)
        self.finish(reply.body)

    def write_error(self, status_code: int, **_: object) -> None:
        self.send(Reply(status_code, "This is not something a witness answers.\n"))


class _Nothing(_Handler):
    def prepare(self) -> None:
        self.send(Reply(404, "A witness has nothing here.\n"))


class _Add(_Handler):
    def post(self) -> None:
        self.send(self.witness.add(self.request.body))


class _Latest(_Handler):
    def get(self, name: str) -> None:
        self.send(self.witness.latest(name))


def application(witness: Witness) -> Application:
    """Return the addresses of a witness."""
    shared = {"witness": witness}
    return Application(
        [(PATH, _Add, shared), (r"/([0-9a-f]{64})/checkpoint", _Latest, shared)],
        default_handler_class=_Nothing,
        default_handler_args=shared,
        log_function=_access,
    )


def _access(handler: RequestHandler) -> None:
    """Note what was refused; who asked is nobody's business."""
    status = handler.get_status()
    level = logging.WARNING if status >= http.client.BAD_REQUEST else logging.INFO
    log.log(level, "%s %d", handler.request.method, status)


async def serve(directory: Path, *, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Be the witness of ``directory`` until told to stop.

    Args:
        directory: what ``memory.create`` made.
        host: address to listen on.
        port: port to listen on; 0 for any free one.
        ready: called once with the port when requests are answered.

    Raises:
        StartupRefusal: the records are not fit, another process holds them, or the port is taken.
    """
    memory = Memory(directory)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    server = HTTPServer(
        application(Witness(memory)),
        max_body_size=LIMIT,
        idle_connection_timeout=PATIENCE,
        body_timeout=PATIENCE,
    )
    try:
        sockets = bind_sockets(port, address=host)
        server.add_sockets(sockets)
        ready(sockets[0].getsockname()[1])
        await stop.wait()
        server.stop()
        await server.close_all_connections()
    except OSError as error:
        raise StartupRefusal(f"The witness cannot listen on {host}:{port}: {error.strerror}.") from error
    finally:
        memory.close()
