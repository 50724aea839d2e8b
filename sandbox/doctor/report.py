"""The report of one examination: canonical JSON, signed as released packages are.

``minisign -V -m FILE -P KEY`` verifies it, KEY being the word that the console shows for released packages.
The trusted comment names the entry of the log that holds the report's digest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import __version__, canonical
from sandbox.audit.event import timestamp
from sandbox.audit.keys import SigningKey, VerifyKey
from sandbox.clock import SteadyClock
from sandbox.doctor.check import Finding, Result
from sandbox.errors import NotFound, Refusal
from sandbox.review.package import sign_file, verify_file

KIND = "doctor-report"
"""Stands in every report: no manifest of a release is one, although the same key signs both."""
_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A report as bytes, and what it counts."""

    content: bytes
    """Canonical JSON and a newline."""
    counts: Mapping[str, int]
    """How many checks had which result."""

    @property
    def digest(self) -> str:
        """The digest of the bytes, as the log holds it."""
        return canonical.digest(self.content)

    @property
    def fails(self) -> bool:
        """Whether any promise is broken."""
        return self.counts[Result.FAILS.value] > 0


def make(findings: Sequence[Finding], about: Mapping[str, canonical.Canonical]) -> Report:
    """Return the report of these findings.

    Args:
        findings: in the order in which they were made.
        about: what else it says of the sandbox: isolation, policies, checkpoint ...
    """
    counted = Counter(finding.outcome.result for finding in findings)
    counts = {result.value: counted[result] for result in Result}
    document: dict[str, canonical.Canonical] = {
        **about,
        "v": 1,
        "kind": KIND,
        "at": timestamp(SteadyClock()()),
        "version": __version__,
        "counts": counts,
        "checks": [finding.document() for finding in findings],
    }
    return Report(content=canonical.encode(document) + b"\n", counts=counts)


def signature_of(path: Path) -> Path:
    """Return where the signature of the report ``path`` is, as minisign looks for it."""
    return path.with_name(f"{path.name}.minisig")


def sign(report: Report, key: SigningKey, *, seq: int | None) -> bytes:
    """Return the signature's file; ``seq`` is the entry of the log that holds the digest, if there is one."""
    recorded = "not in the log" if seq is None else f"entry {seq} of the log"
    return sign_file(
        report.content, key, trusted_comment=f"{KIND}, {recorded}", untrusted_comment="signature of a report"
    )


def verify(path: Path, key: VerifyKey) -> tuple[dict[str, Any], str]:
    """Return what the report in ``path`` says, and its trusted comment.

    Raises:
        NotFound: the report or its signature is missing.
        Refusal: ``key`` did not sign it, or it is something else than a report.
    """
    content, signature = _read(path), _read(signature_of(path))
    comment = verify_file(content, signature, key)
    try:
        document = canonical.decode(content.removesuffix(b"\n"))
    except ValueError as error:
        raise _no_report() from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise _no_report()
    return document, comment


def _no_report() -> Refusal:
    return Refusal("report-invalid", "The file is signed, and it is not a report of this command.")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT)
    except OSError as error:
        raise NotFound(
            "report-unreadable",
            f"{path} cannot be read ({error.strerror}).",
            allowed="Keep the report and its .minisig side by side.",
        ) from error
