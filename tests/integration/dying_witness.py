"""A witness that is killed at one moment of its first cosignature. Run by tests; not a test itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from sandbox.witness.memory import Memory, Seen
from sandbox.witness.server import serve

keep = Memory.keep


def before(self: Memory, seen: Seen) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    keep(self, seen)


def after(self: Memory, seen: Seen) -> None:
    keep(self, seen)
    os.kill(os.getpid(), signal.SIGKILL)


def ready(port: int) -> None:
    sys.stdout.write(f"witness ready: http://127.0.0.1:{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Memory.keep = {"before": before, "after": after}[sys.argv[2]]  # type: ignore[method-assign]  # the kill
    asyncio.run(serve(Path(sys.argv[1]), host="127.0.0.1", port=0, ready=ready))
