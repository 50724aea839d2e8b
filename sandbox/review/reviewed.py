"""Reviewed answers at the desk: filed by the gateway, read by reviewers, unseen by their author.

A request of this kind goes straight to review: no finding decides where it goes, how many must approve it
or what its author is shown, because findings follow from the data. Until it is released its author sees
its structure alone (:func:`structure_only`): no size, no digest, no finding.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, insert

from sandbox.audit import evidence
from sandbox.audit.event import Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.audit.keys import VerifyKey
from sandbox.canonical import decode, digest
from sandbox.errors import Conflict, Unavailable
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.grades import Risk
from sandbox.policy.policies import Policies
from sandbox.review import beside, changes, holding
from sandbox.review.finding import Finding, Report, Severity
from sandbox.review.request import Request, StoredFile
from sandbox.review.screen.screening import ScreenedFile
from sandbox.review.sealing import read_blob
from sandbox.review.status import INITIAL, Party, Status
from sandbox.store import tables

TABLE, SIGNED, READABLE = "reviewed.csv", "evidence.json", "evidence.csv"
"""Names of what leaves, of the signed evidence, and of the same as a table; evidence never leaves."""
RISK: Risk = "amber"
"""Of every reviewed answer, so that the number of reviewers tells nothing."""
SHOWN_TO_AUTHOR = frozenset({Status.RELEASED, Status.EXPIRED})
"""States in which a reviewed answer is no secret to its author any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A reviewed answer that nobody has seen."""

    id: str
    """Of the question, and of the release request."""
    author: str
    purpose: str
    content: bytes
    """The table as it would leave."""
    evidence: bytes
    """Signed by the gateway."""


def file(
    tx: Transaction,
    answered: Answered,
    *,
    policies: Policies,
    authorization: AuthorizationPolicy,
    key: VerifyKey,
) -> Request:
    """Put an answer before reviewers, in the transaction that also records it.

    Args:
        tx: the open transaction.
        answered: what is filed.
        policies: who must approve it.
        authorization: under which it was asked.
        key: public key of the evidence's signature.

    Raises:
        NotAllowed: a freeze holds it up.
        Unavailable: the evidence is not about this table; nothing is filed.
    """
    claims = _claims_about(answered, authorization.name, key)
    stored = StoredFile(
        name=TABLE,
        kind="table",
        sha256=digest(answered.content),
        original_sha256=digest(answered.content),
        size=len(answered.content),
        receipt="",
        report=Report(()),
    )
    request = Request(
        id=answered.id,
        author=answered.author,
        authorization=authorization.name,
        purpose=answered.purpose,
        status=INITIAL,
        round=1,
        row_version=1,
        risk=RISK,
        quorum=policies.approvals_needed(authorization, risk=RISK),
        report=Report(tuple(_findings(claims, digest(answered.evidence)))),
        receipts=(_reference(claims, digest(answered.evidence)),),
        sealed={},
        files=(stored,),
        votes=(),
        created_at=timestamp(tx.at),
        updated_at=timestamp(tx.at),
    )
    holding.check(tx.connection, policies, request)
    changes.create(tx, request)
    changes.store_files(tx, request, [_screened(stored, answered.content)])
    request = beside.weighed(tx.connection, policies, request) or request
    tx.connection.execute(
        insert(tables.blob).values(sha256=digest(answered.evidence), content=answered.evidence)
    )
    body = changes.submitted_body(request)
    submitted = changes.event(Kind.RELEASE_SUBMITTED, request, actor=request.author, body=body)
    tx.append(submitted, private=request.purpose)
    screened = changes.event(
        Kind.RELEASE_SCREENED,
        request,
        actor="system",
        decision=Status.REVIEW.said,
        body=changes.screened_body(request),
    )
    tx.append(screened)
    return changes.move(tx, request, Status.REVIEW, Party.SYSTEM)


def is_reviewed(request: Request) -> bool:
    """Return whether ``request`` is a reviewed answer."""
    return bool(evidence_digests(request))


def hidden_from(request: Request, viewer: str) -> bool:
    """Return whether ``viewer`` may see no more than the structure of ``request``."""
    return is_reviewed(request) and viewer == request.author and request.status not in SHOWN_TO_AUTHOR


def structure_only(request: Request) -> Request:
    """Return ``request`` without anything that follows from the data."""
    nothing = Report(())
    files = tuple(
        replace(one, sha256="", original_sha256="", size=0, report=nothing) for one in request.files
    )
    return replace(request, files=files, report=nothing, receipts=(), sealed={})


def evidence_files(connection: Connection, request: Request) -> tuple[StoredFile, ...]:
    """Return the evidence as files to look at; there are none where the request is no reviewed answer."""
    opened = (open_evidence(connection, request, name) for name in (READABLE, SIGNED))
    return tuple(one[0] for one in opened if one is not None)


def open_evidence(connection: Connection, request: Request, name: str) -> tuple[StoredFile, bytes] | None:
    """Return the evidence of ``request``, as it was signed or as a table; None where ``name`` is neither.

    Both go by the digest of what was signed: who has looked at either has looked at the evidence.

    Raises:
        Conflict: the stored evidence is not what was signed.
    """
    if name not in {SIGNED, READABLE}:
        return None
    for sha256 in evidence_digests(request):
        signed = read_blob(connection, sha256)
        if digest(signed) != sha256:
            raise Conflict("bytes-changed", "The stored evidence is not what was signed.")
        content = signed if name == SIGNED else _as_table(signed)
        file = StoredFile(
            name=name,
            kind="evidence, never released",
            sha256=sha256,
            original_sha256=sha256,
            size=len(content),
            receipt="",
            report=Report(()),
        )
        return file, content
    return None


def evidence_digests(request: Request) -> tuple[str, ...]:
    """Return the digest of the evidence that an approving reviewer must have opened, if there is one."""
    return tuple(str(one["evidence"]) for one in request.receipts if one.get("mode") == "reviewed")


def refuse_new_round(request: Request) -> None:
    """Refuse an author's new files where the gateway made the only one.

    Raises:
        Conflict: it is a reviewed answer.
    """
    if is_reviewed(request):
        raise Conflict(
            "reviewed-no-round",
            "A reviewed answer is made by the gateway and has no other files.",
            allowed="Withdraw it and ask another question.",
        )


def _claims_about(answered: Answered, authorization: str, key: VerifyKey) -> Mapping[str, Any]:
    claims = evidence.read(answered.evidence, key)
    named = (claims["answer"], claims["author"], claims["authorization"], claims["csv_sha256"])
    if named != (answered.id, answered.author, authorization, digest(answered.content)):
        raise Unavailable("evidence-differs", "The evidence is not about this table, so nothing was filed.")
    return claims


def _reference(claims: Mapping[str, Any], sha256: str) -> Mapping[str, Any]:
    """Return what request, log and manifest say of the evidence: its digest, and none of its numbers."""
    kept = ("mode", "answer", "author", "authorization", "dataset", "snapshot", "question", "policy", "seq")
    return {**{name: claims[name] for name in kept}, "evidence": sha256}


def _findings(claims: Mapping[str, Any], sha256: str) -> Iterator[Finding]:
    # Released with the manifest, so nothing here tells more of the data than the table does.
    rows = claims["rows"]
    masked = sum(bool(row["masked"]) for row in rows)
    yield Finding(
        code="reviewed",
        severity=Severity.FLAG,
        where="request",
        sentence="This table is exact, masked and rounded; it is no differentially private answer.",
        fix="Weigh it with the signed evidence and with what was released before of the same data.",
    )
    yield Finding(
        code="reviewed",
        severity=Severity.INFO,
        where="request",
        sentence=f"Of {len(rows)} rows {masked} are masked; a row that is shown has at least "
        f"{claims['rules']['min_units']} persons. The gateway signed the evidence: {sha256}.",
    )


def _as_table(content: bytes) -> bytes:
    """Return signed evidence as a table: a line for each row and measure."""
    claims = decode(content.partition(b"\n")[0])  # its digest is the one that was verified when filed
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    numbers = ("units", "rows", "total", "size", "top", "second", "values")
    writer.writerow(["key", "of", "masked", "fails", *numbers])
    for row in claims["rows"]:
        key = " / ".join("all" if value is None else value for value in row["key"])
        for measure, part in zip(claims["measures"], row["behind"], strict=True):
            writer.writerow(
                [key, measure or "rows", row["masked"], " ".join(row["fails"]), *(part[n] for n in numbers)]
            )
    return buffer.getvalue().encode()


def _screened(stored: StoredFile, content: bytes) -> ScreenedFile:
    return ScreenedFile(
        name=stored.name,
        kind=stored.kind,
        canonical=content,
        sha256=stored.sha256,
        original_sha256=stored.original_sha256,
        receipt=stored.receipt,
        report=stored.report,
    )
