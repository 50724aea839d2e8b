"""The inside of the throw-away process: one file in by stdin, its canonical forms out by stdout.

Limits are taken on before the first byte of the file is read, and cannot be given back. Frames are
one line of JSON, then raw bytes. Exit status 0 means the answer is whole; anything else, nothing.
"""

from __future__ import annotations

import json
import resource
import sys

MEMORY = 300 * 1024 * 1024
"""Address space in bytes."""
CPU_SECONDS = 5
OUTPUT = 64 * 1024 * 1024
"""Bytes the process may write; canonical forms are far smaller."""


def take_limits() -> None:
    """Give up memory, time, output, processes and core dumps beyond the limits, for good."""
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, OUTPUT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(kind, (limit, limit))


def main() -> None:
    """Screen the one file on stdin."""
    take_limits()
    from sandbox.review.forms import Thresholds  # noqa: PLC0415  # under limits from here on
    from sandbox.review.screen.parts import parts_of  # noqa: PLC0415

    order = json.loads(sys.stdin.buffer.readline())
    parts = parts_of(
        order["name"],
        sys.stdin.buffer.read(),
        thresholds=Thresholds(**order["thresholds"]),
        covered=frozenset(order["covered"]),
    )
    answer = [
        {
            "name": part.name,
            "kind": part.form.kind,
            "size": len(part.form.content),
            "findings": [finding.to_document() for finding in part.form.findings],
        }
        for part in parts
    ]
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + b"".join(p.form.content for p in parts))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
