"""Other people's programs, run to their end, with one sentence when they fail."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Container, Sequence
from pathlib import Path

from sandbox.errors import StartupRefusal

KEPT_WORDS = 500
"""How many characters of a failed program's own words an operator is shown."""


def run(command: Sequence[str], *, fine: Container[int] = (0,)) -> str:
    """Run ``command`` (never through a shell), return what it printed.

    Args:
        command: the program and its words.
        fine: statuses that do not mean that it failed.

    Raises:
        StartupRefusal: the program is missing or failed.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # argv list, our own words
    except FileNotFoundError as error:
        raise StartupRefusal(f"The program {name} is missing; install it.") from error
    if done.returncode not in fine:
        words = re.sub(r"\s+", " ", done.stderr.strip())[-KEPT_WORDS:]
        raise StartupRefusal(f"{name} failed: {words}")
    return done.stdout
