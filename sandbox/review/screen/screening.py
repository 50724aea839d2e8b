"""One file screened: its canonical form, what the checks found, and whether a receipt covers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.audit.receipt import Receipt
from sandbox.canonical import digest
from sandbox.policy.grades import ReviewPolicy
from sandbox.review.finding import Finding, Report, Severity, Verdict
from sandbox.review.forms import Thresholds
from sandbox.review.screen.canonical import Canonical
from sandbox.review.screen.isolate import Cage, canonicalize_isolated, in_bubblewrap
from sandbox.review.screen.names import FileKind
from sandbox.review.screen.parts import Part

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes; a table of 5,000 rows is far smaller, so a larger file is no result."""
_TOO_LARGE = Finding(
    code="size",
    severity=Severity.REFUSE,
    where="file",
    sentence="The file is larger than 4 MiB.",
    fix="Aggregate; a result of some thousand rows is far smaller.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScreenedFile:
    """A file as reviewers see it and as it may leave."""

    name: str
    """Name as submitted, or made from it; checked."""
    kind: str
    """A :class:`FileKind`; empty where the file has no canonical form."""
    canonical: bytes
    """The only bytes that may leave; empty where the file was refused before it had a form."""
    sha256: str
    """Digest of :attr:`canonical`."""
    original_sha256: str
    """Digest of the bytes that were submitted."""
    receipt: str
    """Id of the answer whose receipt covers the canonical bytes, or empty."""
    report: Report

    @property
    def verdict(self) -> Verdict:
        """What the findings come to."""
        return self.report.verdict

    def to_document(self) -> dict[str, Any]:
        """Return the report for people and programs, without the bytes."""
        return {
            "name": self.name,
            "kind": self.kind,
            "verdict": str(self.verdict),
            "size": len(self.canonical),
            "sha256": self.sha256,
            "original_sha256": self.original_sha256,
            "receipt": self.receipt,
            "findings": self.report.to_document(),
        }


def screen_parts(
    name: str,
    data: bytes,
    *,
    policy: ReviewPolicy,
    receipts: Sequence[Receipt] = (),
    cage: Cage = in_bubblewrap,
) -> tuple[ScreenedFile, ...]:
    """Bring one file into canonical form and check it; some kinds become several files.

    Args:
        name: the file's name.
        data: its bytes.
        policy: thresholds.
        receipts: valid receipts of this author; a table whose bytes one of them names is covered.
        cage: makes the throw-away process in which the file is read.

    Raises:
        Unavailable: the throw-away process cannot run on this machine.
    """
    covered = {receipt.csv_sha256: receipt.answer for receipt in receipts}
    parts: tuple[Part, ...]
    if len(data) > LARGEST_FILE:
        parts = (Part(name, Canonical(content=b"", kind="", findings=(_TOO_LARGE,))),)
    else:
        parts = canonicalize_isolated(
            name, data, thresholds=thresholds_of(policy), covered=frozenset(covered), cage=cage
        )
    original = digest(data)
    return tuple(
        ScreenedFile(
            name=part.name,
            kind=part.form.kind,
            canonical=part.form.content,
            sha256=digest(part.form.content),
            original_sha256=original,
            receipt=covered.get(digest(part.form.content), ""),
            report=Report(part.form.findings),
        )
        for part in parts
    )


def with_data(files: Sequence[ScreenedFile]) -> tuple[ScreenedFile, ...]:
    """Return ``files`` without the flag on images whose table, of the same name, is among them."""
    tables = {file.name.rpartition(".")[0] for file in files if file.kind == FileKind.TABLE}
    return tuple(
        replace(file, report=Report(tuple(f for f in file.report.findings if f.code != "image-data")))
        if file.kind == FileKind.IMAGE and file.name.rpartition(".")[0] in tables
        else file
        for file in files
    )


def thresholds_of(policy: ReviewPolicy) -> Thresholds:
    """Return the numbers of ``policy`` that screening uses."""
    return Thresholds(
        min_cell=policy.min_cell,
        round_to=policy.round_to,
        max_rows=policy.max_rows,
        max_rows_unsupported=policy.max_rows_unsupported,
        significant_digits=policy.significant_digits,
        max_cell_chars=policy.max_cell_chars,
        one_share=policy.one_share,
        two_share=policy.two_share,
        p_percent=policy.p_percent,
        class_share=policy.class_share,
        least_dof=policy.least_dof,
        flag_zeros=policy.flag_zeros,
    )
