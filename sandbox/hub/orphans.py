"""Processes that outlive the part that started them.

The hub starts its proxy in a session of its own and, stopped at a bad moment, leaves it behind with the
port everybody uses. The supervisor therefore adopts whatever its parts leave (prctl(2),
PR_SET_CHILD_SUBREAPER) and ends it when everything stops.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SET_CHILD_SUBREAPER = 36
_PARENT_FIELD = 1
"""Of what follows the name in /proc/PID/stat, see proc(5)."""
PATIENCE = 5.0
"""Seconds between asking an orphan to end and ending it."""


def adopt() -> None:
    """Become the parent of whatever our children leave behind, from now on."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_adopted() -> None:
    """End every child there still is; call it when all known ones have been waited for."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + PATIENCE
        for child in _children():
            with suppress(ProcessLookupError):
                os.kill(child, number)
        while any(_children()) and time.monotonic() < deadline:
            _reap()
            time.sleep(0.05)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _children() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            # The name may hold anything, brackets too; what follows its last bracket is plain.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[_PARENT_FIELD]) == os.getpid():
                yield int(entry.name)
