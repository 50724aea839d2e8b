"""One submitted file becomes one or more canonical files, each under a name made from that of the file.

1. the name says how it is read; 2. a reader takes out what is visible; 3. every table and text among it goes
through :func:`~sandbox.review.screen.canonical.canonicalize` as if it had been submitted by itself, every
image through :func:`~sandbox.review.screen.picture.canonical_image`. A file of text is its own only part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.review.finding import Finding, RefusedFile, refused
from sandbox.review.forms import Thresholds
from sandbox.review.screen.canonical import Canonical, canonicalize
from sandbox.review.screen.flattened import read_notebook
from sandbox.review.screen.names import FileKind, kind_of
from sandbox.review.screen.picture import canonical_image
from sandbox.review.screen.pieces import Piece, Pieces
from sandbox.review.screen.records import read_records
from sandbox.review.screen.workbook import read_workbook

MOST_PARTS = 20
LONGEST_STEM = 85
"""Characters of the file's name that its parts keep."""
READERS: dict[str, Callable[[bytes], Pieces]] = {
    "xlsx": read_workbook,
    "json": read_records,
    "ipynb": read_notebook,
}
IMAGES = frozenset({"png", "jpg", "jpeg"})


@dataclass(frozen=True, slots=True)
class Part:
    """One canonical file."""

    name: str
    form: Canonical


def parts_of(name: str, data: bytes, *, thresholds: Thresholds, covered: frozenset[str]) -> tuple[Part, ...]:
    """Return what becomes of one file; one part without content where it was refused as a whole.

    Args:
        name: the file's name.
        data: its bytes.
        thresholds: of the review policy.
        covered: digests that valid receipts name.
    """
    ending = name.rpartition(".")[2]
    if ending not in IMAGES and ending not in READERS:
        return (Part(name, canonicalize(name, data, thresholds=thresholds, covered=covered)),)
    stem = name.rpartition(".")[0][:LONGEST_STEM]
    try:
        kind_of(name)
        if ending in IMAGES:
            return (Part(f"{stem}.png", _image(ending, data)),)
        pieces = READERS[ending](data)
        if not 0 < len(pieces.items) <= MOST_PARTS:
            raise refused(
                "content",
                f"The file shows nothing, or more than {MOST_PARTS} tables and images.",
                fix="Submit what is meant to leave, in several files.",
            )
    except RefusedFile as refusal:
        return (Part(name, _refusal(refusal.finding)),)
    return tuple(
        _part(f"{stem}-{number}.{piece.ending}", piece, pieces.findings, thresholds, covered)
        for number, piece in enumerate(pieces.items, start=1)
    )


def _part(
    name: str, piece: Piece, more: tuple[Finding, ...], thresholds: Thresholds, covered: frozenset[str]
) -> Part:
    if piece.ending == "png":
        try:
            form = _image("png", piece.content)
        except RefusedFile as refusal:
            form = _refusal(refusal.finding)
    else:
        form = canonicalize(name, piece.content, thresholds=thresholds, covered=covered)
        if form.kind == FileKind.NOTE:
            form = replace(form, kind=FileKind.REPORT)
    return Part(name, replace(form, findings=(*more, *form.findings)))


def _image(ending: str, data: bytes) -> Canonical:
    content, findings = canonical_image(ending, data)
    return Canonical(content=content, kind=FileKind.IMAGE, findings=tuple(findings))


def _refusal(finding: Finding) -> Canonical:
    return Canonical(content=b"", kind="", findings=(finding,))
