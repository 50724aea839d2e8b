"""``python -m sandbox.web``: run the gateway's two servers until told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys

from sandbox.errors import StartupRefusal, Unavailable
from sandbox.settings import Settings
from sandbox.web.server import serve

REFUSED = 2
"""Exit status of a process that would not keep its promises."""


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # The hub's client logs user models and cookies' ids at lower levels.
    logging.getLogger("tornado").setLevel(logging.ERROR)
    try:
        asyncio.run(serve(Settings.from_environment(), ready=_say))
    except (StartupRefusal, Unavailable) as refusal:
        sys.stderr.write(f"{refusal}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
