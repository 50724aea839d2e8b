"""Any file as lines that hide nothing: its text with what cannot be seen spelled out, or its bytes."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from sandbox.web.viewer.marks import Marks

PAGE_LINES = 400
LINE_CHARACTERS = 4_000
"""Of one line; the rest is counted, and the bytes show it."""
HEX_BYTES = 16
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode's categories of characters that leave no mark on the screen or move others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line, with the numbers of the findings that name it."""

    number: str
    """Line number, or of bytes the place of the first, in hexadecimal."""
    text: str
    more: int
    """Characters that are left out."""
    findings: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LinesView:
    """One page of lines."""

    lines: tuple[Line, ...]
    page: int
    pages: int
    total: int
    first: int
    """Index of the first line shown, from 0."""


def view_text(data: bytes, *, marks: Marks, page: int) -> LinesView:
    """Return a page of the text in ``data``; bytes that are no UTF-8 stand as U+FFFD."""
    lines = data.decode("utf-8", "replace").split("\n")
    lines = lines[:-1] if lines and not lines[-1] else lines
    page, pages = _within(page, len(lines))
    first = (page - 1) * PAGE_LINES
    shown = tuple(
        Line(
            number=str(number),
            text="".join(map(_visible, line[:LINE_CHARACTERS])),
            more=max(0, len(line) - LINE_CHARACTERS),
            findings=marks.rows.get(number, ()),
        )
        for number, line in enumerate(lines[first : first + PAGE_LINES], start=first + 1)
    )
    return LinesView(lines=shown, page=page, pages=pages, total=len(lines), first=first)


def view_hex(data: bytes, *, page: int) -> LinesView:
    """Return a page of ``data`` as hexadecimal bytes, printable ASCII beside them."""
    total = -(-len(data) // HEX_BYTES)
    page, pages = _within(page, total)
    first = (page - 1) * PAGE_LINES
    shown = tuple(
        Line(number=f"{place:08x}", text=_hex(data[place : place + HEX_BYTES]), more=0, findings=())
        for place in range(first * HEX_BYTES, min(len(data), (first + PAGE_LINES) * HEX_BYTES), HEX_BYTES)
    )
    return LinesView(lines=shown, page=page, pages=pages, total=total, first=first)


def _within(page: int, lines: int) -> tuple[int, int]:
    pages = max(1, -(-lines // PAGE_LINES))
    return min(max(page, 1), pages), pages


def _visible(letter: str) -> str:
    if letter == "\t" or unicodedata.category(letter) not in _UNSEEN:
        return letter
    return f"\u2039U+{ord(letter):04X}\u203a"


def _hex(part: bytes) -> str:
    pairs = " ".join(f"{byte:02x}" for byte in part)
    printed = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)  # noqa: PLR2004  # printable ASCII
    return f"{pairs:<{3 * HEX_BYTES}} {printed}"
