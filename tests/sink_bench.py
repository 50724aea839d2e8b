"""What tests of sinks share: made-up records, and sinks that are closed behind each test."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sandbox import canonical
from sandbox.audit.sinks import Delivered, Sinks, Spec

DEADLINE = 1.0
Open = Callable[..., Sinks]


def record(seq: int, *, size: int = 0) -> Delivered:
    document: canonical.Canonical = {
        "at": "2026-05-06T07:08:09.123456+00:00",
        "kind": "login",
        "n": seq,
        "pad": "统" * size,
    }
    return Delivered(seq, canonical.encode(document))


def records(first: int, end: int) -> list[Delivered]:
    return [record(seq) for seq in range(first, end)]


def log_of(entries: Sequence[Delivered]) -> Callable[[int], Iterator[Delivered]]:
    return lambda first: iter(entries[first:])


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Read as a collector does: a line that is not JSON was cut off and is written again."""
    found = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def seqs_of(path: Path) -> list[int]:
    return [line["seq"] for line in lines_of(path)]


def file_spec(path: Path, *, required: bool = True, name: str = "copy") -> Spec:
    return Spec(name=name, kind="file", required=required, path=path)


def syslog_spec(transport: Any, address: object, *, required: bool = True) -> Spec:
    return Spec(name="remote", kind="syslog", required=required, transport=transport, address=str(address))


@pytest.fixture
def open_sinks(tmp_path: Path) -> Iterator[Open]:
    opened: list[Sinks] = []

    def start(*specs: Spec, deadline: float = DEADLINE) -> Sinks:
        opened.append(Sinks(specs, state=tmp_path / "positions", deadline=deadline))
        return opened[-1]

    yield start
    for sinks in opened:
        sinks.close()


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - the disk must be full, not broken


def deliver_one_by_one(sinks: Sinks, several: Sequence[Delivered]) -> None:
    for one in several:
        sinks.deliver([one])


def eventually(holds: Callable[[], bool], timeout: float = 10) -> None:
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


# --- files --------------------------------------------------------------------------------------------
