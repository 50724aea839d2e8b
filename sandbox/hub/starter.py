"""``python -m sandbox.hub.starter``: the one process that speaks to Docker where the hub runs in a container.

Whoever may use Docker's socket is root on the machine. So the hub does not get it; it asks the starter, which
knows two sentences only. To the hub: *start, look at, or stop the notebook of this person*; image, command,
hardening, mounts and missing network are the starter's own (:func:`sandbox.hub.docker.hardening`), of the hub
it takes a name, a size, a uid above the notebooks' first, and the notebook's environment. To the gateway:
*read this file in a container that is thrown away* (:mod:`sandbox.hub.screener`).

Only root and the gateway can open its unix socket, and the kernel says which of them connects.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import docker
from aiohttp import web
from docker.errors import DockerException, NotFound

from sandbox.door.relay import problem
from sandbox.door.sockets import peer_uid
from sandbox.errors import Malformed, StartupRefusal
from sandbox.hub.docker import HEALTH, OWNER_LABEL, hardening
from sandbox.hub.images import notebook_image
from sandbox.hub.screener import LARGEST_ORDER, Screener
from sandbox.hub.spawner import INSIDE_HOME, INSIDE_IN, INSIDE_OUT, command_inside
from sandbox.policy.load import load_notebooks
from sandbox.policy.names import PERSON_NAME
from sandbox.policy.notebooks import NotebooksPolicy
from sandbox.review.screen.remote import PATH as SCREENINGS
from sandbox.settings import Settings

MARK = "starter"
"""Value of the owner's label: one starter a machine."""
STOP_SECONDS = 5
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = logging.getLogger("sandbox.starter")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Where the directories that notebooks are given lie, as the Docker daemon sees them."""

    people: Path
    """Of the doors' people: below each name, ``out`` and ``in``."""
    homes: Path
    """What stays with people between notebooks."""
    image: str
    uid_base: int
    notebooks: NotebooksPolicy
    """Read by the starter itself: the hub names a size and does not say what it is."""
    runtime: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One notebook to start."""

    name: str
    uid: int
    size: str
    environment: Mapping[str, str]

    @classmethod
    def parse(cls, name: str, body: bytes, *, uid_base: int) -> Order:
        """Read what the hub sent.

        Raises:
            Malformed: it is anything but an order.
        """
        try:
            document = json.loads(body)
            uid, size, environment = document["uid"], document["size"], document["environment"]
        except (ValueError, KeyError, TypeError) as error:
            raise Malformed(
                "order", 'The body must be {"uid": NUMBER, "size": NAME, "environment": {...}}.'
            ) from error
        if type(uid) is not int or uid <= uid_base:
            raise Malformed("order-uid", "This is no notebook's uid.")
        if not isinstance(environment, dict) or not all(isinstance(v, str) for v in environment.values()):
            raise Malformed("order-environment", "The environment must be names with texts.")
        if not isinstance(size, str):
            raise Malformed("order-size", "The size must be one of the policy's names.")
        return cls(name=name, uid=uid, size=size, environment=environment)


class Starter:
    """Starts, looks at and stops notebooks, and nothing else."""

    def __init__(self, client: docker.DockerClient, ground: Ground) -> None:
        self._client = client
        self._ground = ground

    def start(self, order: Order) -> None:
        """Start the notebook of ``order``; one of the same person that is still there goes first.

        Raises:
            Malformed: the policy has no such size.
        """
        size = self._ground.notebooks.sizes.get(order.size)
        if size is None:
            raise Malformed("order-size", "The size must be one of the policy's names.")
        self.stop(order.name)
        people = self._ground.people / order.name
        binds = {
            str(people / "out"): {"bind": INSIDE_OUT, "mode": "ro"},
            str(people / "in"): {"bind": INSIDE_IN, "mode": "rw"},
            str(self._ground.homes / order.name): {"bind": INSIDE_HOME, "mode": "rw"},
        }
        self._client.containers.run(
            self._ground.image,
            command_inside(self._ground.notebooks),
            name=_container(order.name),
            detach=True,
            environment=dict(order.environment),
            user=f"{order.uid}:{order.uid}",
            hostname="notebook",
            working_dir=INSIDE_HOME,
            labels={OWNER_LABEL: MARK},
            volumes=binds,
            healthcheck=HEALTH,
            **hardening(size, runtime=self._ground.runtime),
        )

    def runs(self, name: str) -> bool:
        """Whether the person's notebook runs."""
        found = self._find(name)
        return found is not None and found.status == "running"

    def stop(self, name: str) -> None:
        """Stop the person's notebook and remove its container; nothing happens where there is none."""
        found = self._find(name)
        if found is not None:
            found.stop(timeout=STOP_SECONDS)
            found.remove(force=True, v=True)

    def _find(self, name: str) -> Any:
        try:
            found = self._client.containers.get(_container(name))
        except NotFound:
            return None
        return found if found.labels.get(OWNER_LABEL) == MARK else None


