"""What is promised of the files: each readable by its part alone, and room for what comes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.doctor.check import Check, Outcome, fails, holds, unknown
from sandbox.doctor.subject import Subject, Unchecked
from sandbox.hub.spawner import MIB

LEAST_FREE = 1024 * MIB
LEAST_FREE_FILES = 10_000
TRIED = 100
"""Raw files that are tried for each uid; all have their directory before them."""
PRIVATE = 0o077
_FIND = "/usr/bin/find"


@dataclass(frozen=True, slots=True)
class Kept:
    """A directory, and who alone may read what is in it."""

    path: Path
    uid: int
    forbidden: int = PRIVATE
    """Permission bits that neither it nor, with :data:`PRIVATE`, any file in it may have."""


def _keys(subject: Subject) -> Outcome:
    subject.must_be_there()
    settings, owners = subject.settings, subject.owners
    places = (
        Kept(settings.keys, owners.gateway),
        Kept(settings.seeds, owners.registrar),
        Kept(settings.signer_key.parent, owners.signer),
        Kept(settings.postgresql_state_owner.parent, os.geteuid()),
    )
    wrong = [sentence for place in places if place.path.exists() for sentence in _wrong(place)]
    hub = settings.home / "hub"
    wrong += _wrong_mode(hub, os.geteuid(), PRIVATE) if hub.exists() else []
    wrong += _wrong_mode(settings.home / "state", owners.gateway, 0o022)
    wrong += _wrong_mode(settings.log_public_key, None, 0o022)
    if wrong:
        return fails(
            f"{'; '.join(wrong)}.",
            remedy="Set mode and owner back (chmod, chown), and replace a key that others could read.",
        )
    return holds("Every key is its part's alone.")


def _wrong(place: Kept) -> Iterator[str]:
    yield from _wrong_mode(place.path, place.uid, place.forbidden)
    for path in sorted(place.path.iterdir()):
        if path.is_symlink() or not path.is_file():
            yield f"{path} is not a file"
        else:
            yield from _wrong_mode(path, place.uid, PRIVATE)


def _wrong_mode(path: Path, uid: int | None, forbidden: int) -> list[str]:
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode)
    wrong = [f"{path} has mode {mode:04o}"] if mode & forbidden else []
    if uid is not None and found.st_uid != uid:
        wrong.append(f"{path} belongs to uid {found.st_uid} instead of {uid}")
    return wrong


def _raw(subject: Subject) -> Outcome:
    subject.must_be_there()
    settings, owners = subject.settings, subject.owners
    if not settings.raw.exists():
        raise Unchecked("There is no directory of raw tables.")
    wrong = _wrong_mode(settings.raw, owners.registrar, PRIVATE)
    if wrong:
        return fails(f"{'; '.join(wrong)}.", remedy="Give the directory to the registrar, with mode 0700.")
    if not subject.root:
        return unknown("The directory is private; not started by root, all parts share the registrar's uid.")
    uids = {
        "gateway": owners.gateway,
        "door": owners.door,
        "signer": owners.signer,
        "notebooks": settings.notebook_uid_base,
    }
    readers = [name for name, uid in uids.items() if _read_by(uid, _tables(settings.raw))]
    if readers:
        return fails(
            f"Raw tables can be read by: {', '.join(readers)}.",
            remedy="Give them to the registrar, with mode 0600, and let no other part pass the directory.",
        )
    return holds(f"None of {', '.join(uids)} can read them.")


def _tables(raw: Path) -> list[str]:
    found = (str(path) for _, path in zip(range(TRIED), sorted(raw.rglob("*")), strict=False))
    return [str(raw.resolve()), *found]


def _read_by(uid: int, paths: list[str]) -> bool:
    """Whether a process of ``uid`` may read any of ``paths``; it tries, nothing is concluded from modes."""
    command = [_FIND, *paths, "-maxdepth", "0", "-readable", "-print", "-quit"]
    done = subprocess.run(  # noqa: S603  # our own words
        command, user=uid, group=uid, extra_groups=(), capture_output=True, cwd="/", check=False
    )
    return bool(done.stdout)


def _disk(subject: Subject) -> Outcome:
    subject.must_be_there()
    home = subject.settings.home.resolve()
    free = shutil.disk_usage(home).free
    about = os.statvfs(home)
    files = about.f_favail if about.f_files else LEAST_FREE_FILES
    if free < LEAST_FREE or files < LEAST_FREE_FILES:
        return fails(
            f"{free // MIB} MiB and {files} files are left under {home}.",
            remedy="Make room: a log that cannot be written answers nothing.",
        )
    return holds(f"{free // MIB} MiB are free.")


def _homes(subject: Subject) -> Outcome:
    subject.must_run()
    subject.must_be_root()
    people = sorted(_people(subject))
    if not people:
        raise Unchecked("No notebook runs now.")
    notebooks = subject.settings.home.resolve() / "notebooks"
    inside = subject.settings.run.resolve() / "door" / "people"
    open_homes = [name for name in people if not os.path.ismount(notebooks / name)]
    open_doors = [name for name in people if not os.path.ismount(inside / name / "in")]
    if not subject.notebooks.home_mib:
        return fails("home_mib is 0: homes have no limit.", remedy="Write a limit into notebooks.toml.")
    if open_homes or open_doors:
        return fails(
            f"Without a limit are the files of: {', '.join(sorted({*open_homes, *open_doors}))}.",
            remedy="Stop these notebooks; they get their limit when they start again.",
        )
    return holds(f"Each of the {len(people)} that run is a file system of its own.")


def _people(subject: Subject) -> list[str]:
    try:
        people = json.loads((subject.settings.run.resolve() / "door" / "people.json").read_text())
    except (OSError, ValueError):
        return []
    return list(people)


CHECKS = (
    Check(
        name="keys",
        promise="Every secret is a file that its part alone can read.",
        how="Modes and owners of all key files and their directories are read.",
        test=_keys,
    ),
    Check(
        name="raw-tables",
        promise="No part but the registrar can read raw tables.",
        how="Modes and owners are read; then each other part's uid tries to read them.",
        test=_raw,
    ),
    Check(
        name="homes",
        promise="What running notebooks keep ends at its limit.",
        how="The homes and socket directories of all that run are looked for among the mounts.",
        test=_homes,
    ),
    Check(
        name="disk",
        promise="There is room for what must be recorded.",
        how="Free bytes and files under SANDBOX_HOME are read.",
        test=_disk,
    ),
)
