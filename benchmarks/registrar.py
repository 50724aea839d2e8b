"""Registers the dataset and prints what it took; ``python -m benchmarks.registrar HOME POLICIES``.

A process that does nothing else, because the system tells the largest memory of all children together:
here the only child is the one that reads the raw rows.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import click

from benchmarks.harness import seconds_of
from sandbox.governance.installation import open_books
from sandbox.governance.registration import register
from sandbox.policy.load import load
from sandbox.settings import Settings


def main() -> None:
    """Register and report."""
    home, policies = (Path(argument) for argument in sys.argv[1:])
    settings = Settings(home=home, raw=home / "raw", policies=policies)
    loaded, books = load(policies), open_books(settings)
    seconds = seconds_of(
        lambda: register("bench", actor="bench", settings=settings, policies=loaded, books=books)
    )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024  # Linux counts in KiB
    click.echo(json.dumps({"seconds": seconds, "peak_bytes": peak}))


if __name__ == "__main__":
    main()
