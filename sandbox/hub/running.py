"""A sandbox that runs beside this program, and the people who use it: for the tour and for tests."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sandbox.errors import StartupRefusal
from sandbox.hub.driver import Output, Person
from sandbox.hub.parts import environment_of
from sandbox.hub.supervisor import READY
from sandbox.settings import Settings

STOP_SECONDS = 120.0
OWN_PORTS = (20_000, 32_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningSandbox:
    """Where the running sandbox is and who may log in."""

    settings: Settings
    isolator: str
    """How its notebooks are isolated: ``docker`` or ``bubblewrap``."""
    passwords: Mapping[str, str]

    def person(self, name: str) -> Person:
        """Return a person at their browser, not logged in yet."""
        return Person(self.settings.hub_url, name)

    def run_in_notebook(self, user: str, code: str, *, deadline: float = 60.0) -> Output:
        """Run ``code`` as ``user`` would: log in, start the notebook where it is not, take a new kernel.

        Raises:
            DriverError: one of these steps is refused or takes too long.
        """
        return asyncio.run(self._run(user, code, deadline))

    def stop_notebook(self, user: str) -> None:
        """Stop the user's notebook; the next code starts it again."""
        asyncio.run(self._stop(user))

    async def _run(self, user: str, code: str, deadline: float) -> Output:
        async with self.person(user) as person:
            await person.log_in(self.passwords[user])
            await person.start_notebook()
            return await person.run(code, deadline=deadline)

    async def _stop(self, user: str) -> None:
        async with self.person(user) as person:
            await person.log_in(self.passwords[user])
            await person.stop_notebook()


@contextmanager
def running(settings: Settings, *, isolator: str, passwords: Mapping[str, str]) -> Iterator[RunningSandbox]:
    """Start a sandbox that is set up already, as a child of this program; stop it at the end.

    Raises:
        StartupRefusal: it did not start; the sentence holds what it said.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.hub.supervisor"],
        env=environment_of(settings, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            _wait(process)
            yield RunningSandbox(settings=settings, isolator=isolator, passwords=passwords)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=STOP_SECONDS)


def free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody uses at this moment.

    From below the range the kernel takes for outgoing connections, which might take them meanwhile.
    """
    ports: list[int] = []
    for port in random.SystemRandom().sample(range(*OWN_PORTS), k=OWN_PORTS[1] - OWN_PORTS[0]):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            break
    return ports


def _wait(process: subprocess.Popen[str]) -> None:
    said: list[str] = []
    for line in process.stdout or ():
        if line.strip() == READY:
            return
        said.append(line.strip())
    raise StartupRefusal("The sandbox did not start: " + " / ".join(said[-5:]))
