"""The directory that stays with a person between notebooks, with an end to it.

Started as root, each home is a file system of its own in a file of fixed size, so that what one person
writes ends at their limit and not at the machine's: Docker has no limit for a directory, and a limit for
each file does not limit how many there are. The file is sparse; it takes what is written and no more.
Started otherwise nothing can be mounted, and a home is a plain directory without a limit: evaluation mode,
or a hub in a container, where the limit is the volume's.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sandbox.errors import StartupRefusal
from sandbox.hub.programs import run
from sandbox.policy.notebooks import NotebooksPolicy
from sandbox.settings import Settings

_MIB = 1024**2
_OPTIONS = "loop,nosuid,nodev"


def open_home(settings: Settings, name: str, policy: NotebooksPolicy, *, uid: int) -> Path:
    """Return the home of the person ``name``, made and mounted where it is not, owned by ``uid``.

    What a person kept before there was a limit is kept. A limit that was raised is raised; one that was
    lowered holds for new homes only, because files would have to go.

    Raises:
        StartupRefusal: it cannot be made or mounted.
    """
    home = _above(settings) / name
    home.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() != 0:
        return home
    may_mount = settings.isolation != "starter"
    if may_mount and policy.home_mib and not os.path.ismount(home):
        volume = _volume(settings, name)
        if not volume.exists():
            _make(volume, home, policy)
        _grow(volume, policy.home_mib * _MIB)
        _mount(volume, home)
    os.chown(home, uid, uid)
    home.chmod(0o700)
    return home


def close_home(settings: Settings, name: str) -> None:
    """Unmount the home of ``name``; nothing happens where it is not mounted."""
    home = _above(settings) / name
    if os.geteuid() == 0 and os.path.ismount(home):
        run(["umount", "--lazy", str(home)])


def close_homes(settings: Settings) -> None:
    """Unmount every home: nothing of a sandbox that has stopped stays mounted."""
    for home in sorted(_above(settings).iterdir()):
        close_home(settings, home.name)


def remove_home(settings: Settings, name: str) -> bool:
    """Remove all that ``name`` kept; return whether there was anything. Their notebook must be stopped."""
    close_home(settings, name)
    home, volume = _above(settings) / name, _volume(settings, name)
    existed = home.exists() or volume.exists()
    volume.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(home)
    return existed


def _above(settings: Settings) -> Path:
    above = settings.home.resolve() / "notebooks"
    above.mkdir(mode=0o711, exist_ok=True)
    return above


def _volume(settings: Settings, name: str) -> Path:
    volumes = settings.home.resolve() / "volumes"
    volumes.mkdir(mode=0o700, exist_ok=True)
    return volumes / f"{name}.ext4"


def _make(volume: Path, home: Path, policy: NotebooksPolicy) -> None:
    """Make the file system and put into it what ``home`` holds; it has its name only when it is whole."""
    unfinished = volume.with_suffix(".new")
    with unfinished.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.truncate(policy.home_mib * _MIB)
    run(["mkfs.ext4", "-q", "-F", "-m", "0", "-N", str(policy.home_files), str(unfinished)])
    with _mounted(unfinished) as inside:
        (inside / "lost+found").rmdir()
        if any(home.iterdir()):
            run(["cp", "--archive", f"{home}/.", str(inside)])
    unfinished.rename(volume)
    for left in home.iterdir():  # it would only lie hidden below the mount
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


@contextmanager
def _mounted(volume: Path) -> Iterator[Path]:
    inside = volume.with_suffix(".inside")
    inside.mkdir(mode=0o700, exist_ok=True)
    while os.path.ismount(inside):  # a crash left it
        run(["umount", str(inside)])
    _mount(volume, inside)
    try:
        yield inside
    finally:
        run(["umount", str(inside)])
        inside.rmdir()


def _grow(volume: Path, size: int) -> None:
    if volume.stat().st_size >= size:
        return
    os.truncate(volume, size)
    run(["e2fsck", "-f", "-p", str(volume)], fine=(0, 1))  # 1: it corrected something
    run(["resize2fs", str(volume)])


def _mount(volume: Path, place: Path) -> None:
    try:
        run(["mount", "-t", "ext4", "-o", _OPTIONS, str(volume), str(place)])
    except StartupRefusal as error:
        raise StartupRefusal(
            f"A notebook's home cannot be mounted ({error}); where there are no loop devices, write "
            "home_mib = 0 in notebooks.toml, and homes have no limit."
        ) from error
