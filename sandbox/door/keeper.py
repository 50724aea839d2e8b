"""Keeps one door open for each person, also after a restart.

Guarantees: admitting the same person twice changes nothing; the list is on disk before an answer says
that a person is in; after a restart everybody has the same port and the same sockets as before.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandbox.door.listener import Listener
from sandbox.door.sides import Beyond, Person, Watch, inward, outward
from sandbox.door.sockets import DOOR_SOCKET
from sandbox.errors import Malformed
from sandbox.policy.names import PERSON_NAME
from sandbox.settings import Settings

log = logging.getLogger("sandbox.door")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where one person's door is."""

    person: Person
    port: int
    """Loopback port on which the proxy reaches the person's notebook."""
    out: Path
    """Directory whose socket the notebook speaks to."""
    into: Path
    """Directory in which the notebook's server makes its socket."""

    def to_document(self) -> dict[str, str | int]:
        """Return the place as the hub reads it."""
        return {
            "user": self.person.name,
            "uid": self.person.uid,
            "port": self.port,
            "out": str(self.out),
            "in": str(self.into),
        }


@dataclass(frozen=True, slots=True)
class _Open:
    place: Place
    listeners: tuple[Listener, ...]


class Keeper:
    """The doors that stand open."""

    def __init__(self, settings: Settings, beyond: Beyond, watch: Watch) -> None:
        self._directory = settings.run.resolve() / "door"
        self._people = self._directory / "people.json"
        self._beyond = beyond
        self._watch = watch
        self._open: dict[str, _Open] = {}

    async def restore(self) -> None:
        """Open every door that was open when the list was written last."""
        if not self._people.exists():
            return
        for name, entry in json.loads(self._people.read_text()).items():
            try:
                await self._start(Person(name=name, uid=entry["uid"]), port=entry["port"])
            except OSError as error:
                log.error("not restored: user=%s port=%s reason=%s", name, entry["port"], error.strerror)  # noqa: TRY400  # the reason is enough

    async def admit(self, name: str, *, uid: int) -> Place:
        """Open the door of ``name``, whose notebook runs as ``uid``; return where it is.

        Raises:
            Malformed: no such name can be.
        """
        if PERSON_NAME.fullmatch(name) is None:
            raise Malformed("person-name", "This is no name of a person.")
        person = Person(name=name, uid=uid)
        known = self._open.get(name)
        if known is not None and known.place.person == person:
            return known.place
        if known is not None:
            await self.dismiss(name)
        place = await self._start(person, port=0)
        self._write()
        return place

    async def dismiss(self, name: str) -> None:
        """Close the door of ``name``; nothing happens where there is none."""
        known = self._open.pop(name, None)
        if known is None:
            return
        for listener in known.listeners:
            await listener.close()
        self._write()

    async def close(self) -> None:
        """Stop listening; the list stays for the next start."""
        for known in self._open.values():
            for listener in known.listeners:
                await listener.close()
        self._open.clear()

    async def _start(self, person: Person, *, port: int) -> Place:
        home = self._directory / "people" / person.name
        out, into = home / "out", home / "in"
        out.mkdir(parents=True, exist_ok=True)
        into.mkdir(exist_ok=True)
        # The kernel tells who connects, so the socket itself may be open to all.
        door = out / DOOR_SOCKET
        door.unlink(missing_ok=True)
        answer_notebook = partial(outward, person=person, beyond=self._beyond, watch=self._watch)
        answer_browser = partial(inward, person=person, directory=into, watch=self._watch)
        browsers = socket.create_server(("127.0.0.1", port), backlog=1)
        notebooks = socket.socket(socket.AF_UNIX)
        notebooks.bind(str(door))
        os.chmod(door, 0o666)  # noqa: S103, PTH101  # see above
        listeners = Listener(notebooks, answer_notebook), Listener(browsers, answer_browser)
        bound: int = browsers.getsockname()[1]
        place = Place(person=person, port=bound, out=out, into=into)
        self._open[person.name] = _Open(place, listeners)
        for listener in listeners:
            listener.start()
        return place

    def _write(self) -> None:
        people = {
            name: {"uid": known.place.person.uid, "port": known.place.port}
            for name, known in self._open.items()
        }
        partial_file = self._people.with_suffix(".new")
        partial_file.write_text(json.dumps(people, indent=1))
        partial_file.replace(self._people)
