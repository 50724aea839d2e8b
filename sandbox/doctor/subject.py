"""The sandbox that is looked at: its settings, and what several checks need and only one has to fetch."""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox.audit.keys import load_secret
from sandbox.audit.log import Log
from sandbox.audit.signer_remote import answers
from sandbox.doctor import inside
from sandbox.doctor.state import reading_only
from sandbox.errors import SandboxError
from sandbox.governance.installation import PRIVATE_KEY, Owners, open_signer
from sandbox.hub import images
from sandbox.hub.parts import hub_answers, tcp_answers
from sandbox.hub.spawner import INSIDE_HOME, INSIDE_IN, INSIDE_OUT
from sandbox.hub.throwaway import Throwaway, throwaway
from sandbox.policy.load import load_notebooks
from sandbox.policy.notebooks import NotebooksPolicy
from sandbox.settings import Settings
from sandbox.store.engine import open_state, version
from sandbox.store.migrations import NEWEST

KINDS = ("docker", "bubblewrap")
OUTSIDE = ("169.254.169.254", "198.51.100.2", "8.8.8.8", "172.17.0.1")
"""The metadata address of clouds, one that nobody has (RFC 5737), a resolver, Docker's own bridge."""
DOCKER_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock")
PARTS = ("sandbox.door", "sandbox.web", "sandbox.signer", "jupyterhub_config.py", "dockerd")
"""Words in the commands of processes that a notebook must not see."""
CLOSED = ("/", "/usr", "/usr/bin", "/etc", "/opt", "/opt/nb", "/var", "/run", "/run/door", INSIDE_OUT, "/sys")
OPEN = ("/tmp", INSIDE_HOME, INSIDE_IN)  # noqa: S108  # inside a notebook

CODE = f"""{Path(inside.__file__).read_text(encoding="utf-8")}
import json, sys
print(json.dumps(look(json.loads(sys.argv[1]))))
"""
"""What is run inside: its one argument are the targets, its output is what was found."""


class Unchecked(SandboxError):
    """Why a promise cannot be tried, one sentence."""


