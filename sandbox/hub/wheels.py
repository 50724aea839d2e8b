"""A folder with every wheel a notebook needs, for the exact Python it will run on.

The folder is what makes the image's build work without a network. It is kept in the user's cache under
a digest of the requirements and the Python version, so a second build downloads nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from sandbox.canonical import digest_of
from sandbox.errors import StartupRefusal
from sandbox.hub.programs import run

PLATFORMS = (
    "manylinux_2_36_x86_64",
    "manylinux_2_34_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux2014_x86_64",
    "manylinux_2_17_x86_64",
    "any",
)
"""Debian 12 has glibc 2.36; pip takes only the tags it is told, not the older ones they imply."""


def cache_directory(name: str) -> Path:
    """Return the user's directory for what can be made again; ``XDG_CACHE_HOME`` says where these are."""
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "public-data-sandbox" / name
    place.mkdir(parents=True, exist_ok=True)
    return place


def download_wheels(requirements: Path, *, python_version: str, say: Callable[[str], None]) -> Path:
    """Return a folder with the wheels of ``requirements.txt`` and ``constraints.txt`` in ``requirements``.

    Args:
        requirements: directory holding the two files.
        python_version: exact version (``3.11.2``) of the base image's Python: a package may ask for a
            later patch release than the one the image has.
        say: told what is going on.

    Raises:
        StartupRefusal: pip found no wheel for something.
    """
    files = [requirements / "requirements.txt", requirements / "constraints.txt"]
    key = digest_of([python_version, *(path.read_text() for path in files)]).removeprefix("sha256:")[:16]
    cache = cache_directory("wheels")
    folder = cache / key
    if folder.is_dir():
        return folder
    say(f"Collecting wheels for Python {python_version} ...")
    minor = "".join(python_version.split(".")[:2])
    abis = [option for abi in (f"cp{minor}", "abi3", "none") for option in ("--abi", abi)]
    platforms = [option for platform in PLATFORMS for option in ("--platform", platform)]
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=cache))
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--only-binary=:all:",
        "--dest",
        str(partial),
    ]
    target = ["--implementation", "cp", "--python-version", python_version, *abis, *platforms]
    try:
        run([*command, *target, "--requirement", str(files[0]), "--constraint", str(files[1])])
    except StartupRefusal:
        shutil.rmtree(partial)
        raise
    partial.rename(folder)
    return folder
