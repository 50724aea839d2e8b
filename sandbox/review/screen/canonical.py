"""From hostile bytes to a canonical form with its findings: the one path every file takes.

1. the name says the kind; 2. bytes become text; 3. text becomes a table or note in faithful form;
4. a form whose digest a receipt names is the gateway's own answer: noise already protects it, so it
stays as it is and no further check applies; 5. any other is brought into neutral form and checked.

Nothing here trusts its input, and in the product it runs only inside
:mod:`sandbox.review.screen.isolate`'s throw-away process.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.canonical import digest
from sandbox.review.disclosure.checks import check_form
from sandbox.review.finding import Finding, RefusedFile
from sandbox.review.forms import Form, Thresholds
from sandbox.review.screen.decode import decode
from sandbox.review.screen.names import FileKind, kind_of
from sandbox.review.screen.note import note_bytes, read_note
from sandbox.review.screen.table import neutral, read_table, to_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Canonical:
    """What became of one file."""

    content: bytes
    """Canonical bytes; empty where the file has no canonical form."""
    kind: str
    """A :class:`FileKind`, or empty where it has none."""
    findings: tuple[Finding, ...]


def canonicalize(name: str, data: bytes, *, thresholds: Thresholds, covered: frozenset[str]) -> Canonical:
    """Return the canonical form of a file and all that the checks say about it.

    Args:
        name: the file's name.
        data: its bytes.
        thresholds: of the review policy.
        covered: digests that valid receipts name.
    """
    try:
        kind = kind_of(name)
        text, findings = decode(data)
        if kind is FileKind.NOTE:
            note = read_note(text)
            return _finish(note, note_bytes(note), kind, findings, thresholds)
        table, more = read_table(text, tabs=name.endswith(".tsv"), thresholds=thresholds)
        content = to_bytes(table)
        if digest(content) in covered:
            return Canonical(content=content, kind=kind, findings=(*findings, *more))
        table, rounded = neutral(table, thresholds=thresholds)
        return _finish(table, to_bytes(table), kind, [*findings, *more, *rounded], thresholds)
    except RefusedFile as refusal:
        return Canonical(content=b"", kind="", findings=(refusal.finding,))


def _finish(
    form: Form, content: bytes, kind: FileKind, findings: list[Finding], thresholds: Thresholds
) -> Canonical:
    return Canonical(content=content, kind=kind, findings=(*findings, *check_form(form, thresholds)))
