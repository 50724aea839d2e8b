"""What of an entry is found by text, and when a text fits an entry.

The values of the leaf are searched, not the names of its fields, whatever their case. A digest or an id
of 32 hex digits or more is found by its beginning or as a whole, never by a piece from its middle: else
one entry in a few would hold any word of hex digits, such as ``2026`` or ``fade``, by chance.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

GRAM: Final = 3
"""Letters of the pieces that the index knows; a shorter text is looked for without it."""
BEGINNING: Final = 12
"""Hex digits of a digest that the index knows."""
_LONG = re.compile(r"([0-9a-f]{12})[0-9a-f]{20,}")
_BEGUN = re.compile(r"([0-9a-f]{12})[0-9a-f]+")


def searchable(event: Mapping[str, Any]) -> str:
    """Return the text of an entry that a search looks at, in lower case, a line for each value."""
    return _LONG.sub(r"\1", _text(event))


@dataclass(frozen=True)
class Words:
    """A text to be looked for, as one piece."""

    text: str

    @cached_property
    def folded(self) -> str:
        """The text as it is compared."""
        return _folded(self.text)

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """What a fitting entry's searchable text holds; where a digest may be cut, a piece ends."""
        cut = _BEGUN.sub("\\1\n", self.folded)
        return tuple(piece for piece in cut.split("\n") if piece)

    @cached_property
    def grams(self) -> frozenset[str]:
        """The pieces of :data:`GRAM` letters that a fitting entry holds; empty for a short text."""
        return frozenset(gram for piece in self.pieces for gram in grams(piece))

    @cached_property
    def _plain(self) -> bytes | None:
        """The bytes that a fitting leaf holds, where JSON writes them as they are."""
        written = self.folded.isascii() and self.folded.isprintable() and not {*self.folded} & {'"', "\\"}
        return self.folded.encode() if written else None

    def fit(self, leaf: bytes) -> bool:
        """Whether the entry holds the text."""
        # Ruled out without reading the JSON, which takes longer than everything else.
        if self._plain is not None and self._plain not in leaf.lower():
            return False
        text = _text(json.loads(leaf))
        if self.folded not in text:
            return False
        short = _LONG.sub(r"\1", text)
        return all(piece in short for piece in self.pieces)


def grams(text: str) -> Iterator[str]:
    """Yield all runs of :data:`GRAM` letters."""
    return (text[start : start + GRAM] for start in range(len(text) - GRAM + 1))


def _text(event: Mapping[str, Any]) -> str:
    return _folded("\n".join(_values(event)))


def _folded(text: str) -> str:
    # lower, not casefold: it keeps every letter one letter for nearly all scripts, as the index does.
    return text.lower().replace("\x00", " ")


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    elif value is not None and value != "":
        yield str(value)
