"""``python -m sandbox.signer``: sign the log's checkpoints until told to stop."""

from __future__ import annotations

import sys

from sandbox.errors import StartupRefusal
from sandbox.settings import Settings
from sandbox.signer.serve import serve

REFUSED = 2
"""Exit status of a process that would not keep its promises."""


def main() -> int:
    """Return the exit status."""
    try:
        serve(Settings.from_environment())
    except StartupRefusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
