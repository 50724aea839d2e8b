"""Who may vote, how many must agree, and what a vote is bound to.

A reviewer is a person of the reviewers' group who is neither the author nor a member of the
project, and holds no role that watches releases. Rights are looked at when the vote is cast and
once more at sealing. Software never votes: a vote needs a person's console or terminal.
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.canonical import digest_of
from sandbox.errors import Conflict, NotAllowed
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.grades import Risk
from sandbox.policy.roles import Actor, Channel, Scope, scopes_of
from sandbox.review.finding import Report, Verdict
from sandbox.review.request import Request, StoredFile

WATCHING = frozenset({"officers", "auditors"})
"""Roles that audit releases and therefore do not approve them."""
RED_SIZE = 1024 * 1024
"""Bytes of all files together above which a request is red."""


def why_not_eligible(
    name: str, groups: frozenset[str], *, author: str, authorization: AuthorizationPolicy
) -> str:
    """Return why this person may not vote on the request, or an empty string if they may."""
    if name == author:
        return "Nobody reviews their own request."
    if authorization.group in groups:
        return "Members of the project do not review its requests."
    if WATCHING & groups:
        return "Officers and auditors watch releases and do not approve them."
    if Scope.REVIEW not in scopes_of(groups):
        return "Only members of the group reviewers review requests."
    return ""


def check_reviewer(actor: Actor, request: Request, authorization: AuthorizationPolicy) -> None:
    """Return if ``actor`` may review ``request`` now.

    Raises:
        NotAllowed: they may not.
    """
    why = why_not_eligible(actor.name, actor.groups, author=request.author, authorization=authorization)
    if not why and (
        Scope.REVIEW not in actor.scopes or actor.channel not in {Channel.CONSOLE, Channel.TERMINAL}
    ):
        why = "This login may not review; reviewing needs the console or a terminal of the gateway."
    if why:
        raise NotAllowed(
            "not-a-reviewer", why, allowed="A reviewer from outside the project may decide on this request."
        )


def risk_of(files: Iterable[StoredFile], request_report: Report) -> Risk:
    """Return the class from which the number of reviewers follows.

    Green: every file is covered by a receipt and nothing was found. Red: row-shaped, or large.
    Amber: all else.
    """
    stored = tuple(files)
    findings = [*request_report.findings, *(finding for file in stored for finding in file.report.findings)]
    row_shaped = any(finding.code == "C22" for finding in findings)
    if row_shaped or sum(file.size for file in stored) > RED_SIZE:
        return "red"
    clean = Report(tuple(findings)).verdict is Verdict.PASS
    return "green" if clean and all(file.receipt for file in stored) else "amber"


def binding_of(request: Request, *, policy_digest: str) -> str:
    """Return the digest of everything a vote is about; a vote with another digest is void."""
    return digest_of(
        {
            "request": request.id,
            "round": request.round,
            "authorization": request.authorization,
            "purpose": request.purpose,
            "files": [[file.name, file.sha256, file.report.digest, file.receipt] for file in request.files],
            "report": request.report.digest,
            "policy": policy_digest,
        }
    )


def check_acknowledged(request: Request, acknowledged: frozenset[str]) -> None:
    """Return if every flagged check is acknowledged.

    Raises:
        Conflict: one is not.
    """
    missing = sorted(request.flagged - acknowledged)
    if missing:
        raise Conflict(
            "not-acknowledged",
            f"Findings of {', '.join(missing)} have not been acknowledged.",
            allowed="Weigh each finding, acknowledge its code and say in the reason why it may leave.",
        )
