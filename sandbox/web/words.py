"""How states are said to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.review.disclosure.checks import CHECKS
from sandbox.review.status import FINAL, TRANSITIONS, Party, Status
from sandbox.web.languages import translatable


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One state in words."""

    name: str
    meaning: str
    tone: str
    """CSS class: ``wait``, ``good`` or ``bad``."""


STAGES: dict[Status, Stage] = {
    Status.SCREENING: Stage(
        name=translatable("Being checked"), meaning=translatable("Automatic checks are running."), tone="wait"
    ),
    Status.BLOCKED: Stage(
        name=translatable("Stopped by a check"),
        meaning=translatable("A check refused a file; hand in a corrected one."),
        tone="bad",
    ),
    Status.REVIEW: Stage(
        name=translatable("In review"), meaning=translatable("Reviewers are looking at it."), tone="wait"
    ),
    Status.CONSOLIDATION: Stage(
        name=translatable("Reviews differ"),
        meaning=translatable("Its reviewers compare what they found and conclude."),
        tone="wait",
    ),
    Status.HELD: Stage(
        name=translatable("Held"),
        meaning=translatable("A security officer stopped it for the time being."),
        tone="bad",
    ),
    Status.LAPSED: Stage(
        name=translatable("Lapsed"), meaning=translatable("It came back and was left unanswered."), tone="bad"
    ),
    Status.RETURNED: Stage(
        name=translatable("Returned"), meaning=translatable("A reviewer asks for changes."), tone="bad"
    ),
    Status.APPROVED: Stage(
        name=translatable("Approved"), meaning=translatable("It is about to be packed."), tone="good"
    ),
    Status.SEALING: Stage(
        name=translatable("Being packed"),
        meaning=translatable("The package is being made and signed."),
        tone="wait",
    ),
    Status.RELEASED: Stage(
        name=translatable("Released"), meaning=translatable("The package can be downloaded."), tone="good"
    ),
    Status.REJECTED: Stage(
        name=translatable("Rejected"), meaning=translatable("It will not be released."), tone="bad"
    ),
    Status.WITHDRAWN: Stage(
        name=translatable("Withdrawn"), meaning=translatable("Its author took it back."), tone="bad"
    ),
    Status.EXPIRED: Stage(
        name=translatable("Expired"), meaning=translatable("It can no longer be downloaded."), tone="bad"
    ),
    Status.REVOKED: Stage(
        name=translatable("Revoked"),
        meaning=translatable("An officer stopped it after its release."),
        tone="bad",
    ),
    Status.ENDED: Stage(
        name=translatable("Ended"),
        meaning=translatable("Its authorization was ended; nothing more leaves."),
        tone="bad",
    ),
    Status.TAMPERED: Stage(
        name=translatable("Stopped: bytes differ"),
        meaning=translatable("What is stored is not what was reviewed."),
        tone="bad",
    ),
}


def stage(status: str) -> Stage:
    """Return the words for a state."""
    return STAGES[Status(status)]


WAITING = {
    Party.AUTHOR: translatable("you"),
    Party.REVIEWER: translatable("reviewers"),
    Party.SYSTEM: translatable("the system"),
    Party.OFFICER: translatable("an officer"),
    Party.STEWARD: translatable("a data steward"),
}
"""On whom a request waits, as its author reads it."""


def waiting_on(status: Status) -> str:
    """Return on whom a request in this state waits, empty where nothing is left to do."""
    if status is Status.RELEASED:
        return WAITING[Party.AUTHOR]  # who fetches it
    if status is Status.HELD:
        return WAITING[Party.OFFICER]
    movers = {mover for (start, end), mover in TRANSITIONS.items() if start is status and end not in FINAL}
    # Where others can still move it, the author could only take it back.
    first = (Party.REVIEWER, Party.AUTHOR, Party.OFFICER, Party.SYSTEM)
    found = next((party for party in first if party in movers), None)
    return "" if found is None else WAITING[found]


