"""Two servers of one gateway: the door's unix socket, the console's loopback port.

They share nothing but the gateway: the socket knows tokens only, the port knows log-ins only, and
each has its own table of routes.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import secrets
import signal
import socket
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jupyterhub.services.auth import HubAuth  # type: ignore[import-untyped]  # it ships no types
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets, bind_unix_socket
from tornado.web import Application, RequestHandler

from sandbox.errors import StartupRefusal, where
from sandbox.gateway import Gateway
from sandbox.notices.running import Notices
from sandbox.policy.load import load_notifications
from sandbox.policy.roles import Channel
from sandbox.settings import Settings
from sandbox.web import session
from sandbox.web.console import Callback, ConsoleFront
from sandbox.web.door import DoorFront, DoorReports
from sandbox.web.front import DRAIN, Site
from sandbox.web.languages import translatable
from sandbox.web.routes import DOOR_PREFIX
from sandbox.web.session import ConsoleAuth

WORKERS = 16
"""Requests worked on at once; the engine and the log have their own, smaller limits."""
WAITING = 128
"""Questions whose answers may be held back at once; at most ``pace.AT_ONCE`` of them are worked on."""
GRACE = 10.0
"""Seconds that running requests get when the server is told to stop."""
SETTLE_SECONDS = 300.0
"""How often releases are looked after that nobody is asking about."""
FOLLOW_SECONDS = 1.0
"""How often new entries are made searchable, and how long one step of it may take."""
SOCKET_MODE = 0o660
HEADER_LIMIT = 32 * 1024
"""Bytes of a request's headers."""
EVALUATION_BUBBLEWRAP = translatable(
    "Evaluation mode: notebooks are separated by bubblewrap, without a container's limits."
)
EVALUATION_ONE_UID = translatable(
    "Evaluation mode: all parts run under one user, because root did not start them."
)
log = logging.getLogger("sandbox.web")


def isolation_note(settings: Settings) -> str:
    """Return what every page says where the sandbox runs with less than full isolation, a sentence a line."""
    bubblewrap = EVALUATION_BUBBLEWRAP if settings.isolation == "bubblewrap" else ""
    one_uid = EVALUATION_ONE_UID if os.geteuid() != settings.gateway_uid else ""
    return f"{bubblewrap}\n{one_uid}".strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Pools:
    """The worker threads of both servers."""

    work: ThreadPoolExecutor
    waiting: ThreadPoolExecutor


def door_application(gateway: Gateway, pools: Pools, auth: HubAuth) -> Application:
    """Return the application behind the door's socket."""
    site = Site(
        gateway=gateway, pool=pools.work, waiting=pools.waiting, channel=Channel.NOTEBOOK, prefix=DOOR_PREFIX
    )
    return Application(
        [(DoorReports.PATH, DoorReports, {"site": site}), (r".*", DoorFront, {"site": site, "auth": auth})],
        log_function=_access,
    )


def console_application(gateway: Gateway, pools: Pools, auth: ConsoleAuth) -> Application:
    """Return the console's application; its log-ins live as long as this process."""
    note = isolation_note(gateway.settings)
    site = Site(
        gateway=gateway,
        pool=pools.work,
        waiting=pools.waiting,
        channel=Channel.CONSOLE,
        prefix="",
        isolation_note=note,
    )
    shared = {"site": site, "auth": auth}
    return Application(
        [(r"/oauth_callback", Callback, shared), (r".*", ConsoleFront, shared)],
        cookie_secret=secrets.token_bytes(32),
        xsrf_cookie_kwargs={"httponly": True, "samesite": "Lax"},
        log_function=_access,
    )


