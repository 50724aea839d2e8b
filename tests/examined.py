"""``sandbox doctor`` as a person runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from sandbox.hub.parts import environment_of
from sandbox.settings import Settings


def doctor(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox.cli", "doctor", *words],
        env=environment_of(settings, os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
