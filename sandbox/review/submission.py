"""What an author hands in, screened: the files of one round and what follows for the request.

Nothing is stored here; screening takes its time before the transaction begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sandbox.audit.keys import VerifyKey
from sandbox.audit.receipt import Receipt
from sandbox.errors import Malformed, NotAllowed
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.grades import ReviewPolicy, Risk
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Scope
from sandbox.review import rules
from sandbox.review.disclosure import margins
from sandbox.review.disclosure import receipts as evidence
from sandbox.review.finding import Finding, Report
from sandbox.review.forms import Thresholds, table_of
from sandbox.review.request import Request, StoredFile
from sandbox.review.screen.isolate import Cage
from sandbox.review.screen.screening import ScreenedFile, screen_parts, thresholds_of, with_data
from sandbox.review.status import INITIAL

MOST_FILES = 20
MOST_RECEIPTS = 50
LONGEST_PURPOSE = 4_000
"""Characters; the width of the column."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """One round of files with everything that was found about them."""

    screened: tuple[ScreenedFile, ...]
    """Canonical bytes and reports, by name."""
    files: tuple[StoredFile, ...]
    """The same as they are stored, in the same order."""
    report: Report
    """Findings on the request as a whole."""
    receipts: tuple[Mapping[str, Any], ...]
    """Claims of the valid receipts."""
    risk: Risk
    quorum: int


def authorization_of(policies: Policies, *, name: str, actor: Actor, now: datetime) -> AuthorizationPolicy:
    """Return the authorization under which ``actor`` may submit now.

    Raises:
        NotAllowed: they hold none of this name, it does not run, or the login may not submit.
    """
    if Scope.REQUEST not in actor.scopes:
        raise NotAllowed(
            "scope-missing", "This login may not hand in files.", allowed="Members of the group analysts may."
        )
    granted = policies.authorizations.get(name)
    if granted is None or granted.group not in actor.groups:
        raise NotAllowed(
            "authorization-not-held",
            "You hold no authorization of this name.",
            allowed="Name one of your groups' authorizations; a data steward adds people to a group.",
        )
    if not granted.term.start <= now < granted.term.end:
        raise NotAllowed(
            "authorization-not-running",
            "The authorization does not run at present.",
            allowed=f"Files are taken from {granted.term.start.date()} to before {granted.term.end.date()}.",
        )
    return granted


def screen_submission(
    policies: Policies,
    authorization: AuthorizationPolicy,
    *,
    author: str,
    purpose: str,
    files: Mapping[str, bytes],
    receipts: Sequence[str],
    receipt_key: VerifyKey,
    cage: Cage,
) -> Submission:
    """Screen all files of one round.

    Raises:
        Malformed: there are no files, too many, two of nearly the same name, or no purpose.
        Unavailable: the throw-away process does not start.
    """
    _check_form(purpose, files, receipts)
    valid, refusals = evidence.read_all(
        receipts, key=receipt_key, author=author, authorization=authorization.name
    )
    policy = policy_for(policies, authorization)
    screened = tuple(
        _with_evidence(file, valid, refusals, thresholds_of(policy))
        for file in _screen_all(files, policy=policy, receipts=valid, cage=cage)
    )
    stored = tuple(map(_stored, screened))
    report = Report(tuple(evidence.check_losses(valid)))
    risk = rules.risk_of(stored, report)
    return Submission(
        screened=screened,
        files=stored,
        report=report,
        receipts=tuple(asdict(receipt) for receipt in valid),
        risk=risk,
        quorum=policies.approvals_needed(authorization, risk=risk),
    )


def policy_for(policies: Policies, authorization: AuthorizationPolicy) -> ReviewPolicy:
    """Return the rules of review for files of ``authorization``: its grade may ask for larger cells."""
    least = max(policies.review.min_cell, policies.grade_of(authorization).min_group)
    return policies.review.model_copy(update={"min_cell": least})


def checked_purpose(purpose: str) -> str:
    """Return ``purpose`` if there is one, and not too long.

    Raises:
        Malformed: it is missing or too long.
    """
    if not purpose.strip() or len(purpose) > LONGEST_PURPOSE:
        raise Malformed(
            "purpose-missing",
            "The purpose is missing or too long.",
            allowed=f"Say in at most {LONGEST_PURPOSE} characters what the files show and what for.",
        )
    return purpose


def _check_form(purpose: str, files: Mapping[str, bytes], receipts: Sequence[str]) -> None:
    checked_purpose(purpose)
    if not 0 < len(files) <= MOST_FILES or len(receipts) > MOST_RECEIPTS:
        raise Malformed(
            "file-count",
            "A request needs files, and not too many.",
            allowed=f"Hand in 1 to {MOST_FILES} files with at most {MOST_RECEIPTS} receipts.",
        )
    if len({name.casefold() for name in files}) < len(files):
        raise Malformed(
            "file-twice", "Two files differ in capital letters only.", allowed="Give each file its own name."
        )
    if max(map(len, files)) > 255:  # noqa: PLR2004  # width of the column
        raise Malformed("name-too-long", "A file's name is too long.", allowed="Use at most 100 characters.")


def _screen_all(
    files: Mapping[str, bytes], *, policy: ReviewPolicy, receipts: Sequence[Receipt], cage: Cage
) -> tuple[ScreenedFile, ...]:
    parts: list[ScreenedFile] = []
    for name in sorted(files):
        parts += screen_parts(name, files[name], policy=policy, receipts=receipts, cage=cage)
        if len(parts) > MOST_FILES:
            raise Malformed(
                "file-count",
                "The files hold too many tables and images together.",
                allowed=f"A request has at most {MOST_FILES}; hand in several requests.",
            )
    if len({part.name.casefold() for part in parts}) < len(parts):
        raise Malformed(
            "file-twice",
            "Two files would leave under the same name.",
            allowed="Name workbooks, notebooks and images so that no other file has the name of a part.",
        )
    return with_data(parts)


def _with_evidence(
    file: ScreenedFile, valid: Sequence[Receipt], refusals: tuple[Finding, ...], thresholds: Thresholds
) -> ScreenedFile:
    found: tuple[Finding, ...] = ()
    if file.kind == "table":
        found = tuple(evidence.check_uncovered(valid, sha256=file.sha256))
        if not file.receipt:
            # Here and not in the throw-away process: the solver is larger than that may be, and the canonical
            # form is ours.
            found += tuple(margins.check(table_of(file.canonical), thresholds))
    return replace(file, report=Report((*file.report.findings, *found, *refusals)))


def _stored(file: ScreenedFile) -> StoredFile:
    return StoredFile(
        name=file.name,
        kind=file.kind,
        sha256=file.sha256,
        original_sha256=file.original_sha256,
        size=len(file.canonical),
        receipt=file.receipt,
        report=file.report,
    )


def new_request(
    request_id: str,
    submission: Submission,
    *,
    author: str,
    authorization: AuthorizationPolicy,
    purpose: str,
    at: str,
) -> Request:
    """Return the first round of a request, being screened."""
    return Request(
        id=request_id,
        author=author,
        authorization=authorization.name,
        purpose=purpose,
        status=INITIAL,
        round=1,
        row_version=1,
        risk=submission.risk,
        quorum=submission.quorum,
        report=submission.report,
        receipts=submission.receipts,
        sealed={},
        files=submission.files,
        votes=(),
        created_at=at,
        updated_at=at,
    )


def next_round(request: Request, submission: Submission, *, purpose: str) -> Request:
    """Return ``request`` with new files; nothing of the earlier round's votes is left."""
    return replace(
        request,
        round=request.round + 1,
        purpose=purpose,
        risk=submission.risk,
        quorum=submission.quorum,
        report=submission.report,
        receipts=submission.receipts,
        sealed={},
        leaving=(),
        consent=None,
        excuses=(),
        files=submission.files,
        votes=(),
    )
