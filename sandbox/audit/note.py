"""The form of a signed note: a text, an empty line, and one line for each signature.

Who signed is not looked at here; see https://c2sp.org/signed-note.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

LIMIT = 100_000
"""Bytes of a note that is read: 16 post-quantum signatures of 5 kB fit (signed-note, Format)."""
_KEY_ID_SIZE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One signature as a note carries it."""

    name: str
    """Name of the key."""
    key_id: bytes
    """Four bytes that, with the name, say which key is meant."""
    signature: bytes
    """Whatever this kind of key signs with."""

    def text(self) -> str:
        """Return the line with its newline."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


def split(note: bytes) -> tuple[str, tuple[Line, ...]]:
    """Return the text of a note and its signatures, in their order, none of them checked.

    Raises:
        ValueError: it is not a note; says why, after "The note is not accepted:".
    """
    if len(note) > LIMIT:
        raise ValueError("it is too long")
    try:
        text, _, signatures = note.decode().rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise ValueError("it is not text") from error
    if not signatures.endswith("\n"):
        raise ValueError("its last line is cut")
    return text + "\n", tuple(_line(line) for line in signatures[:-1].split("\n"))


def lines(signatures: bytes) -> tuple[Line, ...]:
    """Return signatures that came without their text, as a witness sends them.

    Raises:
        ValueError: they are something else.
    """
    return split(b"\n\n" + signatures)[1]


def _line(line: str) -> Line:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not parts[1]:  # noqa: PLR2004  # dash, name, signature
        raise ValueError("it has a line that is no signature")
    try:
        value = base64.b64decode(parts[2], validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError("it has a line that is no signature") from error
    if base64.b64encode(value).decode() != parts[2] or len(value) <= _KEY_ID_SIZE:
        raise ValueError("it has a line that is no signature")
    return Line(name=parts[1], key_id=value[:_KEY_ID_SIZE], signature=value[_KEY_ID_SIZE:])
