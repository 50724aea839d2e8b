"""What other policies would have said of requests that are stored: nothing is written, nothing moves.

The checks run again on the canonical bytes, once under the policies in force and once under the others,
so that what differs is the policies' doing and not that of newer checks. A file that had no canonical
form has no bytes to look at again; what was found then stands on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from sandbox.audit.log import Log
from sandbox.audit.receipt import Receipt
from sandbox.errors import Conflict
from sandbox.policy.grades import ReviewPolicy, Risk
from sandbox.policy.policies import Policies
from sandbox.review import rules
from sandbox.review.disclosure import receipts as evidence
from sandbox.review.finding import Report, Severity, Verdict, verdict_of
from sandbox.review.request import Request, StoredFile, read_request
from sandbox.review.reviewed import is_reviewed
from sandbox.review.screen.isolate import Cage
from sandbox.review.screen.screening import screen_parts, with_data
from sandbox.review.sealing import read_blob
from sandbox.review.submission import policy_for
from sandbox.store.tables import release_request

SAID: dict[Verdict, str] = {Verdict.PASS: "passed", Verdict.FLAG: "flagged", Verdict.REFUSE: "refused"}
GONE = "no-authorization"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a request comes to under one set of policies."""

    said: str
    """``passed``, ``flagged``, ``refused``; or ``no-authorization`` where there is none of this name."""
    codes: tuple[str, ...]
    """Checks that refuse or flag something."""
    risk: Risk | None
    quorum: int
    """People who must approve; 0 where nobody can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulated:
    """One request under both."""

    request: str
    authorization: str
    status: str
    """Where it really stands."""
    present: Outcome
    """Under the policies in force."""
    other: Outcome
    """Under those that are tried."""
    missing: int
    """Files whose bytes are not stored; what was found of them then was taken over."""

    @property
    def differs(self) -> bool:
        """Whether the policies make a difference to it."""
        return self.present != self.other

    def to_document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "request": self.request,
            "authorization": self.authorization,
            "status": self.status,
            "present": _document(self.present),
            "other": _document(self.other),
            "differs": self.differs,
            "files_not_stored": self.missing,
        }


def simulate(log: Log, *, present: Policies, other: Policies, last: int, cage: Cage) -> Iterator[Simulated]:
    """Yield what both policies say of the ``last`` newest requests, newest first.

    Raises:
        Unavailable: the throw-away process in which files are read does not start.
    """
    t = release_request
    newest = select(t.c.id).order_by(t.c.created_at.desc(), t.c.id).limit(last)
    with log.reading() as connection:
        found = connection.execute(newest).scalars().all()
    for request_id in found:
        with log.reading() as connection:
            request = read_request(connection, request_id)
            stored = {file.name: content_of(connection, file) for file in request.files}
        yield Simulated(
            request=request.id,
            authorization=request.authorization,
            status=str(request.status),
            present=_outcome(request, stored, present, cage),
            other=_outcome(request, stored, other, cage),
            missing=sum(content is None for content in stored.values()),
        )


def content_of(connection: Connection, file: StoredFile) -> bytes | None:
    """Return the canonical bytes of a file, None where it had none or they are no longer stored."""
    try:
        return read_blob(connection, file.sha256) if file.size else None
    except Conflict:
        return None


def _outcome(request: Request, stored: dict[str, bytes | None], policies: Policies, cage: Cage) -> Outcome:
    granted = policies.authorizations.get(request.authorization)
    if granted is None:
        return Outcome(said=GONE, codes=(), risk=None, quorum=0)
    files = (
        list(request.files)  # the gateway made and checked the one table of a reviewed answer
        if is_reviewed(request)
        else _screened_again(request, stored, policy_for(policies, granted), cage)
    )
    findings = [finding for file in files for finding in file.report.findings]
    codes = {finding.code for finding in findings if finding.severity is not Severity.INFO}
    risk = rules.risk_of(files, request.report)
    return Outcome(
        said=SAID[verdict_of([*findings, *request.report.findings])],
        codes=tuple(sorted(codes)),
        risk=risk,
        quorum=policies.approvals_needed(granted, risk=risk),
    )


def _screened_again(
    request: Request, stored: dict[str, bytes | None], policy: ReviewPolicy, cage: Cage
) -> list[StoredFile]:
    """Return the files with what the checks say of their bytes now; those without bytes as they are."""
    receipts = [Receipt(**claims) for claims in request.receipts]
    parts = [
        part
        for name, content in stored.items()
        if content is not None
        for part in screen_parts(name, content, policy=policy, receipts=receipts, cage=cage)
    ]
    screened = {part.name: part for part in with_data(parts)}
    files = []
    for file in request.files:
        again = screened.get(file.name)
        if again is None:
            files.append(file)
            continue
        uncovered = evidence.check_uncovered(receipts, sha256=file.sha256) if file.kind == "table" else ()
        report = Report((*again.report.findings, *uncovered))
        files.append(replace(file, report=report, receipt=again.receipt))
    return files


def _document(outcome: Outcome) -> dict[str, Any]:
    return {
        "said": outcome.said,
        "codes": list(outcome.codes),
        "risk": outcome.risk,
        "quorum": outcome.quorum,
    }