async def serve(settings: Settings, *, ready: Callable[[str], None] = print) -> None:
    """Open the gateway, answer until told to stop, then let running requests end.

    Args:
        settings: where everything is.
        ready: called once with one line when both servers listen.

    Raises:
        StartupRefusal: the gateway, a key, the socket or the port is not fit.
        Unavailable: the log cannot be written.
    """
    gateway = Gateway.open(settings)
    notices = Notices(
        settings,
        books=gateway.books,
        policies=gateway.policies,
        notifications=load_notifications(settings.policies),
    )
    door_auth, console_auth = session.door_auth(settings), session.console_auth(settings)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        # Set explicitly: a process started in the background inherits an ignored SIGINT.
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with (
        ThreadPoolExecutor(WORKERS, thread_name_prefix="gateway") as pool,
        ThreadPoolExecutor(WAITING, thread_name_prefix="questions") as waiting,
    ):
        pools = Pools(work=pool, waiting=waiting)
        door = _server(door_application(gateway, pools, door_auth), settings)
        console = _server(console_application(gateway, pools, console_auth), settings)
        _listen(door, console, settings)
        # Nothing is accepted before the loop runs on; and whoever holds the socket is the only server.
        gateway.begin_serving()
        notices.start()
        settling = asyncio.create_task(_settle_now_and_then(gateway, pool))
        following = asyncio.create_task(_follow_now_and_then(gateway, pool))
        ready(f"gateway ready: {settings.gateway_socket} and {settings.console_url}")
        await stop.wait()
        settling.cancel()
        following.cancel()
        for server in (door, console):
            server.stop()
        await _close(door, console)
        gateway.pace.end()
    notices.end(patience=GRACE)
    gateway.close()
    settings.gateway_socket.unlink(missing_ok=True)


async def _follow_now_and_then(gateway: Gateway, pool: ThreadPoolExecutor) -> None:
    """Keep what the log is searched by near the log, in short steps, so that no search has to wait for it."""
    while True:
        left = 0
        try:
            step = partial(gateway.explorer.follow, patience=FOLLOW_SECONDS)
            left = await asyncio.get_running_loop().run_in_executor(pool, step)
        except Exception as fault:  # noqa: BLE001  # as below: the next search will say what is wrong
            log.error("following: %s", where(fault))  # noqa: TRY400  # its text may hold data
        await asyncio.sleep(0 if left else FOLLOW_SECONDS)


async def _settle_now_and_then(gateway: Gateway, pool: ThreadPoolExecutor) -> None:
    """Finish releases that were left half sealed, and expire packages whose time is over."""
    while True:
        await asyncio.sleep(SETTLE_SECONDS)
        try:
            await asyncio.get_running_loop().run_in_executor(pool, gateway.desk.settle)
        except Exception as fault:  # noqa: BLE001  # one failed round must not end all later ones
            log.error("releases were not settled: %s", where(fault))  # noqa: TRY400  # its text may hold data


def _server(application: Application, settings: Settings) -> HTTPServer:
    return HTTPServer(
        application,
        max_body_size=settings.body_limit * DRAIN,
        max_header_size=HEADER_LIMIT,
        idle_connection_timeout=60,
        body_timeout=60,
    )


def _listen(door: HTTPServer, console: HTTPServer, settings: Settings) -> None:
    path = settings.gateway_socket
    try:
        _remove_stale(path)
        door.add_socket(bind_unix_socket(str(path), mode=SOCKET_MODE))
        console.add_sockets(bind_sockets(settings.console_port, address=settings.console_listen))
    except (OSError, ValueError) as error:
        raise StartupRefusal(
            f"The gateway cannot listen on {path} and {settings.console_url}; is another one running?"
        ) from error


def _remove_stale(path: Path) -> None:
    """Remove the socket of a gateway that is gone; one that answers stays and makes the start fail."""
    if not path.exists() or not stat.S_ISSOCK(path.lstat().st_mode):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise OSError(errno.EADDRINUSE, "another gateway answers on this socket")


async def _close(*servers: HTTPServer) -> None:
    """Wait for open connections to end, but not longer than :data:`GRACE`."""
    try:
        await asyncio.wait_for(asyncio.gather(*(server.close_all_connections() for server in servers)), GRACE)
    except TimeoutError:
        log.warning("requests were still running after %.0f s", GRACE)


def _access(handler: RequestHandler) -> None:
    """Note method, status and duration; addresses may hold names of files and people."""
    request = handler.request
    log.info("%s %d %.0f ms", request.method, handler.get_status(), 1000 * request.request_time())
