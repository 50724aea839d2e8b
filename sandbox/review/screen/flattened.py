"""A notebook becomes a report of its visible text, and each table and image shown in it a file of its own.

Only what these functions name is taken: the source of cells, printed text, tables out of HTML, PNG.
Attachments, metadata, widgets, scripts, vector graphics and whatever a later version of the format adds
stay behind.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from sandbox.review.finding import RefusedFile, refused
from sandbox.review.screen.pieces import Piece, Pieces, dropped
from sandbox.review.screen.records import read_json
from sandbox.review.screen.rows import csv_of

VERSION = "4"
"""Of the notebook format; all that Jupyter has written since 2014."""
_ROW_GROUP = ("td", "th")


def read_notebook(data: bytes) -> Pieces:
    """Return the report, the tables and the images of a notebook.

    Raises:
        RefusedFile: it is no notebook of format 4.
    """
    document = read_json(data)
    try:
        if document["nbformat"] != VERSION:
            raise _no_notebook()
        cells = [cell for cell in document["cells"] if not _hidden(cell, "source_hidden")]
        lines: list[str] = []
        shown: list[Piece] = []
        left = {"metadata"}
        if len(cells) < len(document["cells"]):
            left.add("hidden cells")
        for cell in cells:
            lines += [*_text(cell["source"]).split("\n"), ""]
            left |= {"attachments"} if cell.get("attachments") else set()
            if _hidden(cell, "outputs_hidden"):
                left |= {"hidden outputs"} if cell.get("outputs") else set()
                continue
            for output in cell.get("outputs", []):
                _take(output, lines, shown, left)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _no_notebook() from error
    report = Piece("txt", "\n".join(lines).encode())
    return Pieces((report, *shown), tuple(map(dropped, sorted(left))))


def _hidden(cell: dict[str, Any], what: str) -> bool:
    metadata = cell["metadata"]
    jupyter = metadata.get("jupyter", {})
    tags = metadata.get("tags", [])
    named = {"source_hidden": "remove-cell", "outputs_hidden": "remove-output"}[what]
    collapsed = what == "outputs_hidden" and metadata.get("collapsed") is True
    return jupyter.get(what) is True or collapsed or named in tags


def _take(output: dict[str, Any], lines: list[str], shown: list[Piece], left: set[str]) -> None:
    if output["output_type"] == "stream":
        lines += [*_text(output["text"]).split("\n"), ""]
        return
    if output["output_type"] not in {"display_data", "execute_result"}:
        left.add("errors")
        return
    data = output["data"]
    tables = list(tables_in(_text(data.get("text/html", ""))))
    shown += [Piece("csv", csv_of(table)) for table in tables]
    if "image/png" in data:
        shown.append(Piece("png", base64.b64decode("".join(_text(data["image/png"]).split()), validate=True)))
    elif "text/plain" in data and not tables:
        lines += [*_text(data["text/plain"]).split("\n"), ""]
    left |= {
        f"outputs of type {kind}" for kind in ("image/svg+xml", "application/javascript") if kind in data
    }
    if not {"image/png", "text/plain"} & set(data) and not tables:
        left.add("outputs that are neither text, table nor PNG")


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else "".join(value)
    return text.rstrip("\n")


def _no_notebook() -> RefusedFile:
    return refused(
        "content", "The file is no notebook of format 4.", fix="Save it in Jupyter and submit that."
    )


def tables_in(html: str) -> Iterator[list[list[str]]]:
    """Yield the tables in ``html`` as rows of text; whatever stands outside their cells is not read."""
    reader = _Tables()
    reader.feed(html)
    reader.close()
    for table in reader.tables:
        if table and table[0] and not table[0][0]:
            table[0][0] = "index"  # how pandas writes the heading of a data frame's labels
        yield table


class _Tables(HTMLParser):
    """Collects cells; a table inside a cell counts as text of that cell."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._inside = False
        self._quiet = False

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in _ROW_GROUP and self.tables and self.tables[-1]:
            self.tables[-1][-1].append("")
            self._inside = True
        elif tag in {"script", "style"}:
            self._quiet = True

    def handle_endtag(self, tag: str) -> None:
        if tag in _ROW_GROUP:
            self._inside = False
        elif tag in {"script", "style"}:
            self._quiet = False

    def handle_data(self, text: str) -> None:
        if self._inside and not self._quiet:
            self.tables[-1][-1][-1] += text