SEVERITIES = {
    "refuse": translatable("refused"),
    "flag": translatable("to weigh"),
    "info": translatable("for reading"),
    "pass": translatable("nothing found"),
}
RISKS = {
    "green": translatable("low risk"),
    "amber": translatable("medium risk"),
    "red": translatable("high risk"),
}
VERDICTS = {
    "approve": translatable("approves"),
    "return": translatable("asks for changes"),
    "reject": translatable("rejects"),
}
WORDS = {
    "approve": translatable("may leave"),
    "changes": translatable("is to be changed"),
}
"""What a review says of one file."""
FILE_STATES = {
    "REFUSED": translatable("refused by a check"),
    "CLEAN": translatable("nothing found"),
    "NEEDS_ACK": translatable("to be weighed"),
    "APPROVED": translatable("approved"),
    "CHANGES_REQUESTED": translatable("changes asked for"),
    "CONFLICTED": translatable("reviews differ"),
}
HAPPENINGS = {
    "release.submitted": translatable("handed in"),
    "release.screened": translatable("checked"),
    "release.opened": translatable("a file was opened"),
    "release.compared": translatable("a table was laid beside others"),
    "release.seated": translatable("reviewers were drawn or changed"),
    "release.commented": translatable("a comment was written"),
    "release.voted": translatable("a reviewer voted"),
    "release.overridden": translatable("an officer overrode a veto"),
    "release.consented": translatable("a data steward consented"),
    "release.excused": translatable("an exception was proposed or agreed to"),
    "release.moved": translatable("moved on"),
    "release.sealed": translatable("sealed"),
    "release.downloaded": translatable("downloaded"),
    "release.withdrawn": translatable("withdrawn"),
    "release.refused": translatable("an attempt was refused"),
}
"""What an entry of the log says of a release."""
KINDS = {
    "table": translatable("table"),
    "note": translatable("note"),
    "image": translatable("image"),
    "": translatable("no form"),
}
ROLES = {
    "analysts": translatable("analysts"),
    "reviewers": translatable("reviewers"),
    "officers": translatable("officers"),
    "auditors": translatable("auditors"),
    "stewards": translatable("stewards"),
    "authority": translatable("authority"),
}
USES = {
    "unit_id": translatable("whose row it is"),
    "group_key": translatable("grouping"),
    "measure": translatable("measure"),
    "filter": translatable("filtering"),
    "hidden": translatable("hidden"),
}
WINDOW_STATES = {
    "open": translatable("open"),
    "ahead": translatable("ahead"),
    "over": translatable("over"),
}
PLACES = (
    translatable("file"),
    translatable("request"),
    translatable("row {1}"),
    translatable("row {1}, column {2}"),
    translatable("column {1}"),
    translatable("line {1}"),
)
"""Where a finding may be; said by the filter ``said``, as each stands in a sentence's place."""
BUDGETS = (
    translatable("population {1}"),
    translatable("dataset {1}"),
    translatable("authorization {1}"),
    translatable("analyst {1} under authorization {2}"),
    translatable("window {1} of authorization {2}"),
    translatable("window of authorization {1}"),
    translatable("reserved delta of population {1}"),
    translatable("reserved delta of authorization {1}"),
)
"""Names of budgets, as the ledger speaks them."""
ASSEMBLED = (
    translatable("One answer stands"),
    translatable("One count is smaller than {1}."),
    translatable("{1} counts are smaller than {2}."),
    translatable("One count is no multiple of {1}."),
    translatable("{1} counts are no multiple of {2}."),
)
"""Sentences of findings that their check puts together from parts."""
STATUSES = (
    translatable("Bad Request"),
    translatable("Unauthorized"),
    translatable("Forbidden"),
    translatable("Not Found"),
    translatable("Method Not Allowed"),
    translatable("Conflict"),
    translatable("Request Entity Too Large"),
    translatable("Unsupported Media Type"),
    translatable("Misdirected Request"),
    translatable("Unprocessable Entity"),
    translatable("Internal Server Error"),
    translatable("Service Unavailable"),
)
"""Titles of problem documents, which are HTTP's own phrases."""
TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "severity": SEVERITIES,
    "risk": RISKS,
    "verdict": VERDICTS,
    "happening": HAPPENINGS,
    "kind": KINDS,
    "role": ROLES,
    "use": USES,
    "window": WINDOW_STATES,
    "word": WORDS,
    "state": FILE_STATES,
    "check": {code: check.title for code, check in CHECKS.items()},
}
"""What the templates' filter ``word`` looks up."""
