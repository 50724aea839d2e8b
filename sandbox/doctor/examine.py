"""All checks, in their order, and the report of one examination."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sandbox.audit import reading
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.canonical import Canonical
from sandbox.doctor import books, files, machine, notebook, parts, report, running
from sandbox.doctor.check import Check, Finding
from sandbox.doctor.report import Report
from sandbox.doctor.subject import Subject
from sandbox.errors import NotFound, SandboxError
from sandbox.governance.installation import RELEASE_KEY, open_books
from sandbox.policy.load import load
from sandbox.settings import Settings
from sandbox.store.engine import FAILURES

CHECKS: tuple[Check, ...] = (
    *notebook.CHECKS,
    *running.CHECKS,
    *parts.CHECKS,
    *files.CHECKS,
    *books.CHECKS,
    *machine.CHECKS,
)


def chosen(names: Collection[str]) -> tuple[Check, ...]:
    """Return the checks of these names, all where none is named; a name's beginning is enough.

    Raises:
        NotFound: there is no such check.
    """
    for name in names:
        if not any(check.name.startswith(name) for check in CHECKS):
            raise NotFound(
                "check-unknown",
                f"There is no check {name!r}.",
                allowed=f"There are: {', '.join(check.name for check in CHECKS)}.",
            )
    return tuple(c for c in CHECKS if not names or any(c.name.startswith(name) for name in names))


def examine(settings: Settings, checks: Collection[Check], *, said: Callable[[Finding], None]) -> Report:
    """Run ``checks`` on the sandbox of ``settings``, tell each finding, and return the report of them."""
    subject = Subject(settings)
    try:
        findings: list[Finding] = []
        for check in checks:
            finding = Finding(check=check, outcome=check.run(subject))
            findings.append(finding)
            said(finding)
        return report.make(findings, _about(subject))
    finally:
        subject.close()


def record(settings: Settings, made: Report, *, actor: str) -> int:
    """Write to the log that this report was made, by its digest, and return the entry's place.

    Raises:
        StartupRefusal, Refusal: the log does not take it; a log that is not whole never does.
    """
    books_of = open_books(settings)
    try:
        event = Event(
            kind=Kind.DOCTOR_RUN,
            actor=actor,
            subject="sandbox",
            decision="failed" if made.fails else "held",
            body={"report": made.digest, "counts": made.counts},
        )
        return books_of.log.append(event)
    finally:
        books_of.close()


def signing_key(settings: Settings) -> SigningKey:
    """Return the key that reports are signed with: that of released packages, never the log's.

    Raises:
        StartupRefusal: it is missing, open to others, or not this user's.
    """
    return SigningKey.load(settings.keys / RELEASE_KEY)


def _about(subject: Subject) -> dict[str, Canonical]:
    settings = subject.settings
    return {
        "home": str(settings.home.resolve()),
        "isolation": subject.isolation,
        "runtime": settings.runtime if subject.isolation == "docker" else "",
        "root": subject.root,
        "policy": _policy(settings),
        "checkpoint": _checkpoint(subject),
    }


def _policy(settings: Settings) -> str:
    try:
        return load(settings.policies).digest
    except SandboxError:
        return ""


def _checkpoint(subject: Subject) -> str:
    """The log's last checkpoint, as the log holds it; empty where it cannot be read."""
    try:
        with subject.log.reading() as connection:
            return (reading.last_note(connection) or b"").decode(errors="replace")
    except (SandboxError, *FAILURES):
        return ""
