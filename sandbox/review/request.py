"""A release request as stored: what was submitted, what was found, who said what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from sandbox import canonical
from sandbox.canonical import digest_of
from sandbox.errors import NotFound
from sandbox.policy.grades import Risk
from sandbox.review.finding import Report, Severity
from sandbox.review.status import Status
from sandbox.store import tables


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """One file of one round."""

    name: str
    kind: str
    """``table``, ``note``, ``image`` or ``report``; empty where the file has no canonical form."""
    sha256: str
    """Digest of the canonical bytes: what is seen and what leaves."""
    original_sha256: str
    size: int
    """Canonical bytes."""
    receipt: str
    """Id of the answer whose receipt covers it, or empty."""
    report: Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    """One reviewer's review of one round."""

    reviewer: str
    verdict: str
    """``approve``, ``return`` or ``reject``."""
    reason: str
    binding: str
    """Digest of what it is about."""
    at: str
    files: Mapping[str, str]
    """What they say of each file: ``approve`` or ``changes``."""
    acknowledged: Mapping[str, str]
    """Codes of the findings they weighed, and for each why the file may leave."""
    overridden: str = ""
    """Why an officer lets its veto not stand; empty where nobody does."""

    @property
    def digest(self) -> str:
        """Digest of all that the reviewer said; the log names it."""
        return digest_of(
            {
                "verdict": self.verdict,
                "reason": self.reason,
                "files": dict(self.files),
                "acknowledged": dict(self.acknowledged),
            }
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Consent:
    """What the data steward says to a red request."""

    by: str
    reason: str
    binding: str
    """Digest of what it is about, as of a vote."""
    at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Excuse:
    """That a check's refusal may go before reviewers, until it expires."""

    code: str
    officer: str
    steward: str
    """Empty until the data steward agrees; until then it excuses nothing."""
    reason: str
    expires: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One release request in its present round."""

    id: str
    author: str
    authorization: str
    purpose: str
    status: Status
    round: int
    row_version: int
    risk: Risk
    quorum: int
    """Approvals that each file needs."""
    report: Report
    """Findings on the request as a whole: receipts, losses."""
    receipts: tuple[Mapping[str, Any], ...]
    """Claims of the valid receipts."""
    sealed: Mapping[str, Any]
    """``manifest`` and ``seq`` once the request is sealed; else empty."""
    leaving: tuple[str, ...] = ()
    """Names of the files that were approved; empty before that."""
    held_from: Status | None = None
    """The state in which an officer holds it; None where none does."""
    seats: tuple[str, ...] = ()
    """Reviewers who were drawn or took a seat; over all rounds."""
    declined: tuple[str, ...] = ()
    """Reviewers who declared a conflict of interest; over all rounds."""
    consent: Consent | None = None
    excuses: tuple[Excuse, ...] = ()
    files: tuple[StoredFile, ...]
    votes: tuple[Vote, ...]
    """Reviews of this round; never shown as they are to a reviewer who has yet to vote."""
    created_at: str
    updated_at: str

    @property
    def stage(self) -> Status:
        """Where it stands, or would if nobody held it."""
        return self.held_from or self.status

    def flagged_in(self, names: Iterable[str]) -> frozenset[str]:
        """Return the codes that whoever approves the files ``names`` must acknowledge.

        A refusal that was excused is among them: it is no less to be weighed than a flag.
        """
        wanted = frozenset(names)
        reports = (self.report, *(file.report for file in self.files if file.name in wanted))
        return frozenset(
            finding.code
            for report in reports
            for finding in report.findings
            if finding.severity is not Severity.INFO
        )

    @property
    def flagged(self) -> frozenset[str]:
        """Codes that whoever approves every file must acknowledge."""
        return self.flagged_in(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its files."""
        return tuple(file.name for file in self.files)


def read_request(connection: Connection, request_id: str) -> Request:
    """Return the request.

    Raises:
        NotFound: there is none of this id.
    """
    t = tables.release_request
    row = connection.execute(select(t).where(t.c.id == request_id)).mappings().one_or_none()
    if row is None:
        raise unknown_request()
    document = canonical.decode(row["document"])
    return Request(
        id=row["id"],
        author=row["author"],
        authorization=row["authorization"],
        purpose=row["purpose"],
        status=Status(row["status"]),
        round=row["round"],
        row_version=row["row_version"],
        risk=document["risk"],
        quorum=document["quorum"],
        report=Report.from_document(document["findings"]),
        receipts=tuple(document["receipts"]),
        sealed=document["sealed"],
        leaving=tuple(document["leaving"]),
        held_from=Status(document["held_from"]) if document["held_from"] else None,
        seats=tuple(document["seats"]),
        declined=tuple(document["declined"]),
        consent=Consent(**document["consent"]) if document["consent"] else None,
        excuses=tuple(Excuse(**excuse) for excuse in document["excuses"]),
        files=_files(connection, row, document["kinds"]),
        votes=_votes(connection, row),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def document_of(request: Request) -> bytes:
    """Return the stored document of what has no column of its own."""
    return canonical.encode(
        {
            "risk": request.risk,
            "quorum": request.quorum,
            "findings": request.report.to_document(),
            "receipts": list(request.receipts),
            "sealed": dict(request.sealed),
            "leaving": list(request.leaving),
            "held_from": str(request.held_from or ""),
            "seats": list(request.seats),
            "declined": list(request.declined),
            "consent": asdict(request.consent) if request.consent else {},
            "excuses": [asdict(excuse) for excuse in request.excuses],
            "kinds": {file.name: [file.kind, file.receipt] for file in request.files},
        }
    )


def unknown_request() -> NotFound:
    """Return the refusal for a request that is not there, or not for this person."""
    return NotFound("release-unknown", "There is no such request.", allowed="Your own requests are listed.")


def _files(connection: Connection, row: RowMapping, kinds: Mapping[str, Any]) -> tuple[StoredFile, ...]:
    t = tables.release_file
    query = select(t).where(t.c.request == row["id"], t.c.round == row["round"]).order_by(t.c.name)
    return tuple(
        StoredFile(
            name=file["name"],
            kind=kinds[file["name"]][0],
            sha256=file["sha256"],
            original_sha256=file["original_sha256"],
            size=file["size"],
            receipt=kinds[file["name"]][1],
            report=Report.from_document(canonical.decode(file["report"])),
        )
        for file in connection.execute(query).mappings()
    )


def _votes(connection: Connection, row: RowMapping) -> tuple[Vote, ...]:
    t = tables.vote
    query = (
        select(t).where(t.c.request == row["id"], t.c.round == row["round"]).order_by(t.c.at, t.c.reviewer)
    )
    return tuple(
        Vote(
            reviewer=vote["reviewer"],
            verdict=vote["verdict"],
            reason=vote["reason"],
            binding=vote["binding"],
            at=vote["at"],
            **canonical.decode(vote["document"]),
        )
        for vote in connection.execute(query).mappings()
    )
