"""What a reader takes out of one submitted file, before any of it has been checked."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.review.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that was visible in a file."""

    ending: str
    """What it is read as from here on: ``csv``, ``txt`` or ``png``."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Pieces:
    """All that was visible in a file, in the order in which it was seen."""

    items: tuple[Piece, ...]
    findings: tuple[Finding, ...] = ()
    """What was left behind."""


def dropped(what: str) -> Finding:
    """Return the finding that says what of a file is not carried into its canonical form."""
    return Finding(
        code="dropped", severity=Severity.INFO, where="file", sentence=f"Not carried over: {what}."
    )
