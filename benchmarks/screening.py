"""How long a submitted file takes to become its canonical form, each in a new throw-away process."""

from __future__ import annotations

import io
import json
import statistics
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Final

from openpyxl import Workbook
from PIL import Image

from benchmarks.bench import Bench
from benchmarks.harness import Result, say
from sandbox.policy.grades import ReviewPolicy
from sandbox.review.finding import Verdict
from sandbox.review.screen.screening import ScreenedFile, screen_parts

ROWS: Final = 200
SIDE: Final = 30_000
"""Pixels of each side of the image bomb: 2.7 GB once decoded."""
ZEROS: Final = 400 * 1024**2
"""Bytes of the workbook bomb once unpacked."""
POLICY: Final = ReviewPolicy()


def measure(bench: Bench) -> Iterator[Result]:
    """Measure each kind of file, then bombs."""
    times = {name: _median(name, data, max(5, bench.sizes.starts)) for name, data in _files().items()}
    note = "Median of new processes, one for each file; nothing is kept warm."
    yield Result(
        name="screening of a file, median over kinds",
        value=statistics.median(times.values()) * 1e3,
        unit="ms",
        goal=300,
        notes=(note,),
    )
    for name, seconds in times.items():
        yield Result(name=f"  {name}", value=seconds * 1e3, unit="ms", goal=2_000, notes=(note,))
    for name, data in _bombs().items():
        yield Result(
            name=f"  refusal of a bomb, {name}",
            value=_refused(name, data),
            unit="s",
            goal=2,
            notes=("The process that reads it has 300 MiB of address space.",),
        )


def _median(name: str, data: bytes, repetitions: int) -> float:
    say(f"screening: {name}")
    taken = []
    for _ in range(repetitions):
        begun = time.perf_counter()
        parts = screen_parts(name, data, policy=POLICY)
        taken.append(time.perf_counter() - begun)
        if not all(part.canonical for part in parts):
            raise RuntimeError(f"{name} has no canonical form: {_codes(parts)}")
    return statistics.median(taken)


def _refused(name: str, data: bytes) -> float:
    say(f"screening: bomb {name}")
    begun = time.perf_counter()
    parts = screen_parts(name, data, policy=POLICY)
    taken = time.perf_counter() - begun
    if any(part.verdict is not Verdict.REFUSE for part in parts):
        raise RuntimeError(f"{name} was not refused")
    return taken


def _codes(parts: tuple[ScreenedFile, ...]) -> list[str]:
    return [finding.code for part in parts for finding in part.report.findings]


def _files() -> dict[str, bytes]:
    rows: list[list[Any]] = [
        ["district", "n", "mean"],
        *([f"d{i}", 10 + 5 * i, i % 7 + 0.5] for i in range(ROWS)),
    ]
    table = "\n".join(",".join(map(str, row)) for row in rows).encode()
    header, *body = rows
    records = json.dumps([dict(zip(header, row, strict=True)) for row in body]).encode()
    image = Image.radial_gradient("L").resize((900, 600)).convert("RGB")
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "Visits by district."}]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    return {
        "table.csv": table,
        "note.md": b"Visits by district, rounded to five.\n",
        "table.json": records,
        "report.ipynb": notebook.encode(),
        "chart.png": _saved(image, "PNG"),
        "chart.jpg": _saved(image, "JPEG"),
        "table.xlsx": _workbook(rows),
    }


def _saved(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def _workbook(rows: list[list[Any]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _bombs() -> dict[str, bytes]:
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(ZEROS))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000_000))
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    return {"bomb.xlsx": inside.getvalue(), "bomb.png": png}


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
