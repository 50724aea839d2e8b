"""What a check has to say about a file, and what follows from all of it together.

A finding is one sentence about what is wrong, where, and what to do. Severities: ``refuse`` blocks
the request, ``flag`` must be acknowledged by every reviewer who approves, ``info`` is for reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sandbox.canonical import Canonical, digest_of


class Severity(StrEnum):
    """How much a finding weighs."""

    REFUSE = "refuse"
    FLAG = "flag"
    INFO = "info"


class Verdict(StrEnum):
    """What all findings of a file come to."""

    PASS = "pass"  # noqa: S105  # a verdict, not a password
    FLAG = "flag"
    REFUSE = "refuse"


MOST_CELLS = 100
"""That one finding names; a page marks no more for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing a check found."""

    code: str
    """Which check; a key of :data:`sandbox.review.disclosure.checks.CHECKS`."""
    severity: Severity
    where: str
    """``row 3, column n``; ``file`` or ``request`` where it concerns the whole."""
    sentence: str
    """What is wrong."""
    fix: str = ""
    """What to do about it."""
    cells: tuple[tuple[int, str], ...] = ()
    """Row, counted from 0, and column of each cell of a table that it is about; of many, the first."""

    def to_document(self) -> dict[str, Canonical]:
        """Return the finding as stored and shown; cells only where it names any."""
        document: dict[str, Canonical] = {
            key: str(value) for key, value in asdict(self).items() if key != "cells"
        }
        if self.cells:
            document["cells"] = [[row, column] for row, column in self.cells[:MOST_CELLS]]
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Finding:
        """Read a stored finding back.

        Raises:
            ValueError: the document is not one of a finding.
        """
        try:
            cells = tuple((int(row), str(column)) for row, column in document.get("cells", ()))
            return cls(**{**document, "severity": Severity(document["severity"]), "cells": cells})
        except (KeyError, TypeError) as error:
            raise ValueError("not a finding") from error


class RefusedFile(Exception):
    """The file has no canonical form, which is a decision and no fault; the one finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


def refused(code: str, sentence: str, *, fix: str, where: str = "file") -> RefusedFile:
    """Return the exception that ends screening with one refusing finding."""
    return RefusedFile(Finding(code=code, severity=Severity.REFUSE, where=where, sentence=sentence, fix=fix))


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one file."""

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The gravest severity present; ``info`` passes."""
        return verdict_of(self.findings)

    @property
    def digest(self) -> str:
        """What a vote binds itself to."""
        return digest_of(self.to_document())

    def to_document(self) -> list[Canonical]:
        """Return the findings as stored and shown."""
        return [finding.to_document() for finding in self.findings]

    @classmethod
    def from_document(cls, document: Iterable[Mapping[str, Any]]) -> Report:
        """Read a stored report back.

        Raises:
            ValueError: the document is not one of a report.
        """
        return cls(tuple(Finding.from_document(item) for item in document))


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return what ``findings`` come to."""
    severities = {finding.severity for finding in findings}
    if Severity.REFUSE in severities:
        return Verdict.REFUSE
    return Verdict.FLAG if Severity.FLAG in severities else Verdict.PASS
