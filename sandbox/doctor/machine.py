"""What is promised of the machine: its clock, its programs, and what notebooks are made of."""

from __future__ import annotations

import ctypes
import filecmp
import platform
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path

from sandbox.doctor.check import Check, Outcome, fails, holds
from sandbox.doctor.subject import Subject, Unchecked
from sandbox.errors import StartupRefusal
from sandbox.hub import bubblewrap, containers, embedded, images, recipes
from sandbox.hub.programs import run

_UNSYNCHRONISED = 0x40
"""STA_UNSYNC of adjtimex(2)."""
_STATUS = 40
"""Place of ``status`` in struct timex, where ``long`` has eight bytes."""
_TIMEX = 512
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def _synchronised(_: Subject) -> Outcome:
    state = _kernel_clock()
    if state is not None and not state & _UNSYNCHRONISED:
        return holds("The kernel says that its clock is synchronised.")
    # Otherwise perhaps nobody told the kernel: chrony without rtcsync does not, virtual machines need not.
    with suppress(StartupRefusal):
        told = run(["timedatectl", "show", "--property=NTP", "--property=NTPSynchronized"]).split()
        if set(told) == {"NTP=yes", "NTPSynchronized=no"}:
            return fails(
                "Time synchronisation is on, and the clock is not synchronised.",
                remedy="See `timedatectl timesync-status`.",
            )
    raise Unchecked("Nothing on this machine tells whether its clock is synchronised.")


def _kernel_clock() -> int | None:
    """Return the status word of the kernel's clock, None where it is not told."""
    if platform.architecture()[0] != "64bit":
        return None
    buffer = ctypes.create_string_buffer(_TIMEX)
    if ctypes.CDLL(None).adjtimex(buffer) < 0:
        return None
    return int.from_bytes(buffer.raw[_STATUS : _STATUS + 4], "little")


def _versions(subject: Subject) -> Outcome:
    found = {"kernel": platform.release(), "Python": platform.python_version()}
    if subject.isolation == "docker":
        found |= containers.versions()
    else:
        found["bwrap"] = run([bubblewrap.program(), "--version"]).split()[-1]
    told = ", ".join(f"{name} {version}" for name, version in found.items())
    return holds(f"{told}; compare with your distribution's security notices.")


def _image(subject: Subject) -> Outcome:
    if subject.isolation == "bubblewrap":
        return _environment(subject)
    if subject.isolation != "docker":
        raise Unchecked(f"Notebooks of the kind {subject.isolation!r} are started on another machine.")
    wanted = images.notebook_image()
    if not containers.present(wanted):
        return fails(f"{wanted} is not there.", remedy="Run `python -m sandbox.hub.images docker`.")
    old = [one.name for one in containers.running(subject.settings) if one.image != wanted]
    if old:
        return fails(
            f"Of another image are: {', '.join(old)}.",
            remedy="Stop these notebooks; they start again from the present one.",
        )
    return holds(f"{wanted} belongs to the present files, and whatever runs is of it.")


def _environment(subject: Subject) -> Outcome:
    home = subject.settings.home.resolve()
    if not (home / "notebook-env" / "bin" / "python").exists():
        return fails(
            "The notebook's environment is missing.", remedy="Run `python -m sandbox.hub.images embedded`."
        )
    other = [*_other_versions(home / "notebook-env"), *_other_files(home)]
    if other:
        return fails(
            f"Not of the present files: {', '.join(other[:5])}.",
            remedy="Stop the sandbox and run `python -m sandbox.hub.images embedded`.",
        )
    return holds("Packages, client and configuration are those of the present files.")


def _other_versions(environment: Path) -> Iterator[str]:
    pins = dict(_PIN.findall((recipes.CONTEXT / "constraints.txt").read_text()))
    wanted = {_normal(name): version for name, version in pins.items()}
    places = [str(path) for path in environment.glob("lib/python3*/site-packages")]
    for found in distributions(path=places):
        name = _normal(found.name)
        if name in wanted and found.version != wanted[name]:
            yield f"{name} {found.version}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _other_files(home: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        present = Path(folder)
        embedded.copy_client(present)
        yield from _differing(present, home / "notebook-client")
    yield from _differing(recipes.CONTEXT / "jupyter", home / "notebook-env" / "etc" / "jupyter")


def _differing(wanted: Path, found: Path) -> Iterator[str]:
    for path in sorted(wanted.rglob("*")):
        other = found / path.relative_to(wanted)
        if path.is_file() and (not other.is_file() or not filecmp.cmp(path, other, shallow=False)):
            yield str(other)


CHECKS = (
    Check(
        name="image",
        promise="Notebooks are made of the present files of this program.",
        how="The image's tag is the digest of the files (namespaces: the files themselves are compared).",
        test=_image,
    ),
    Check(
        name="time-source",
        promise="The machine's clock is kept right by a source of time.",
        how="The kernel's clock status is read, and what timedatectl says where it is there.",
        test=_synchronised,
    ),
    Check(
        name="versions",
        promise="It is on record which kernel and programs keep notebooks apart.",
        how="Each is asked for its version; whether it has known faults is for you to compare.",
        test=_versions,
    ),
)