class Subject:
    """The sandbox of these settings. Close it: it holds the database."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.root = os.geteuid() == 0
        self._open = ExitStack()

    def close(self) -> None:
        """Give back the database and the signer."""
        self._open.close()

    @cached_property
    def isolation(self) -> str:
        """How notebooks are isolated."""
        return images.isolation(self.settings)

    @cached_property
    def owners(self) -> Owners:
        """Under which uid each part is to run."""
        return Owners.of(self.settings)

    @cached_property
    def notebooks(self) -> NotebooksPolicy:
        """The policy of notebooks."""
        return load_notebooks(self.settings.policies)

    @property
    def control(self) -> Path:
        """The door's control socket."""
        return self.settings.run.resolve() / "door" / "control.sock"

    @cached_property
    def answering(self) -> dict[str, bool]:
        """Which parts answer."""
        return {
            "signer": answers(self.settings.signer_socket),
            "door": answers(self.control),
            "gateway": answers(self.settings.gateway_socket) and tcp_answers(self.settings.console_port),
            "hub": hub_answers(self.settings),
        }

    def must_run(self) -> None:
        """Return if any part of the sandbox runs.

        Raises:
            Unchecked: none does.
        """
        if not any(self.answering.values()):
            raise Unchecked("The sandbox does not run; start it with `sandbox up`, then look again.")

    def must_be_root(self) -> None:
        """Return if this process is root.

        Raises:
            Unchecked: it is not, and then all parts share one uid: evaluation mode.
        """
        if not self.root:
            raise Unchecked("Not started by root: all parts share one uid (evaluation mode).")

    @cached_property
    def log(self) -> Log:
        """The log, opened without asking first whether it is whole.

        Raises:
            StartupRefusal: database, key or signer are missing or unfit.
            Unchecked: the tables are of another version, which opening them would change.
        """
        self.must_be_there()
        if self.stored_version != NEWEST:
            raise Unchecked("The state database is of another version; see the check `database`.")
        engine = open_state(self.settings)
        self._open.callback(engine.dispose)
        private = load_secret(self.settings.keys / PRIVATE_KEY)
        log = Log(
            engine,
            signer=open_signer(self.settings),
            private_key=private,
            commit_deadline=self.settings.commit_deadline,
        )
        self._open.callback(log.close)
        return log

    @cached_property
    def stored_version(self) -> str | None:
        """The version of the state's tables, read without changing them; None where there are none."""
        with reading_only(self.settings) as engine:
            return version(engine)

    def must_be_there(self) -> None:
        """Return if there is a sandbox under these settings.

        Raises:
            Unchecked: there is none, or it is not this user's.
        """
        if not self.settings.home.is_dir() or not os.access(self.settings.keys, os.R_OK | os.X_OK):
            raise Unchecked(
                f"{self.settings.home} holds no sandbox that this user may look at; "
                "run the command as who runs the sandbox."
            )

    @cached_property
    def throwaway(self) -> Throwaway:
        """A notebook without a person; there until :meth:`close`.

        Raises:
            StartupRefusal: it cannot be made.
        """
        self.must_be_there()
        if self.isolation not in KINDS:
            raise Unchecked(f"Notebooks of the kind {self.isolation!r} are started on another machine.")
        made = throwaway(self.settings, self.notebooks, kind=self.isolation)
        return self._open.enter_context(made)

    @cached_property
    def _look(self) -> dict[str, Any] | SandboxError:
        try:
            with _baits() as (port, name):
                said = self.throwaway.run(CODE, json.dumps(self._targets(port, name)))
            found: dict[str, Any] = json.loads(said)
        except SandboxError as error:
            return error  # kept: a notebook that does not start is started once, not by each check
        return found

    def must_start(self) -> None:
        """Return if a notebook without a person could be started and looked around.

        Raises:
            StartupRefusal: it could not.
            Unchecked: notebooks are started where this command cannot start any.
        """
        if isinstance(self._look, SandboxError):
            raise self._look

    @property
    def look(self) -> dict[str, Any]:
        """What was found from inside; see :mod:`sandbox.doctor.inside`.

        Raises:
            Unchecked: no notebook could be started, which is for one check to say.
        """
        if isinstance(self._look, Unchecked):
            raise self._look
        if isinstance(self._look, SandboxError):
            raise Unchecked("No notebook could be started; see the check `notebook-start`.")
        return self._look

    def _targets(self, bait: int, name: str) -> inside.Targets:
        settings, home = self.settings, self.settings.home.resolve()
        ports = (settings.hub_port, settings.hub_api_port, settings.proxy_api_port, settings.console_port)
        run = settings.run.resolve()
        return {
            "tcp": [["127.0.0.1", port] for port in (*ports, bait)],
            "routes": list(OUTSIDE),
            "names": ["sandbox-doctor.invalid", "sandbox-doctor.example"],
            "abstract": [name],
            "sockets": [
                *DOCKER_SOCKETS,
                *map(str, (self.control, settings.gateway_socket, settings.signer_socket)),
            ],
            "files": [
                *map(str, (settings.raw.resolve(), settings.keys.resolve(), settings.seeds.resolve())),
                *map(str, (home / "state", home / "hub", home / "signer", home / "notebooks", run / "door")),
                *DOCKER_SOCKETS,
            ],
            "processes": list(PARTS),
            "owners": [self.throwaway.uid],
            "shared": [],
            "key": 0,
            "closed": list(CLOSED),
            "open": list(OPEN),
        }


@contextmanager
def _baits() -> Iterator[tuple[int, str]]:
    """Listen on a port and on a socket without a file, so that there is something to reach for certain."""
    name = f"sandbox-doctor-{uuid.uuid4().hex}"
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as port,
        closing(socket.socket(socket.AF_UNIX)) as unnamed,
    ):
        unnamed.bind(f"\0{name}")
        unnamed.listen()
        yield port.getsockname()[1], name
