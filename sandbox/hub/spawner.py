"""What every way of isolation has in common: a door, no network, and one sentence at each step.

A spawner of this kind returns only when the server listens, so the hub has nothing to wait for.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from jupyterhub.spawner import Spawner  # type: ignore[import-untyped]  # ships no types
from tornado.web import HTTPError
from traitlets import Any as AnyTrait
from traitlets import Callable as CallableTrait

from sandbox.audit.event import Event, Kind
from sandbox.door.sockets import NotTheirs, checked_socket
from sandbox.errors import Malformed, NotAllowed, SandboxError
from sandbox.governance.accounts import Account
from sandbox.hub import standing, volumes
from sandbox.hub.doorkeeper import Doorkeeper, Place
from sandbox.hub.places import clear_socket_directory, notebook_uid, prepare_socket_directory
from sandbox.policy.notebooks import NotebookSize, NotebooksPolicy
from sandbox.settings import Settings

INSIDE_OUT = "/run/door/out"
INSIDE_IN = "/run/door/in"
INSIDE_HOME = "/home/analyst"
COMMAND = (
    "/opt/nb/bin/python",
    "-m",
    "jupyterhub.singleuser",
    f"--ServerApp.sock={INSIDE_IN}/server.sock",
    "--ServerApp.sock_mode=0666",  # the door has another uid; nobody else sees the directory
)
_CHOICE = "<fieldset><legend>How large shall your notebook be?</legend>{sizes}</fieldset>"
_LABEL = '<p><label><input type="radio" name="size" value="{name}"{checked}> {title}</label></p>'
LISTEN_SECONDS = 60.0
POLL_SECONDS = 0.03
OPEN_FILES = 4096
MIB = 1024**2
NOBODY = -1
"""The uid of a notebook that was never started."""
T = TypeVar("T")


class DoorSpawner(Spawner):  # type: ignore[misc]  # jupyterhub has no types
    """Base of the spawners; a subclass starts and stops the isolated process."""

    settings_of_sandbox = AnyTrait(help="The sandbox's settings.").tag(config=True)
    notebooks = AnyTrait(help="The policy of notebooks.").tag(config=True)
    log_of_record = CallableTrait(help="Returns the log that accounts are kept with.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hub_connect_url = "http+unix://" + quote(f"{INSIDE_OUT}/door.sock", safe="")
        self.uid = NOBODY
        self.on_record = False
        self.place: Place | None = None
        self.size: NotebookSize | None = None
        self.files = Path()
        self._said: list[tuple[int, str]] = []

    @property
    def settings(self) -> Settings:
        """The sandbox's settings, typed."""
        found: Settings = self.settings_of_sandbox
        return found

    @property
    def policy(self) -> NotebooksPolicy:
        """The policy of notebooks, typed."""
        found: NotebooksPolicy = self.notebooks
        return found

    @property
    def limits(self) -> NotebookSize:
        """The size that this notebook was started with."""
        if self.size is None:
            raise RuntimeError("a notebook has limits only once it is started")
        return self.size

    @property
    def command(self) -> list[str]:
        """The program inside."""
        return command_inside(self.policy)

    @property
    def doorkeeper(self) -> Doorkeeper:
        """The door's control."""
        return Doorkeeper(self.settings.run.resolve() / "door" / "control.sock")

    async def start(self) -> tuple[str, int] | str:
        """Open the person's door, start the isolated server behind it, wait until it listens."""
        self._said = []
        try:
            self.say(10, "Opening a door for your notebook; it has no network of its own.")
            account = await self._account()
            self.size = self.policy.chosen(_size_of(self.user_options), account.groups)
            self.uid = self.uid_for(account.number)
            await self.open_surroundings()
            # Before it runs: a notebook of which nobody knows must not be.
            await self._record(Kind.SERVER_STARTED)
            self.on_record = True
            self.say(40, f"Starting the isolated server. {self.size.title}.")
            address = await self.bring_up()
            await self._account()  # a freeze may have come meanwhile
            self.say(95, "Your notebook is ready.")
        except (NotAllowed, Malformed) as refusal:
            self._forget_choice()
            raise HTTPError(HTTPStatus.FORBIDDEN, str(refusal)) from refusal
        except SandboxError as error:
            raise HTTPError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
        return address

    async def stop(self, now: bool = False) -> None:
        """Stop the server; the hub calls :meth:`run_post_stop_hook` after it."""
        await self.stop_isolated(now=now)

    async def run_post_stop_hook(self) -> None:
        """Close door and home and record the end, however it came.

        The hub calls this also where the server was killed, ended by itself, or was never there because its
        start failed or was broken off; it calls :meth:`stop` in none of these cases.
        """
        try:
            if self.uid != NOBODY:
                await self.close_surroundings()
        finally:
            if self.on_record:
                self.on_record = False
                await self._record(Kind.SERVER_STOPPED)

    def uid_for(self, number: int) -> int:
        """Return as whom the notebook of the account with ``number`` runs."""
        return notebook_uid(self.settings, number)

    async def open_surroundings(self) -> None:
        """Open the person's door and home; on this machine, where a subclass says nothing else."""
        self.place = await self.doorkeeper.admit(self.user.name, uid=self.uid)
        await _to_its_end(prepare_socket_directory, self.place.into, uid=self.uid)
        self.say(25, "Opening the files you keep.")
        self.files = await _to_its_end(
            volumes.open_home, self.settings, self.user.name, self.policy, uid=self.uid
        )

    async def bring_up(self) -> tuple[str, int] | str:
        """Start the server and return where the proxy reaches it, once it listens."""
        place = self.place
        if place is None:
            raise RuntimeError("a server is started only behind an open door")
        await self.start_isolated(place)
        self.say(70, "Waiting for JupyterLab to listen.")
        await self._listening(place)
        return "127.0.0.1", place.port

    async def close_surroundings(self) -> None:
        """Close what :meth:`open_surroundings` opened."""
        if self.place is None:
            self.place = await self.doorkeeper.admit(self.user.name, uid=self.uid)
        await self.doorkeeper.dismiss(self.user.name)
        await asyncio.to_thread(clear_socket_directory, self.place.into)
        await asyncio.to_thread(volumes.close_home, self.settings, self.user.name)

    async def get_options_form(self) -> str:
        """Return the choice of sizes; nothing, and so no page, where there is none to make."""
        sizes = self.policy.sizes_of((await self._account()).groups)
        return "" if len(sizes) <= 1 else _CHOICE.format(sizes="".join(_labels(sizes)))

    def options_from_form(self, form_data: Mapping[str, list[str]]) -> dict[str, str]:
        """Return the size that was chosen; :meth:`start` decides whether it may be."""
        return {name: values[0] for name, values in form_data.items() if values}

    async def poll(self) -> Any:
        """Ask the way of isolation itself; None while the server runs."""
        return await super().poll()

    async def start_isolated(self, place: Place) -> None:
        """Start the server without a network, with the two directories of ``place``."""
        raise NotImplementedError

    async def stop_isolated(self, *, now: bool) -> None:
        """Stop what :meth:`start_isolated` started."""
        raise NotImplementedError

    def say(self, percent: int, sentence: str) -> None:
        """Tell the person who waits what is going on."""
        self._said.append((percent, sentence))

    async def progress(self) -> AsyncIterator[dict[str, int | str]]:
        """Yield what :meth:`say` was told; the hub stops listening when the server is up."""
        shown = 0
        while True:
            for percent, sentence in self._said[shown:]:
                yield {"progress": percent, "message": sentence}
                shown += 1
            await asyncio.sleep(0.1)

    def load_state(self, state: dict[str, Any]) -> None:
        """Remember over a restart of the hub whose server runs."""
        super().load_state(state)
        self.uid = state.get("uid", NOBODY)
        self.on_record = state.get("on_record", self.uid != NOBODY)

    def get_state(self) -> dict[str, Any]:
        """Return what must survive a restart of the hub."""
        return {**super().get_state(), "uid": self.uid, "on_record": self.on_record}

    def get_env(self) -> dict[str, str]:
        """Return the whole environment inside; nothing is inherited."""
        env: dict[str, str] = super().get_env()
        return {
            **env,
            # never listened on, but jupyter_server takes no other port together with a socket
            "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:8888" + env["JUPYTERHUB_SERVICE_PREFIX"],
            "HOME": INSIDE_HOME,
            "USER": self.user.name,
            "PATH": "/opt/nb/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            # seldom enough to cost nothing, often enough that nobody at work seems idle
            "JUPYTERHUB_ACTIVITY_INTERVAL": str(self.policy.look_seconds),
            "MPLCONFIGDIR": "/tmp/matplotlib",  # noqa: S108  # a memory file system of this notebook only
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _forget_choice(self) -> None:
        """Let the next start, which takes the last choice where none is made, not be refused for it too."""
        self.user_options: dict[str, object] = {}
        self.orm_spawner.user_options = {}
        self.db.commit()

    async def _account(self) -> Account:
        account, freeze = await asyncio.to_thread(standing.of, self.log_of_record(), self.user.name)
        if account is None or account.disabled:
            raise HTTPError(HTTPStatus.FORBIDDEN, "The account is not active.")
        if freeze is not None:
            raise HTTPError(HTTPStatus.FORBIDDEN, str(freeze.refusal()))
        return account

    async def _record(self, kind: Kind) -> None:
        """Write to the log that this person's notebook starts or has stopped."""
        event = Event(kind=kind, actor=self.user.name, subject=self.user.name, body={"uid": self.uid})
        await asyncio.to_thread(self.log_of_record().append, event)

    async def _listening(self, place: Place) -> None:
        deadline = time.monotonic() + LISTEN_SECONDS
        while time.monotonic() < deadline:
            if _answers(place, self.uid):
                return
            if await self.poll() is not None:
                break
            await asyncio.sleep(POLL_SECONDS)
        raise HTTPError(HTTPStatus.SERVICE_UNAVAILABLE, "The notebook's server did not start.")


def command_inside(policy: NotebooksPolicy) -> list[str]:
    """Return the program inside, and when it gives up kernels that nobody uses."""
    return [
        *COMMAND,
        f"--MappingKernelManager.cull_idle_timeout={policy.idle_seconds}",
        f"--MappingKernelManager.cull_interval={policy.look_seconds}",
    ]


async def _to_its_end(work: Callable[..., T], *given: object, **named: object) -> T:
    """Do ``work`` in a thread, to its end even where the start is broken off, so that it can be undone."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *given, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _size_of(options: Mapping[str, object]) -> str:
    """Return the size that ``options`` ask for, empty for none; whoever asks for anything else is refused."""
    size = options.get("size", "")
    if set(options) - {"size"} or not isinstance(size, str):
        raise Malformed(
            "notebook-options", "A notebook has no such option.", allowed="Its only option is its size."
        )
    return size


def _labels(sizes: Mapping[str, NotebookSize]) -> Iterator[str]:
    for number, (name, size) in enumerate(sizes.items()):
        checked = " checked" if number == 0 else ""
        yield _LABEL.format(name=escape(name), title=escape(size.title), checked=checked)


def _answers(place: Place, uid: int) -> bool:
    try:
        with checked_socket(place.into, uid=uid) as path, socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
    except (NotTheirs, OSError):
        return False
    return True
