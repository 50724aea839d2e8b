"""How states are said to people."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.review.status import Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One state in words."""

    name: str
    meaning: str
    tone: str
    """CSS class: ``wait``, ``good`` or ``bad``."""


STAGES: dict[Status, Stage] = {
    Status.SCREENING: Stage(name="Being checked", meaning="Automatic checks are running.", tone="wait"),
    Status.BLOCKED: Stage(
        name="Stopped by a check", meaning="A check refused a file; hand in a corrected one.", tone="bad"
    ),
    Status.REVIEW: Stage(name="In review", meaning="Reviewers are looking at it.", tone="wait"),
    Status.RETURNED: Stage(name="Returned", meaning="A reviewer asks for changes.", tone="bad"),
    Status.APPROVED: Stage(name="Approved", meaning="It is about to be packed.", tone="good"),
    Status.SEALING: Stage(name="Being packed", meaning="The package is being made and signed.", tone="wait"),
    Status.RELEASED: Stage(name="Released", meaning="The package can be downloaded.", tone="good"),
    Status.REJECTED: Stage(name="Rejected", meaning="It will not be released.", tone="bad"),
    Status.WITHDRAWN: Stage(name="Withdrawn", meaning="Its author took it back.", tone="bad"),
    Status.EXPIRED: Stage(name="Expired", meaning="It can no longer be downloaded.", tone="bad"),
    Status.REVOKED: Stage(name="Revoked", meaning="An officer stopped it after its release.", tone="bad"),
    Status.ENDED: Stage(
        name="Ended", meaning="Its authorization was ended; nothing more leaves.", tone="bad"
    ),
    Status.TAMPERED: Stage(
        name="Stopped: bytes differ", meaning="What is stored is not what was reviewed.", tone="bad"
    ),
}


def stage(status: str) -> Stage:
    """Return the words for a state."""
    return STAGES[Status(status)]
