"""Stops notebooks at once, whether the hub answers or not.

Three steps, the same for both ways of isolation: (1) whatever runs of the persons concerned is killed
directly, containers by their labels and namespaces by their door's directory; (2) the hub is told, which
clears up after them and breaks off starts that were under way; (3) what such a start still brought up is
killed too. A process is never asked to end: it may be the one that the stop is about. Where the hub runs in
a container, and so the starter its notebooks, (2) is the only way.

Needs the rights of whoever runs the hub.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from docker.errors import APIError, NotFound

from sandbox.hub import images
from sandbox.hub.config import FREEZER_TOKEN, hub_directory
from sandbox.hub.docker import OWNER_LABEL, PERSON_LABEL, sandbox_mark
from sandbox.hub.own_secret import own_secret
from sandbox.hub.spawner import INSIDE_OUT
from sandbox.settings import Settings

HUB_SECONDS = 15.0
"""How long the hub may take to clear up."""
DEATH_SECONDS = 5.0
"""How long the kernel may take to end what it was told to kill."""
AT_ONCE = 8
"""Notebooks that the hub is told of at the same time."""
PAGE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """What was stopped, by person."""

    people: tuple[str, ...] = ()
    """Whose notebooks ran, by name."""
    left: tuple[str, ...] = ()
    """Whose notebooks still ran at the end; empty unless the machine is in trouble."""
    hub_answered: bool = True
    """False where the hub did not answer: it may show notebooks that are gone until it looks again."""


def stop_notebooks(settings: Settings, people: frozenset[str]) -> Stopped:
    """Stop every notebook of ``people`` and return once nothing of them runs."""
    killed = _kill(settings, people)
    answered, told = asyncio.run(_tell_hub(settings, people))
    late = _kill(settings, people)
    left = frozenset(one.person for one in _running(settings, people))
    return Stopped(
        people=tuple(sorted(killed | told | late)), left=tuple(sorted(left)), hub_answered=answered
    )


@dataclass(frozen=True, slots=True)
class _Container:
    person: str
    handle: Any

    def kill(self) -> None:
        with suppress(NotFound, APIError):  # gone already, or going
            self.handle.remove(force=True, v=True)


@dataclass(frozen=True, slots=True)
class _Caged:
    person: str
    pid: int
    words: bytes
    """Its command line: what tells it from a process that was given the same number later."""

    def kill(self) -> None:
        with suppress(ProcessLookupError, FileNotFoundError):
            handle = os.pidfd_open(self.pid)
            try:
                if _command(self.pid) == self.words:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                    select.select([handle], [], [], DEATH_SECONDS)
            finally:
                os.close(handle)


def _kill(settings: Settings, people: frozenset[str]) -> frozenset[str]:
    found = _running(settings, people)
    for one in found:
        one.kill()
    return frozenset(one.person for one in found)


def _running(settings: Settings, people: frozenset[str]) -> list[_Container | _Caged]:
    return [*_containers(settings, people), *_caged(settings, people)]


def _containers(settings: Settings, people: frozenset[str]) -> Iterator[_Container]:
    client = images.docker_client()
    if client is None:
        return
    labels = [f"{OWNER_LABEL}={sandbox_mark(settings)}"]
    # sparse: a container may go while its details are fetched
    for container in client.containers.list(filters={"label": labels}, sparse=True):
        person = container.attrs["Labels"].get(PERSON_LABEL, "")
        if person in people:
            yield _Container(person, container)


def _caged(settings: Settings, people: frozenset[str]) -> Iterator[_Caged]:
    doors = str(settings.run.resolve() / "door" / "people").encode() + b"/"
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        command = _command(int(entry.name))
        words = command.split(b"\0")
        if not words[0].endswith(b"bwrap") or INSIDE_OUT.encode() not in words:
            continue
        door = words[words.index(INSIDE_OUT.encode()) - 1]
        person = door.removeprefix(doors).split(b"/")[0].decode()
        if door.startswith(doors) and person in people:
            yield _Caged(person, int(entry.name), command)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


async def _tell_hub(settings: Settings, people: frozenset[str]) -> tuple[bool, frozenset[str]]:
    """Have the hub stop its servers of ``people``; return whether it answered, and whose it had."""
    # Whoever is not the operator has no such file, and then there is no hub of theirs.
    token = own_secret(hub_directory(settings) / FREEZER_TOKEN)
    timeout = aiohttp.ClientTimeout(total=HUB_SECONDS)
    headers = {"Authorization": f"token {token}"}
    try:
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as client:
            served = await _served(client, settings) & people
            turns = asyncio.Semaphore(AT_ONCE)
            done = await asyncio.gather(*(_stop(client, settings, name, turns) for name in sorted(served)))
    except (aiohttp.ClientError, TimeoutError):
        return False, frozenset()
    return all(done), frozenset(served)


async def _served(client: aiohttp.ClientSession, settings: Settings) -> frozenset[str]:
    """Return whose servers run, start or stop."""
    names: set[str] = set()
    while True:
        query = f"state=active&offset={len(names)}&limit={PAGE}"
        async with client.get(f"{settings.hub_api_url}/users?{query}") as answer:
            answer.raise_for_status()
            page = {str(user["name"]) for user in await answer.json()}
        names |= page
        if len(page) < PAGE:
            return frozenset(names)


async def _stop(
    client: aiohttp.ClientSession, settings: Settings, name: str, turns: asyncio.Semaphore
) -> bool:
    url = f"{settings.hub_api_url}/users/{name}/server"
    deadline = time.monotonic() + HUB_SECONDS
    async with turns:
        while time.monotonic() < deadline:
            async with client.delete(url) as answer:
                if answer.status == HTTPStatus.NO_CONTENT:
                    return True
                if answer.status != HTTPStatus.ACCEPTED:  # which says: it is stopping
                    return False
            await asyncio.sleep(0.1)
    return False
