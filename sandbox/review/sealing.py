"""From approved to released: everything is looked at once more, then signed.

Two steps, because the package carries a proof of a log entry that must be durable first:

1. :meth:`Sealer.seal`, one transaction: stored bytes against their digests, files and votes against
   the log, voters' rights against the present groups; then the manifest's digest goes into the log;
2. :meth:`Sealer.finish`, any number of times: the package is built from the sealed manifest alone.

Bytes that are not those of the log end in TAMPERED; votes that no longer hold put the request back
to review. Neither lets anything out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select

from sandbox import canonical
from sandbox.audit import reading
from sandbox.audit.event import Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.canonical import Canonical, digest
from sandbox.errors import Conflict
from sandbox.policy.policies import Policies
from sandbox.review import beside, changes, replay, rules, tally
from sandbox.review.encryption import encrypt, keys_of
from sandbox.review.holding import freeze_of
from sandbox.review.package import Evidence, build
from sandbox.review.request import Request, Vote, read_request
from sandbox.review.status import Party, Status
from sandbox.store import tables

MANIFEST_VERSION = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealer:
    """Seals approved requests."""

    log: Log
    policies: Policies
    signer: SigningKey
    """The release key."""
    people: Callable[[], rules.People]
    """Gives the groups of everybody whose account is open."""

    def seal(self, request_id: str) -> None:
        """Check an approved request once more and put its manifest on record; else do nothing.

        Nor where a freeze holds it up: it is sealed when it is looked at again after that.
        """
        with self.log.writing() as tx:
            request = read_request(tx.connection, request_id)
            if request.status is not Status.APPROVED or freeze_of(tx.connection, self.policies, request):
                return
            if differs_from_log(tx.connection, request):
                self._stop(tx, request, Status.TAMPERED, "what is stored differs from the log")
                return
            if self._cools_off(tx, request):
                return
            weighed = beside.weighed(tx.connection, self.policies, request)
            if weighed is not None:
                self._look_again(tx, weighed)
                return
            approvals = self._standing(request, at=timestamp(tx.at))
            if approvals is None:
                self._stop(tx, request, Status.REVIEW, "votes no longer hold")
                return
            self._seal(tx, request, approvals)

    def finish(self, request_id: str) -> None:
        """Build the package of a sealed request and release it; else do nothing."""
        with self.log.reading() as connection:
            request = read_request(connection, request_id)
            if request.status is not Status.SEALING:
                return
            whole = _whole(connection, request)
            leaving = [file for file in request.files if file.name in request.leaving]
            files = {file.name: read_blob(connection, file.sha256) for file in leaving} if whole else {}
        package = self._package(request, files)
        with self.log.writing() as tx:
            request = read_request(tx.connection, request_id)
            if request.status is not Status.SEALING or freeze_of(tx.connection, self.policies, request):
                return
            sealed = replay.agrees(tx.connection, request.id, status=request.status, round_=request.round)
            if package is None or not sealed:
                self._stop(tx, request, Status.TAMPERED, "what is stored differs from the sealed manifest")
                return
            expires = tx.at + timedelta(days=self.policies.review.package_days)
            _store_package(tx, request, package, expires=expires)
            body: dict[str, Canonical] = {"package": digest(package), "expires": timestamp(expires)}
            changes.step(tx, request, Status.RELEASED, Party.SYSTEM, body=body)

    def _stop(self, tx: Transaction, request: Request, end: Status, why: str) -> None:
        changes.step(tx, replace(request, leaving=()), end, Party.SYSTEM, body={"reason": why})

    def _look_again(self, tx: Transaction, request: Request) -> None:
        """Put a request of which more is known now before reviewers; what was voted was about less."""
        body = changes.screened_body(request)
        tx.append(
            changes.event(
                Kind.RELEASE_SCREENED, request, actor="system", decision=Status.REVIEW.said, body=body
            )
        )
        self._stop(tx, request, Status.REVIEW, "together with what was released since, it tells more")

    def _standing(self, request: Request, *, at: str) -> tuple[Vote, ...] | None:
        """Return the reviews that hold now, None where they do not let exactly these files leave."""
        authorization = self.policies.authorizations.get(request.authorization)
        if authorization is None or not rules.consented(request, self.policies):
            return None
        votes = rules.standing_votes(rules.Panel(policies=self.policies, people=self.people()), request)
        needed = max(request.quorum, self.policies.approvals_needed(authorization, risk=request.risk))
        names = tally.leaving(request.names, votes, quorum=needed)
        excused = not rules.unexcused(request, names, at=at)
        return votes if names and names == request.leaving and excused else None

    def _cools_off(self, tx: Transaction, request: Request) -> bool:
        """Return whether the time in which an officer may hold what is approved still runs."""
        standing = replay.standing_of(tx.connection, request.id)
        hours = self.policies.review.cooling_hours[request.risk]
        return standing is not None and timestamp(tx.at - timedelta(hours=hours)) < standing.since

    def _seal(self, tx: Transaction, request: Request, approvals: tuple[Vote, ...]) -> None:
        manifest = manifest_of(request, approvals, policies=self.policies, sealed_at=timestamp(tx.at))
        body: dict[str, Canonical] = {
            "manifest": canonical.digest_of(manifest),
            "files": [file.sha256 for file in request.files if file.name in request.leaving],
        }
        seq = tx.append(
            changes.event(Kind.RELEASE_SEALED, request, actor="system", decision="sealed", body=body)
        )
        sealed = replace(request, sealed={"manifest": manifest, "seq": seq})
        changes.move(tx, sealed, Status.SEALING, Party.SYSTEM)

    def _package(self, request: Request, files: dict[str, bytes]) -> bytes | None:
        seq, manifest = int(request.sealed["seq"]), canonical.encode(request.sealed["manifest"])
        named = {file["name"]: file["sha256"] for file in request.sealed["manifest"]["files"]}
        leaf = self.log.leaf(seq)
        sealed = canonical.decode(leaf)
        honest = (
            sealed["subject"] == request.id
            and sealed["body"].get("manifest") == digest(manifest)
            and named == {name: digest(content) for name, content in files.items()}
        )
        if not honest:
            return None
        evidence = Evidence(
            leaf=leaf, proof=self.log.proof(seq), log_key=self.log.key.note_text(self.log.origin)
        )
        package = build(request.id, files=files, manifest=manifest, signer=self.signer, evidence=evidence)
        keys = keys_of(request.sealed["manifest"])
        # Encrypted here and not at the download: what is stored, counted and hashed is what leaves.
        return encrypt(package, keys) if keys else package


def read_blob(connection: Connection, sha256: str) -> bytes:
    """Return stored canonical bytes.

    Raises:
        Conflict: they are gone.
    """
    content = connection.execute(select(tables.blob.c.content).where(tables.blob.c.sha256 == sha256)).scalar()
    if content is None:
        raise Conflict("bytes-missing", "The file's bytes are no longer stored.")
    return bytes(content)


def differs_from_log(connection: Connection, request: Request) -> bool:
    """Return whether state, author, files, reports or reviews of this round are not those of the log."""
    standing = replay.standing_of(connection, request.id)
    if standing is None or not _same_standing(standing, request):
        return True
    entries = reading.search(connection, subject=request.id, limit=None)[::-1]
    events = [
        entry.event
        for entry in entries
        if entry.event["subject"] == request.id and entry.event["body"].get("round") == request.round
    ]
    submitted = [
        (event["actor"], event["authorization"], event["body"])
        for event in events
        if event["kind"] == Kind.RELEASE_SUBMITTED
    ]
    screened = [event["body"] for event in events if event["kind"] == Kind.RELEASE_SCREENED]
    return (
        submitted != [(request.author, request.authorization, changes.submitted_body(request))]
        or screened[-1:] != [changes.screened_body(request)]  # the last: it may have been weighed again
        or not _whole(connection, request)
    )


def _same_standing(standing: replay.Standing, request: Request) -> bool:
    stored = (
        request.status,
        request.round,
        {vote.reviewer: (vote.binding, vote.digest, bool(vote.overridden)) for vote in request.votes},
        (request.consent.by, request.consent.binding) if request.consent else None,
        frozenset((one.code, one.expires) for one in request.excuses if one.steward),
        frozenset(request.seats),
        frozenset(request.declined),
        frozenset(digest(name.encode()) for name in request.leaving),
    )
    return stored == (
        standing.status,
        standing.round,
        {who: (one.binding, one.digest, one.overridden) for who, one in standing.reviews.items()},
        standing.consent,
        standing.excused,
        standing.seats,
        standing.declined,
        standing.leaving,
    )


def _whole(connection: Connection, request: Request) -> bool:
    digests = {file.sha256 for file in request.files}
    query = select(tables.blob.c.sha256, tables.blob.c.content).where(tables.blob.c.sha256.in_(digests))
    return digests == {
        sha256 for sha256, content in connection.execute(query) if digest(bytes(content)) == sha256
    }


def manifest_of(
    request: Request, approvals: tuple[Vote, ...], *, policies: Policies, sealed_at: str
) -> dict[str, Canonical]:
    """Return what is signed; before sealing, without approvals, what would be signed as far as it stands."""
    granted = policies.authorizations.get(request.authorization)
    leaving = frozenset(request.leaving or request.names)
    return {
        "version": MANIFEST_VERSION,
        "release": request.id,
        "round": request.round,
        "author": request.author,
        "authorization": request.authorization,
        "purpose": request.purpose,
        "policy": policies.digest,
        "risk": request.risk,
        "sealed_at": sealed_at,
        "recipients": [
            {"name": name, "key": key} for name, key in sorted(granted.recipients.items() if granted else ())
        ],
        "files": [
            {
                "name": file.name,
                "sha256": file.sha256,
                "size": file.size,
                "answer": file.receipt,
                "findings": file.report.to_document(),
            }
            for file in request.files
            if file.name in leaving
        ],
        "findings": request.report.to_document(),
        "receipts": [dict(receipt) for receipt in request.receipts],
        "votes": [
            {
                "reviewer": vote.reviewer,
                "verdict": vote.verdict,
                "reason": vote.reason,
                "files": {name: word for name, word in vote.files.items() if name in leaving},
                "acknowledged": dict(vote.acknowledged),
                "overridden": vote.overridden,
                "binding": vote.binding,
                "at": vote.at,
            }
            for vote in approvals
        ],
        "consent": asdict(request.consent) if request.consent else {},
        "exceptions": [asdict(one) for one in request.excuses if one.steward],
    }


def _store_package(tx: Transaction, request: Request, content: bytes, *, expires: datetime) -> None:
    tx.connection.execute(
        insert(tables.package).values(
            request=request.id,
            sha256=digest(content),
            content=content,
            sealed_at=timestamp(tx.at),
            expires_at=timestamp(expires),
            downloads=0,
        )
    )
