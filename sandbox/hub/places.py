"""The directories a notebook is given, and who owns them.

Started as root, every person's notebook has its own uid, and the directory in which its server makes
its socket is a tiny file system of its own: 64 KiB, 16 names, no links followed, so that a notebook can
neither fill the machine nor lead the door astray. Started otherwise, all notebooks share the operator's
uid and plain directories; the missing network and the door's checks remain.
"""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.errors import StartupRefusal
from sandbox.hub.programs import run
from sandbox.settings import Settings

SMALL = 16 * 1024**2
"""Bytes of the largest file system in which directories of sockets may lie without one of their own."""
_TINY = "size=64k,nr_inodes=16,nosuid,nodev,noexec"


def notebook_uid(settings: Settings, number: int) -> int:
    """Return the uid of the notebook of the account with ``number``."""
    return settings.notebook_uid_base + number if os.geteuid() == 0 else os.geteuid()


def prepare_socket_directory(directory: Path, *, uid: int) -> None:
    """Make ``directory`` fit for the server's socket, empty and owned by ``uid``."""
    if os.geteuid() != 0:
        for left in directory.iterdir():
            left.unlink()
        directory.chmod(0o755)
        return
    clear_socket_directory(directory)
    options = f"{_TINY},uid={uid},gid={uid},mode=0755"
    mount = ["mount", "-t", "tmpfs", "-o"]
    try:
        run([*mount, f"{options},nosymfollow", "sandbox-in", str(directory)])
    except StartupRefusal:
        if _lies_in_a_small_file_system(directory):
            _prepare_plain(directory, uid=uid)
            return
        # kernels before 5.10 do not know the option; the door refuses links by itself
        run([*mount, options, "sandbox-in", str(directory)])


def _prepare_plain(directory: Path, *, uid: int) -> None:
    """Empty ``directory`` and give it to ``uid``."""
    for left in directory.iterdir():
        left.unlink()
    os.chown(directory, uid, uid)
    directory.chmod(0o755)


def _lies_in_a_small_file_system(directory: Path) -> bool:
    """Whether nobody can fill the machine from ``directory``: a hub in a container may mount nothing itself.

    What one notebook writes there is then missing for the others' sockets, until it is stopped.
    """
    about = os.statvfs(directory)
    return about.f_blocks * about.f_frsize <= SMALL


def clear_socket_directory(directory: Path) -> None:
    """Take away what :func:`prepare_socket_directory` mounted; nothing happens where nothing is."""
    while os.geteuid() == 0 and os.path.ismount(directory):
        run(["umount", "--lazy", str(directory)])


def clear_socket_directories(settings: Settings) -> None:
    """Take away everybody's mounts: a hub that stops while a notebook starts leaves that one's behind."""
    for directory in sorted((settings.run.resolve() / "door" / "people").glob("*/in")):
        clear_socket_directory(directory)
