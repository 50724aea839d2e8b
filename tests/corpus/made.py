"""The pieces that hostile and benign files are put together from."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from typing import Any

from openpyxl import Workbook
from openpyxl.comments import Comment
from PIL import Image
from PIL.PngImagePlugin import PngInfo

SECRET = "PAYLOAD7391"
"""What a hostile file tries to carry out."""
ROWS: list[list[Any]] = [["district", "n", "mean"], ["Bei", 120, 3.5], ["Dong", 40, 2.25]]


def table(header: str, *rows: str) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def workbook(*, state: str = "", cell: Any = None, comment: bool = False, column: bool = False) -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in ROWS:
        sheet.append(row)
    if state:
        hidden = book.create_sheet("Back")
        hidden.append([SECRET, "n"])
        hidden.append(["x", 20])
        hidden.sheet_state = state
    if cell is not None:
        sheet["A2"] = cell
    if comment:
        sheet["A2"].comment = Comment(SECRET, SECRET)
    if column:
        for number in (1, 2, 3):
            sheet.cell(number, 4).value = SECRET + str(number)
        sheet.column_dimensions["D"].hidden = True
    book.properties.creator = SECRET
    return saved(book)


def saved(book: Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def workbook_with_hidden_row() -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in [*ROWS, [SECRET, 50, 1.5]]:
        sheet.append(row)
    sheet.row_dimensions[4].hidden = True
    return saved(book)


def with_member(data: bytes, name: str, content: bytes) -> bytes:
    """Return an archive with one member more."""
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def archive(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)
    return buffer.getvalue()


def chart(*, low: bool = False, kind: str = "PNG", text: bool = False) -> bytes:
    """Return a picture; where ``low``, its lowest bits spell the secret over and over."""
    image = Image.new("RGB", (64, 64), (240, 240, 240))
    image.paste((16, 80, 160), (8, 20, 24, 60))
    if low:
        bits = [int(bit) for byte in SECRET.encode() for bit in f"{byte:08b}"]
        pixels = bytearray(image.tobytes())
        for place in range(len(pixels)):
            pixels[place] = pixels[place] & 0xFE | bits[place % len(bits)]
        image = Image.frombytes("RGB", image.size, bytes(pixels))
    buffer = io.BytesIO()
    if kind == "JPEG":
        exif = Image.Exif()
        exif[0x010E] = SECRET
        image.save(buffer, "JPEG", exif=exif)
        return buffer.getvalue()
    info = PngInfo()
    if text:
        info.add_text("Comment", SECRET)
    image.save(buffer, kind, pnginfo=info) if kind == "PNG" else image.save(buffer, kind)
    return buffer.getvalue()


def pixel_bomb(side: int) -> bytes:
    """Return a small PNG that says it is ``side`` pixels high and wide."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def notebook(*outputs: dict[str, Any], source: str = "show()", **cell: Any) -> bytes:
    whole = {
        "cell_type": "code", "source": source, "metadata": {}, "outputs": list(outputs),
        "execution_count": 1, **cell,
    }  # fmt: skip
    words = {"cell_type": "markdown", "source": ["# Visits\n", "By district."], "metadata": {}}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"note": SECRET}, "cells": [words, whole]}
    return json.dumps(document).encode()


def shown(**data: Any) -> dict[str, Any]:
    kinds = {name.replace("_", "/", 1): value for name, value in data.items()}
    return {"output_type": "display_data", "metadata": {"x": SECRET}, "data": kinds}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
