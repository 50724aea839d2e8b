"""Who may vote, how many must agree, and what a vote is bound to.

A reviewer is a person of the reviewers' group who is neither the author nor a member of the
project, and holds no role that watches releases. Rights are looked at when the vote is cast and
once more at sealing. Software never votes: a vote needs a person's console or terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sandbox.canonical import digest_of
from sandbox.errors import Conflict, NotAllowed
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.grades import Risk
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Channel, Scope, scopes_of
from sandbox.review import tally
from sandbox.review.finding import Report, Severity, Verdict
from sandbox.review.request import Request, StoredFile, Vote

People = Mapping[str, frozenset[str]]
"""Groups of everybody whose account is open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """Who may review, as things are at this moment."""

    policies: Policies
    people: People


BINDING_VERSION = 2
LONGEST_WEIGHING = 1_000
"""Characters of what a reviewer says to one finding."""

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
    if any(finding.severity is Severity.REFUSE for finding in findings):
        return "red"  # it comes before reviewers only by an exception
    return "green" if clean and all(file.receipt for file in stored) else "amber"


def binding_of(request: Request, *, policies: Policies) -> str:
    """Return the digest of everything a review is about; a review with another digest is void."""
    return digest_of(
        {
            "version": BINDING_VERSION,
            "request": request.id,
            "round": request.round,
            "authorization": request.authorization,
            "purpose": request.purpose,
            "files": [[file.name, file.sha256, file.report.digest, file.receipt] for file in request.files],
            "report": request.report.digest,
            "excuses": [[excuse.code, excuse.expires] for excuse in request.excuses if excuse.steward],
            "policy": policies.digest,
        }
    )


def eligible(panel: Panel, request: Request) -> frozenset[str]:
    """Return everybody who may review ``request`` now, seat or not."""
    authorization = panel.policies.authorizations.get(request.authorization)
    if authorization is None:
        return frozenset()
    return frozenset(
        name
        for name, groups in panel.people.items()
        if name not in request.declined
        and not why_not_eligible(name, groups, author=request.author, authorization=authorization)
    )


def standing_votes(panel: Panel, request: Request) -> tuple[Vote, ...]:
    """Return the reviews of this round that count now."""
    able = eligible(panel, request)
    binding = binding_of(request, policies=panel.policies)
    return tally.standing(request.votes, binding=binding, eligible=able.__contains__)


def consented(request: Request, policies: Policies) -> bool:
    """Return whether the data steward agreed to exactly this, or need not."""
    if request.risk != "red":
        return True
    return request.consent is not None and request.consent.binding == binding_of(request, policies=policies)


def check_consented(request: Request, policies: Policies) -> None:
    """Return if the data steward agreed, or need not.

    Raises:
        Conflict: they have not.
    """
    if not consented(request, policies):
        raise Conflict(
            "not-consented",
            "The request is red, and the data steward has not consented.",
            allowed="A data steward consents to it on their page of requests, or the request is returned.",
        )


def check_acknowledged(flagged: frozenset[str], acknowledged: Mapping[str, str]) -> None:
    """Return if every flagged check is acknowledged with a reason.

    Raises:
        Conflict: one is not.
    """
    missing = sorted(code for code in flagged if not acknowledged.get(code, "").strip())
    if missing:
        raise Conflict(
            "not-acknowledged",
            f"Findings of {', '.join(missing)} have not been acknowledged.",
            allowed="Weigh each finding, and say for each code why the file may leave.",
        )
    if any(len(why) > LONGEST_WEIGHING for why in acknowledged.values()):
        raise Conflict(
            "acknowledgement-long",
            "What was said to a finding is too long.",
            allowed=f"Say it in at most {LONGEST_WEIGHING} characters.",
        )


def unexcused(request: Request, names: Iterable[str], *, at: str) -> frozenset[str]:
    """Return the refusals of the files ``names`` that nothing excuses at the moment ``at``."""
    wanted = frozenset(names)
    excused = {one.code for one in request.excuses if one.steward and at < one.expires}
    reports = (file.report for file in request.files if file.name in wanted)
    return frozenset(
        finding.code
        for report in reports
        for finding in report.findings
        if finding.severity is Severity.REFUSE and finding.code not in excused
    )


def check_excused(request: Request, names: Iterable[str], *, at: str) -> None:
    """Return if no refusal of the files ``names`` stands.

    Raises:
        Conflict: one does, or its exception has expired.
    """
    left = unexcused(request, names, at=at)
    if left:
        raise Conflict(
            "refusal-stands",
            f"The checks {', '.join(sorted(left))} refuse a file, and no exception holds.",
            allowed="Return the request, or ask for another exception.",
        )
