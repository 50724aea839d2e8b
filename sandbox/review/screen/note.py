"""Text becomes a note in one canonical form: lines without trailing space, one newline each."""

from __future__ import annotations

import re

from sandbox.review.finding import refused
from sandbox.review.forms import Note

MOST_CHARACTERS = 50_000
"""About twenty printed pages: a note that a reviewer still reads."""
_ACTIVE = re.compile(r"<[A-Za-z/!?]|!\[|\b(javascript:|vbscript:|file://|data:[a-z]+[/;,])", re.IGNORECASE)


def read_note(text: str) -> Note:
    """Return the note in ``text``.

    Raises:
        RefusedFile: it is empty, too long, or would load or run something when rendered.
    """
    if len(text) > MOST_CHARACTERS:
        raise refused(
            "note",
            f"The note is longer than {MOST_CHARACTERS} characters.",
            fix="Shorten it to what is meant to leave.",
        )
    lines = [" ".join(line.split()) if line.strip() else "" for line in text.split("\n")]
    lines = [
        _indent(original) + line if line else ""
        for original, line in zip(text.split("\n"), lines, strict=True)
    ]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise refused("note", "The note is empty.", fix="Leave the file out.")
    for number, line in enumerate(lines, start=1):
        if _ACTIVE.search(line):
            raise refused(
                "note",
                "The line holds markup, an image or a link that could load or run something.",
                fix="Write plain words; name sources without links that act.",
                where=f"line {number}",
            )
    return Note(tuple(lines))


def note_bytes(note: Note) -> bytes:
    """Return the one text of ``note``."""
    return "".join(line + "\n" for line in note.lines).encode()


def _indent(line: str) -> str:
    # Lists and code blocks live by their indentation; four levels are enough for them.
    depth = len(line) - len(line.lstrip())
    return " " * min(depth - depth % 2, 8)
