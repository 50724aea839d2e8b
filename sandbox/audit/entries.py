"""Entries as CSV for a spreadsheet and as JSON lines for programs, a piece at a time."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from sandbox import canonical
from sandbox.audit.explore.explorer import Explorer
from sandbox.audit.explore.found import Wanted
from sandbox.audit.reading import Entry

PAGE = 500
"""Entries read at once."""
COLUMNS = (
    "seq",
    "at",
    "kind",
    "actor",
    "subject",
    "authorization",
    "dataset",
    "decision",
    "related",
    "private",
    "body",
)
_FORMULA = frozenset("=+-@")
"""First characters, in any width, after which a spreadsheet may compute a cell instead of showing it."""


def newest_first(explorer: Explorer, wanted: Wanted) -> Iterator[Entry]:
    """Yield every entry that fits, newest first.

    A page at a time, so that neither memory nor a transaction grows with the log.
    """
    before: int | None = wanted.before
    while True:
        page = explorer.find(replace(wanted, before=before), limit=PAGE)
        yield from page.entries
        if page.older is None:
            return
        before = page.older


def as_csv(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield a header and then a line for each entry, in UTF-8, with CRLF (RFC 4180).

    Every cell is quoted, and an apostrophe precedes what a spreadsheet would take for a formula: names
    in the log may come from whoever asks.
    """
    yield _line(COLUMNS)
    for entry in entries:
        event = entry.event
        yield _line(
            (
                str(entry.seq),
                entry.at,
                *(str(event[name]) for name in COLUMNS[2:8]),
                " ".join(event["related"]),
                str(event.get("private", "")),
                canonical.encode(event["body"]).decode(),
            )
        )


def as_json_lines(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield a line for each entry, the same as in a ``file`` sink: the leaf's own bytes and its place."""
    for entry in entries:
        yield canonical.encode({"leaf": entry.event, "seq": entry.seq}) + b"\n"


FORMATS: Mapping[str, Callable[[Iterable[Entry]], Iterator[bytes]]] = {"csv": as_csv, "jsonl": as_json_lines}
"""Writers by the name of their format."""


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow([_safe(cell) for cell in cells])
    return text.getvalue().encode()


def _safe(cell: str) -> str:
    # Behind white space too: some spreadsheets drop it, and read a tab or a line break as a new cell.
    first = unicodedata.normalize("NFKC", cell.lstrip()[:1])
    return "'" + cell if first in _FORMULA or cell.startswith(("\t", "\r", "\n")) else cell
