"""A notebook without a person, for as long as one piece of code runs in it.

It is made by the functions that make everybody's notebook, of the size that analysts get unasked, and runs
under a uid that no account has. Nothing of it stays, also where the caller is interrupted; what a caller
that was killed left behind is taken away by the next one. One at a time.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import requests
from docker.errors import DockerException, NotFound

from sandbox.errors import StartupRefusal
from sandbox.hub import bubblewrap, images, volumes
from sandbox.hub import docker as containers
from sandbox.hub.doorkeeper import Place
from sandbox.hub.places import clear_socket_directory, notebook_uid, prepare_socket_directory
from sandbox.hub.programs import run
from sandbox.hub.spawner import INSIDE_HOME
from sandbox.policy.notebooks import NotebookSize, NotebooksPolicy
from sandbox.settings import Settings

NAME = "0-probe"
"""No account's name begins with a digit."""
NUMBER = 0
"""No account's number; they are counted from 1."""
PYTHON = "/opt/nb/bin/python"
SECONDS = 90
"""Within which the code must have ended."""
_ENVIRONMENT = {"HOME": INSIDE_HOME, "PATH": "/opt/nb/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_ANALYSTS = ("analysts",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Throwaway:
    """One such notebook, ready to run code."""

    settings: Settings
    kind: str
    """How it is isolated: ``docker`` or ``bubblewrap``."""
    uid: int
    size: NotebookSize
    place: Place
    home: Path

    def run(self, code: str, *arguments: str) -> str:
        """Run ``code`` in the notebook's own Python and return what it printed.

        Raises:
            StartupRefusal: it cannot be started, or did not end well.
        """
        command = [PYTHON, "-c", code, *arguments]
        return self._in_container(command) if self.kind == "docker" else self._in_namespaces(command)

    def _in_container(self, command: Sequence[str]) -> str:
        client = images.docker_client()
        if client is None:
            raise StartupRefusal("No Docker daemon answers; start one.")
        name = containers.container_names(self.settings).format(username=NAME)
        api = client.api
        try:
            _remove(client, name)
            given = containers.surroundings(self.settings, self.place, home=self.home, size=self.size)
            made = api.create_container(
                images.notebook_image(),
                list(command),
                name=name,
                environment=_ENVIRONMENT,
                host_config=api.create_host_config(**given),
                **containers.identity(self.settings, uid=self.uid, person=""),
            )
            api.start(made)
            ended = api.wait(made, timeout=SECONDS)["StatusCode"]
            said: bytes = api.logs(made, stdout=True, stderr=False)
        except (DockerException, requests.RequestException) as error:
            raise StartupRefusal("Docker did not run a notebook of the present image.") from error
        finally:
            with suppress(DockerException, requests.RequestException):
                _remove(client, name)
            client.close()
        return _printed(ended, said)

    def _in_namespaces(self, command: Sequence[str]) -> str:
        cage = bubblewrap.cage(self.settings, self.place, home=self.home, uid=self.uid, size=self.size)
        with cage as (words, allowed):
            try:
                done = subprocess.run(  # noqa: S603  # our own words
                    [*words, *command],
                    env=_ENVIRONMENT,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    pass_fds=(allowed,),
                    preexec_fn=bubblewrap.becoming(self.uid, self.size),  # of one thread, as the hub does
                    timeout=SECONDS,
                    check=False,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise StartupRefusal("bubblewrap did not run a notebook.") from error
        return _printed(done.returncode, done.stdout)


@contextmanager
def throwaway(settings: Settings, policy: NotebooksPolicy, *, kind: str) -> Iterator[Throwaway]:
    """Make one, and take all of it away at the end.

    Raises:
        StartupRefusal: another one is there, or its directories cannot be made.
    """
    uid, size = notebook_uid(settings, NUMBER), policy.chosen("", _ANALYSTS)
    directory = settings.run.resolve() / "probe"
    with ExitStack() as stack:
        try:
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            stack.enter_context(_alone(directory))
            place = Place(port=0, out=directory / "out", into=directory / "in")
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            stack.callback(clear_socket_directory, place.into)
            if os.geteuid() == 0:  # otherwise all notebooks share the uid, and the directory
                etc = settings.home.resolve() / "notebook-etc" / str(uid)
                stack.callback(shutil.rmtree, etc, ignore_errors=True)
            for part in (place.out, place.into):
                part.mkdir(mode=0o755, exist_ok=True)
            prepare_socket_directory(place.into, uid=uid)
            stack.callback(_forget_home, settings)
            home = volumes.open_home(settings, NAME, policy, uid=uid)
        except OSError as error:
            raise StartupRefusal(f"{directory} cannot be made: {error.strerror}.") from error
        yield Throwaway(settings=settings, kind=kind, uid=uid, size=size, place=place, home=home)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise StartupRefusal("Another check of this sandbox runs; wait for its end.") from error
    finally:
        os.close(handle)


def _forget_home(settings: Settings) -> None:
    """Remove the home, and what an interruption left of its making."""
    volumes.remove_home(settings, NAME)
    for unfinished in (settings.home.resolve() / "volumes").glob(f"{NAME}.*"):
        while unfinished.is_mount():
            run(["umount", "--lazy", str(unfinished)])
        unfinished.rmdir() if unfinished.is_dir() else unfinished.unlink()


def _remove(client: docker.DockerClient, name: str) -> None:
    with suppress(NotFound):
        client.api.remove_container(name, force=True)


def _printed(status: int, said: bytes) -> str:
    if status != 0:
        raise StartupRefusal(f"Code that looks around inside a notebook ended with status {status}.")
    return said.decode(errors="replace")
