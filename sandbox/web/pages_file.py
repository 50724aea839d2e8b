"""One file of a request as its reviewers and its author see it: the very bytes that would leave."""

from __future__ import annotations

import re
from typing import Any, Final

from sandbox.errors import NotFound
from sandbox.review.finding import Report
from sandbox.review.rounds import Version, earlier
from sandbox.web.render import page, segment
from sandbox.web.route import Call, Reply
from sandbox.web.viewer.asked import Asked, read_asked
from sandbox.web.viewer.changes import Changes, compare
from sandbox.web.viewer.lines import LinesView, view_hex, view_text
from sandbox.web.viewer.marks import marks_of
from sandbox.web.viewer.table import TableView, read_cells, view_table

_NUMBERED = re.compile(r"(?:row|line) (?P<number>[0-9]{1,9})")
PNG: Final = b"\x89PNG\r\n\x1a\n"
IMAGE_HEADERS: Final = {
    # Nothing may be fetched or run even where the image is opened alone and taken for something else.
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Content-Disposition": "inline; filename=image.png",
}


def show(call: Call, view: dict[str, Any], file: dict[str, Any], data: bytes, *, base: str) -> Reply:
    """Show one file in the form that is asked for.

    Args:
        call: the request; its query says what is asked of the file.
        view: the request's document.
        file: the file's document; what the checks say of it together with other tables is added.
        data: its canonical bytes.
        base: the address of the request's own page.
    """
    asked = read_asked(call.query)
    findings = [*file["findings"], *findings_beside(view, file["name"])]
    file = {**file, "findings": findings, "verdict": str(Report.from_document(findings).verdict)}
    form = asked.form or ("table" if file["kind"] == "table" else "text")
    table, lines = _table(data, file, asked) if form == "table" else None, _lines(data, file, asked, form)
    seen = _covered(call, file, table, lines if form == "text" else None)
    names = [one["name"] for one in view["files"] if one["size"]]
    versions = earlier(call.gateway.books.log, view["id"], file["name"], before=view["round"])
    place = names.index(file["name"]) if file["name"] in names else 0
    return page(
        call,
        "file.html",
        release=view,
        file=file,
        base=base,
        form=form,
        asked=asked,
        table=table,
        lines=lines,
        versions=versions,
        changes=_changes(data, file, versions, asked.against),
        seen=seen,
        written=_written_on(view, file),
        may_comment=not base.startswith("/consents"),
        beside=beside_links(view, base),
        before=names[place - 1] if place else None,
        after=names[place + 1] if place + 1 < len(names) else None,
        images=_named_like(view, file, kind="image"),
        sources=_named_like(view, file, kind="table") if file["kind"] == "image" else [],
    )


def image(data: bytes) -> Reply:
    """Hand out a canonical image to be shown in a page.

    Raises:
        NotFound: the bytes are not those of a PNG.
    """
    if not data.startswith(PNG):
        raise NotFound("image-unknown", "The file is no image.", allowed="Open it as text or as bytes.")
    return Reply(body=data, content_type="image/png", headers=IMAGE_HEADERS)


def file_of(view: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the document of the file ``name``.

    Raises:
        NotFound: the request holds none of this name.
    """
    found: dict[str, Any] | None = next((file for file in view["files"] if file["name"] == name), None)
    if found is None:
        raise NotFound("file-unknown", "The request holds no such file.")
    return found


def findings_beside(view: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return what was found of the file ``name`` together with others; it stands with the request."""
    return [finding for finding in view["findings"] if finding["where"].startswith(f"{name}: ")]


def beside_links(view: dict[str, Any], base: str) -> dict[str, str]:
    """Return, by file, where a reviewer sees it beside others: tables that no receipt covers."""
    if not base.startswith("/review/"):
        return {}
    tables = (file["name"] for file in view["files"] if file["kind"] == "table" and not file["receipt"])
    return {name: f"{base}/beside/{segment(name)}" for name in tables}


def _table(data: bytes, file: dict[str, Any], asked: Asked) -> TableView:
    header, rows = read_cells(data)
    return view_table(header, rows, marks=marks_of(file["findings"], header), asked=asked)


def _lines(data: bytes, file: dict[str, Any], asked: Asked, form: str) -> LinesView | None:
    if form == "hex":
        return view_hex(data, page=asked.page)
    return view_text(data, marks=marks_of(file["findings"], ()), page=asked.page) if form == "text" else None


def _changes(
    data: bytes, file: dict[str, Any], versions: tuple[Version, ...], against: int
) -> Changes | None:
    chosen = next((version for version in versions if version.round == against), None)
    return compare(chosen.content, data) if chosen is not None and file["kind"] == "table" else None


def _covered(
    call: Call, file: dict[str, Any], table: TableView | None, lines: LinesView | None
) -> tuple[int, int]:
    """Note what is shown now; return how many rows were shown so far, and how many there are."""
    person, sha256 = call.actor.name, file["sha256"]
    if table is not None:
        return call.coverage.add(person, sha256, (number for number, _ in table.rows)), table.total
    if lines is not None and file["kind"] != "table":
        shown = range(lines.first + 1, lines.first + 1 + len(lines.lines))
        return call.coverage.add(person, sha256, shown), lines.total
    return 0, 0


def _written_on(view: dict[str, Any], file: dict[str, Any]) -> frozenset[int]:
    """Return the rows or lines that a comment on this file names."""
    anchors = (one["anchor"] for one in view["comments"] if one["file"] == file["name"])
    found = (_NUMBERED.match(anchor) for anchor in anchors)
    return frozenset(int(one["number"]) for one in found if one)


def _named_like(view: dict[str, Any], file: dict[str, Any], *, kind: str) -> list[str]:
    """Return the files of ``kind`` that bear this one's name before the ending: an image and its data."""
    stem = file["name"].rpartition(".")[0]
    return [
        one["name"]
        for one in view["files"]
        if one["kind"] == kind and one["name"] != file["name"] and one["name"].rpartition(".")[0] == stem
    ]
