"""Other people's programs, run to their end, with one sentence when they fail."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sandbox.errors import StartupRefusal

KEPT_WORDS = 500
"""How many characters of a failed program's own words an operator is shown."""


def run(command: Sequence[str]) -> str:
    """Run ``command`` (never through a shell), return what it printed.

    Raises:
        StartupRefusal: the program is missing or failed.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # argv list, our own words
    except FileNotFoundError as error:
        raise StartupRefusal(f"The program {name} is missing; install it.") from error
    except subprocess.CalledProcessError as error:
        words = re.sub(r"\s+", " ", str(error.stderr).strip())[-KEPT_WORDS:]
        raise StartupRefusal(f"{name} failed: {words}") from error
    return done.stdout
