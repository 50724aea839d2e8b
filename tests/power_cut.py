"""What a power cut leaves of the files that a traced process wrote.

Only what was written before an fsync of the same file that returned is certain to be on the disk. Of what
was written later, each sector may be there or not, in any order; a new file is there once its directory
was flushed. Where a trace is cut decides which answers had left by then.
"""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
CALLS = "pwrite64,write,fsync,fdatasync,ftruncate"
_LINE = re.compile(r"^(?P<thread>\d+) +(?P<rest>.*)$")
_RESUMED = re.compile(r"^<\.\.\. (?P<call>\w+) resumed>(?P<end>.*)$")
_CALL = re.compile(
    r"^(?P<call>\w+)\((?P<handle>\d+)<(?P<path>[^>]*)>(?P<arguments>.*)\)\s*= (?P<result>-?\d+)"
)
_DATA = re.compile(r'^, "(?P<data>(?:[^"\\]|\\.)*)"(?P<cut>\.\.\.)?, (?P<length>\d+)(?:, (?P<offset>\d+))?$')
_UNFINISHED = " <unfinished ...>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One call that returned: bytes written, a file made shorter, a flush, or a line said."""

    call: str
    path: str
    began: int
    """Line of the trace at which it began; a flush covers what had returned before that."""
    returned: int
    offset: int = 0
    data: bytes = b""


@dataclass(slots=True)
class _File:
    content: bytearray
    waiting: list[Step] = field(default_factory=list)
    there: bool = True
    unit: int = SECTOR


def trace(command: Sequence[str | Path], *, environment: Mapping[str, str], into: Path) -> list[Step]:
    """Run ``command`` to its end and return what it did to files and said, in the order of returning."""
    subprocess.run(
        ["strace", "-f", "-y", "-s", "1000000", "-e", f"trace={CALLS}", "-o", into, *command],
        env=dict(environment), check=True, capture_output=True,
    )  # fmt: skip
    begun: dict[str, tuple[int, str]] = {}
    steps = []
    for number, line in enumerate(into.read_text(encoding="ascii").splitlines()):
        if (found := _LINE.match(line)) is None:
            continue
        thread, rest, began = found["thread"], found["rest"], number
        if rest.endswith(_UNFINISHED):
            begun[thread] = (number, rest.removesuffix(_UNFINISHED))
            continue
        if resumed := _RESUMED.match(rest):
            began, head = begun.pop(thread)
            rest = head + resumed["end"]
        # A file that has no name any more is nothing that a power cut leaves.
        if (call := _CALL.match(rest)) and not call["arguments"].startswith("(deleted)"):
            steps.append(_step(call, began=began, returned=number))
    return steps


def said(steps: Sequence[Step]) -> list[str]:
    """Return the lines that had left."""
    return b"".join(step.data for step in steps if step.call == "write").decode().splitlines()


def leave(
    steps: Sequence[Step], home: Path, *, chance: random.Random, kept: float, pages: Mapping[str, int]
) -> None:
    """Make of ``home``, as it was before, what a power cut after ``steps`` leaves of it.

    Args:
        steps: what was done until the cut.
        home: a copy of the files before the first step.
        chance: decides which sectors that were not flushed are there.
        kept: how likely each is.
        pages: files whose sectors go together, and how many bytes at once.
    """
    names = {step.path for step in steps if step.call != "write" and not step.path.endswith("-shm")}
    files = {
        name: _File(_before(home / name), there=(home / name).is_file(), unit=pages.get(name, SECTOR))
        for name in names
    }
    for step in steps:
        if step.call in {"fsync", "fdatasync"}:
            _flush(files, step, directory=(home / step.path).is_dir())
        elif step.path in files:
            files[step.path].waiting.append(step)
    for name, file in files.items():
        if (home / name).is_dir() or not file.there:
            continue
        for step in file.waiting:
            _land(file, step, chance=chance, kept=kept)
        (home / name).write_bytes(file.content)


def relative(steps: Sequence[Step], home: Path) -> list[Step]:
    """Return the steps on files under ``home``, named from there, and what was said."""
    inside = f"{home.resolve()}/"
    return [
        Step(call=one.call, path=one.path.removeprefix(inside), began=one.began, returned=one.returned,
             offset=one.offset, data=one.data)
        for one in steps
        if one.path.startswith(inside) or one.call == "write"
    ]  # fmt: skip


def _step(call: re.Match[str], *, began: int, returned: int) -> Step:
    name, result = call["call"], int(call["result"])
    assert result >= 0, f"{name} failed while it was traced"
    if name in {"fsync", "fdatasync"}:
        return Step(call=name, path=call["path"], began=began, returned=returned)
    if name == "ftruncate":
        length = int(call["arguments"].removeprefix(", "))
        return Step(call=name, path=call["path"], began=began, returned=returned, offset=length)
    data = _DATA.match(call["arguments"])
    assert data is not None, call["arguments"][:100]
    assert data["cut"] is None, "the trace must hold every byte"
    content = data["data"].encode("ascii").decode("unicode_escape").encode("latin-1")
    assert len(content) == int(data["length"]) == result
    return Step(
        call=name,
        path=call["path"],
        began=began,
        returned=returned,
        offset=int(data["offset"] or 0),
        data=content,
    )


def _before(path: Path) -> bytearray:
    return bytearray(path.read_bytes()) if path.is_file() else bytearray()


def _flush(files: Mapping[str, _File], step: Step, *, directory: bool) -> None:
    if directory:
        for name, file in files.items():
            file.there = file.there or str(Path(name).parent) == step.path
        return
    file = files[step.path]
    for waiting in file.waiting:
        if waiting.returned < step.began:
            _write(file.content, waiting.offset, waiting.data, waiting.call)
    file.waiting = [waiting for waiting in file.waiting if waiting.returned >= step.began]


def _land(file: _File, step: Step, *, chance: random.Random, kept: float) -> None:
    """Let some sectors of a write that was not flushed reach the disk."""
    if step.call == "ftruncate":
        if chance.random() < kept:
            _write(file.content, step.offset, b"", step.call)
        return
    at, end = step.offset, step.offset + len(step.data)
    while at < end:
        until = min(end, (at // file.unit + 1) * file.unit)
        if chance.random() < kept:
            _write(file.content, at, step.data[at - step.offset : until - step.offset], step.call)
        at = until


def _write(content: bytearray, offset: int, data: bytes, call: str) -> None:
    if call == "ftruncate":
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data
