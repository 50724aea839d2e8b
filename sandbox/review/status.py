"""The states of a release request and who may move it: one table.

The desk, the full test matrix and the diagram in the documentation read :data:`TRANSITIONS`; what
is not in it does not happen. Time-outs and failures lead to less permissive states only.
"""

from __future__ import annotations

from enum import StrEnum

from sandbox.errors import Conflict, NotAllowed


class Status(StrEnum):
    """Where a request stands."""

    SCREENING = "SCREENING"
    """Files are being brought into canonical form."""
    BLOCKED = "BLOCKED"
    """A check refused a file; the author may submit another round."""
    REVIEW = "REVIEW"
    """Reviewers look, each without knowing of the others."""
    CONSOLIDATION = "CONSOLIDATION"
    """Enough reviews are in and they do not agree; their writers see each other's and conclude."""
    HELD = "HELD"
    """An officer stopped everything about it for the time being."""
    RETURNED = "RETURNED"
    """A reviewer asks for changes."""
    APPROVED = "APPROVED"
    """Enough reviewers agreed; nothing has left."""
    SEALING = "SEALING"
    """Every hash and right held once more; the manifest stands in the log."""
    RELEASED = "RELEASED"
    """The package may be fetched by its author."""
    REJECTED = "REJECTED"
    """Final: a reviewer said no."""
    WITHDRAWN = "WITHDRAWN"
    """Final: the author took it back."""
    LAPSED = "LAPSED"
    """Final: its author left it without an answer for too long."""
    EXPIRED = "EXPIRED"
    """Final: the time or number of downloads is used up."""
    REVOKED = "REVOKED"
    """Final: an officer stopped a released package."""
    ENDED = "ENDED"
    """Final: its authorization was ended, so nothing more of it leaves."""
    TAMPERED = "TAMPERED"
    """Stored bytes differ from what was reviewed; only an officer closes it."""

    @property
    def said(self) -> str:
        """The state as it stands in a sentence."""
        return self.value.lower()


class Party(StrEnum):
    """Who moves a request."""

    AUTHOR = "author"
    REVIEWER = "reviewer"
    SYSTEM = "system"
    OFFICER = "officer"
    STEWARD = "steward"


HOLDABLE = (
    Status.BLOCKED,
    Status.REVIEW,
    Status.CONSOLIDATION,
    Status.RETURNED,
    Status.APPROVED,
    Status.SEALING,
    Status.RELEASED,
)
"""States in which an officer may hold a request, and to which it goes back; it may end from each."""

TRANSITIONS: dict[tuple[Status, Status], Party] = {
    (Status.SCREENING, Status.BLOCKED): Party.SYSTEM,
    (Status.SCREENING, Status.REVIEW): Party.SYSTEM,
    (Status.BLOCKED, Status.SCREENING): Party.AUTHOR,
    (Status.BLOCKED, Status.WITHDRAWN): Party.AUTHOR,
    (Status.BLOCKED, Status.LAPSED): Party.SYSTEM,
    (Status.BLOCKED, Status.REVIEW): Party.STEWARD,
    (Status.REVIEW, Status.RETURNED): Party.REVIEWER,
    (Status.REVIEW, Status.REJECTED): Party.REVIEWER,
    (Status.REVIEW, Status.APPROVED): Party.REVIEWER,
    (Status.REVIEW, Status.CONSOLIDATION): Party.REVIEWER,
    (Status.REVIEW, Status.WITHDRAWN): Party.AUTHOR,
    (Status.CONSOLIDATION, Status.RETURNED): Party.REVIEWER,
    (Status.CONSOLIDATION, Status.REJECTED): Party.REVIEWER,
    (Status.CONSOLIDATION, Status.APPROVED): Party.REVIEWER,
    (Status.CONSOLIDATION, Status.WITHDRAWN): Party.AUTHOR,
    (Status.RETURNED, Status.SCREENING): Party.AUTHOR,
    (Status.RETURNED, Status.WITHDRAWN): Party.AUTHOR,
    (Status.RETURNED, Status.LAPSED): Party.SYSTEM,
    (Status.APPROVED, Status.REVIEW): Party.SYSTEM,
    (Status.APPROVED, Status.SEALING): Party.SYSTEM,
    (Status.APPROVED, Status.TAMPERED): Party.SYSTEM,
    (Status.APPROVED, Status.WITHDRAWN): Party.AUTHOR,
    (Status.SEALING, Status.RELEASED): Party.SYSTEM,
    (Status.SEALING, Status.TAMPERED): Party.SYSTEM,
    (Status.RELEASED, Status.EXPIRED): Party.SYSTEM,
    (Status.RELEASED, Status.TAMPERED): Party.SYSTEM,
    (Status.RELEASED, Status.REVOKED): Party.OFFICER,
    (Status.TAMPERED, Status.REJECTED): Party.OFFICER,
    (Status.HELD, Status.REJECTED): Party.OFFICER,
    (Status.HELD, Status.REVOKED): Party.OFFICER,
    **{(state, Status.HELD): Party.OFFICER for state in HOLDABLE},
    **{(Status.HELD, state): Party.OFFICER for state in HOLDABLE},
    **{(state, Status.ENDED): Party.SYSTEM for state in (*HOLDABLE, Status.HELD)},
}

INITIAL = Status.SCREENING
FINAL = frozenset(set(Status) - {start for start, _ in TRANSITIONS})
"""States that nothing leaves."""


def check_move(start: Status, end: Status, party: Party) -> None:
    """Return if ``party`` may move a request from ``start`` to ``end``.

    Raises:
        Conflict: nobody may, as the request stands.
        NotAllowed: somebody else may.
    """
    mover = TRANSITIONS.get((start, end))
    if mover is None:
        raise Conflict(
            "wrong-state",
            f"A request that is {start.said} cannot become {end.said}.",
            allowed=_possible(start),
        )
    if mover is not party:
        raise NotAllowed("wrong-party", f"Only the {mover} moves a request from {start.said} to {end.said}.")


def render_diagram() -> str:
    """Return the table as a Mermaid state diagram for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {INITIAL}: author"]
    lines += [f"    {start} --> {end}: {party}" for (start, end), party in TRANSITIONS.items()]
    lines += [f"    {status} --> [*]" for status in Status if status in FINAL]
    return "\n".join(lines) + "\n"


def _possible(start: Status) -> str:
    ends = [end for first, end in TRANSITIONS if first is start]
    return (
        f"From there it can become {', '.join(end.said for end in ends)}." if ends else "That state is final."
    )
