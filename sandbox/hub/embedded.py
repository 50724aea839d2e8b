"""The notebook's packages as a virtual environment, for machines without Docker.

Made once for each user and machine, in the user's cache under the digest of what goes in; every sandbox
of theirs gets hard links, so a second one takes a second and no room.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sandbox.errors import StartupRefusal
from sandbox.hub.programs import run
from sandbox.hub.recipes import CONTEXT, client_files, files_below, tag_of
from sandbox.hub.wheels import cache_directory
from sandbox.settings import Settings

UNWANTED = ("rfc3987-syntax", "lark")
"""Compiles 35 grammars at import for a format nobody checks: half of the time a server needs to start."""


def make_embedded(settings: Settings, say: Callable[[str], None] = print) -> Path:
    """Make the notebook's virtual environment under ``settings.home``; return its directory.

    Raises:
        StartupRefusal: a step failed.
    """
    environment = settings.home.resolve() / "notebook-env"
    client = settings.home.resolve() / "notebook-client"
    python = _python()
    texts = [path.read_text() for path in (*files_below(CONTEXT, "*.txt"), CONTEXT / "finish.py")]
    wanted = tag_of(python, *texts)
    marker = environment / ".made-of"
    if not marker.exists() or marker.read_text() != wanted:
        made = _made(cache_directory("environments") / wanted, python, say)
        shutil.rmtree(environment, ignore_errors=True)
        shutil.copytree(made, environment, symlinks=True, copy_function=_link)
        marker.write_text(wanted)
    shutil.copytree(CONTEXT / "jupyter", environment / "etc" / "jupyter", dirs_exist_ok=True)
    shutil.rmtree(client, ignore_errors=True)
    copy_client(client)
    say(f"The notebook's environment is ready in {environment}.")
    return environment


def copy_client(target: Path) -> None:
    """Copy what a notebook may have of the sandbox's own code into ``target``."""
    for name, source in client_files().items():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def _made(place: Path, python: str, say: Callable[[str], None]) -> Path:
    """Return ``place`` with the environment in it; it has its name only when it is whole."""
    if place.is_dir():
        return place
    say("Making the notebook's environment; this takes two minutes the first time ...")
    unfinished = Path(tempfile.mkdtemp(prefix="partial-", dir=place.parent))
    unfinished.chmod(0o755)
    try:
        run([python, "-m", "venv", str(unfinished)])
        inside = str(unfinished / "bin" / "python")
        requirements = ["-r", str(CONTEXT / "requirements.txt"), "-c", str(CONTEXT / "constraints.txt")]
        run([inside, "-m", "pip", "install", "--quiet", "--no-compile", *requirements])
        run([inside, "-m", "pip", "uninstall", "--quiet", "--yes", *UNWANTED])
        run([inside, str(CONTEXT / "finish.py")])
    except StartupRefusal:
        shutil.rmtree(unfinished)
        raise
    with suppress(OSError):  # another process was faster
        unfinished.rename(place)
    shutil.rmtree(unfinished, ignore_errors=True)
    return place


def _link(source: str, target: str) -> None:
    """Link, or copy where the cache lies in another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _python() -> str:
    """Debian's own Python where it can make environments, because every uid can reach it."""
    system = "/usr/bin/python3"
    try:
        run([system, "-c", "import ensurepip, sys; assert sys.version_info >= (3, 11)"])
    except StartupRefusal:
        return sys.executable
    return system
