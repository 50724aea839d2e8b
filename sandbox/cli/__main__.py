"""``python -m sandbox.cli``: the ``sandbox`` command where it is not on PATH."""

from sandbox.cli import main

main()
