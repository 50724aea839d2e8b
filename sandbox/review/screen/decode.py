"""Bytes become text: strictly, in one normal form, and without a character that no eye sees.

The order: known signatures of other formats, then UTF-8, then UTF-16 with its mark, then detection
among the encodings that offices here still write, which leaves a flag. Refused wherever it comes
from: control, zero-width, bidirectional, private-use and unassigned characters.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

from sandbox.review.finding import Finding, Severity, refused
from sandbox.review.screen.names import ALLOWED

SIGNATURES = (
    b"PK\x03\x04", b"PK\x05\x06", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"BZh",
    b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"PAR1", b"SQLite format 3", b"\xd0\xcf\x11\xe0", b"{\\rtf",
    b"\x7fELF", b"MZ", b"\x80\x04", b"\x80\x05", b"\x28\xb5\x2f\xfd", b"\x89HDF",
)  # fmt: skip
"""First bytes of archives, documents, images, programs, pickles: never text."""
ENCODINGS = ("gb18030", "big5", "cp1252")
"""What a text that is not Unicode may be; anything else is refused."""
_MARKUP = re.compile(r"\s*<(\?xml|!doctype|html|svg|script|body)\b", re.IGNORECASE)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_LINE_MARKS = {"\n", "\t"}
_OTHER_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
"""Variation selectors, fillers and joiners that Unicode files under letters and marks."""


def decode(data: bytes) -> tuple[str, list[Finding]]:
    """Return the text of ``data`` in Unicode normal form C with newline line ends.

    Raises:
        RefusedFile: it is another format, no known encoding, or holds invisible characters.
    """
    if data.startswith(SIGNATURES):
        raise refused("content", "The content is not what the file's name says.", fix=ALLOWED)
    text, findings = _read(data)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _MARKUP.match(text):
        raise refused("content", "The content is markup that a browser would run.", fix=ALLOWED)
    _refuse_invisible(text)
    return unicodedata.normalize("NFC", text), findings


def _read(data: bytes) -> tuple[str, list[Finding]]:
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16"), []
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return _guess(data)


def _guess(data: bytes) -> tuple[str, list[Finding]]:
    from charset_normalizer import from_bytes  # noqa: PLC0415  # 35 ms that plain UTF-8 need not pay

    best = None if b"\0" in data else from_bytes(data, cp_isolation=list(ENCODINGS)).best()
    if best is None:
        raise refused("encoding", "The characters cannot be read.", fix="Save the file as UTF-8.")
    finding = Finding(
        code="encoding",
        severity=Severity.FLAG,
        where="file",
        sentence=f"The file is not Unicode; it was read as {best.encoding}, which is a guess.",
        fix="Save the file as UTF-8, or compare the canonical form with what was meant.",
    )
    return data.decode(best.encoding), [finding]


def _refuse_invisible(text: str) -> None:
    doubtful = {
        character
        for character in set(text) - _LINE_MARKS
        if unicodedata.category(character) in _INVISIBLE or _OTHER_INVISIBLE.match(character)
    }
    if not doubtful:
        return
    place = min(map(text.index, doubtful))
    line = text.count("\n", 0, place) + 1
    raise refused(
        "characters",
        f"The character U+{ord(text[place]):04X} cannot be seen or reorders what is seen.",
        fix="Remove control, zero-width and direction characters.",
        where=f"line {line}",
    )