def _container(name: str) -> str:
    return f"sandbox-notebook-{name}"


def application(starter: Starter, screener: Screener, *, uid_base: int, gateway: int) -> web.Application:
    """Return what answers on the socket.

    Args:
        starter: of notebooks, for the hub, which has this process's own uid.
        screener: of files, for the gateway.
        uid_base: no notebook has a uid as low.
        gateway: the gateway's uid.
    """

    async def put(request: web.Request) -> web.StreamResponse:
        order = Order.parse(_person(request), await request.read(), uid_base=uid_base)
        await asyncio.to_thread(starter.start, order)
        return web.Response(status=HTTPStatus.CREATED)

    async def get(request: web.Request) -> web.StreamResponse:
        return web.json_response({"runs": await asyncio.to_thread(starter.runs, _person(request))})

    async def delete(request: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(starter.stop, _person(request))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def screen(request: web.Request) -> web.StreamResponse:
        answer = await asyncio.to_thread(screener.screen, await request.read())
        if answer is None:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The file was not read within its limits.")
        return web.Response(body=answer)

    app = web.Application(client_max_size=LARGEST_ORDER)
    app.router.add_put("/notebooks/{name}", _for(os.geteuid(), put))
    app.router.add_get("/notebooks/{name}", _for(os.geteuid(), get))
    app.router.add_delete("/notebooks/{name}", _for(os.geteuid(), delete))
    app.router.add_post(SCREENINGS, _for(gateway, screen))
    return app


def _for(uid: int, work: Handler) -> Handler:
    """Let ``work`` be done for whoever connects with ``uid``, and turn its errors into sentences."""

    async def handle(request: web.Request) -> web.StreamResponse:
        peer = request.transport.get_extra_info("socket") if request.transport else None
        if peer is None or peer_uid(peer) != uid:
            return problem(HTTPStatus.FORBIDDEN, "This order is another's to give.")
        try:
            return await work(request)
        except Malformed as refusal:
            return problem(HTTPStatus.BAD_REQUEST, refusal.sentence)
        except DockerException:
            log.exception("Docker refused")
            return problem(HTTPStatus.BAD_GATEWAY, "Docker refused.")

    return handle


def _person(request: web.Request) -> str:
    name = request.match_info["name"]
    if PERSON_NAME.fullmatch(name) is None:
        raise Malformed("order-person", "This is no person's name.")
    return name


def ground_of(client: docker.DockerClient, settings: Settings) -> Ground:
    """Find out from Docker where this container's own directories lie on the machine.

    Raises:
        StartupRefusal: it runs in no container of this daemon, or one of the directories is no mount of it.
    """
    try:
        mounts = client.containers.get(socket.gethostname()).attrs["Mounts"]
    except DockerException as error:
        raise StartupRefusal("The starter must run in a container of the daemon it speaks to.") from error
    lies = {Path(mount["Destination"]): Path(mount["Source"]) for mount in mounts}
    try:
        return Ground(
            people=lies[settings.run / "door"] / "people",
            homes=lies[settings.home / "notebooks"],
            image=notebook_image(),
            uid_base=settings.notebook_uid_base,
            notebooks=load_notebooks(settings.policies),
            runtime=settings.runtime,
        )
    except KeyError as error:
        raise StartupRefusal(f"The starter's container needs a mount at {error.args[0]}.") from error


async def serve(settings: Settings) -> None:
    """Answer until SIGTERM or SIGINT.

    Raises:
        StartupRefusal: Docker does not answer, or does not know this container.
    """
    try:
        client = docker.from_env(timeout=60)
    except DockerException as error:
        raise StartupRefusal("No Docker daemon answers.") from error
    starter = Starter(client, ground_of(client, settings))
    screener = Screener(client)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    answers = application(
        starter, screener, uid_base=settings.notebook_uid_base, gateway=settings.gateway_uid
    )
    runner = web.AppRunner(answers, access_log=None)
    await runner.setup()
    path = settings.starter_socket
    path.unlink(missing_ok=True)
    os.umask(0o117)  # the directory gives the socket the gateway's group
    await web.UnixSite(runner, str(path)).start()
    await stop.wait()
    await runner.cleanup()


def main() -> int:
    """Return the exit status."""
    logging.basicConfig(level=logging.INFO)
    try:
        asyncio.run(serve(Settings.from_environment()))
    except StartupRefusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
