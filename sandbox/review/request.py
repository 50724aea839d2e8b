"""A release request as stored: what was submitted, what was found, who said what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from sandbox import canonical
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
    """One reviewer's word on one round."""

    reviewer: str
    verdict: str
    """``approve``, ``return`` or ``reject``."""
    reason: str
    binding: str
    """Digest of what it is about."""
    at: str


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
    """Approvals needed."""
    report: Report
    """Findings on the request as a whole: receipts, losses."""
    receipts: tuple[Mapping[str, Any], ...]
    """Claims of the valid receipts."""
    sealed: Mapping[str, Any]
    """``manifest``, ``seq`` and ``at`` once the request is sealed; else empty."""
    acknowledged: Mapping[str, tuple[str, ...]]
    """Codes that each approving reviewer of this round acknowledged."""
    files: tuple[StoredFile, ...]
    votes: tuple[Vote, ...]
    """Votes of this round; never shown as they are to a reviewer who has yet to vote."""
    created_at: str
    updated_at: str

    @property
    def flagged(self) -> frozenset[str]:
        """Codes that an approving reviewer must acknowledge."""
        reports = (self.report, *(file.report for file in self.files))
        return frozenset(
            finding.code
            for report in reports
            for finding in report.findings
            if finding.severity is Severity.FLAG
        )


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
        acknowledged={name: tuple(codes) for name, codes in document["acknowledged"].items()},
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
            "acknowledged": {name: list(codes) for name, codes in request.acknowledged.items()},
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
        )
        for vote in connection.execute(query).mappings()
    )
