"""What the checks would say of files, before anything is handed in: nothing of the files is stored.

That somebody asked is on record, with the files' digests, before a byte is looked at; who asks more
than :data:`CHECKS_AN_HOUR` times an hour waits, so that nobody finds by trying how far the checks see.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from sandbox import freezes
from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.log import Log
from sandbox.canonical import digest
from sandbox.errors import TooOften
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.grades import ReviewPolicy
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor
from sandbox.review.desk import Desk
from sandbox.review.finding import Verdict, verdict_of
from sandbox.review.submission import Submission, authorization_of, policy_for
from sandbox.store.tables import event_index

CHECKS_AN_HOUR = 60
"""Checks of one person within any hour: one a minute is more than correcting a table takes."""
WITHIN = timedelta(hours=1)
PURPOSE = "Checked only; nothing is handed in."
"""Stands where a request has its purpose."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """What would be found if the files were handed in now."""

    submission: Submission
    limits: ReviewPolicy
    """The numbers that were checked against."""

    @classmethod
    def of(cls, submission: Submission, policies: Policies, authorization: AuthorizationPolicy) -> Rehearsal:
        """Return what was found, beside the numbers that hold under ``authorization``."""
        return cls(submission=submission, limits=policy_for(policies, authorization))

    def to_document(self) -> dict[str, Any]:
        """Return it for programs; never the bytes."""
        screened = self.submission.screened
        found = [finding for file in screened for finding in file.report.findings]
        verdict = verdict_of([*found, *self.submission.report.findings])
        return {
            "would": "be blocked" if verdict is Verdict.REFUSE else "go to review",
            "verdict": str(verdict),
            "risk": self.submission.risk,
            "quorum": self.submission.quorum,
            "findings": self.submission.report.to_document(),
            "files": [file.to_document() for file in screened],
            "limits": {
                "min_cell": self.limits.min_cell,
                "round_to": self.limits.round_to,
                "significant_digits": self.limits.significant_digits,
            },
        }


def check(
    desk: Desk,
    log: Log,
    actor: Actor,
    *,
    authorization: str,
    files: Mapping[str, bytes],
    receipts: Sequence[str] = (),
    purpose: str = PURPOSE,
) -> Rehearsal:
    """Say what the checks would find in files if they were handed in now; stores nothing of them.

    Raises:
        TooOften: the person has had too many checks within the hour.
        Refusal: as for :meth:`sandbox.review.desk.Desk.submit`.
    """
    granted = authorization_of(desk.policies, name=authorization, actor=actor, now=log.now())
    record(log, actor=actor.name, request=secrets.token_hex(8), authorization=granted, files=files)
    submission = desk.screened(actor, granted, purpose=purpose, files=files, receipts=receipts)
    return Rehearsal.of(submission, desk.policies, granted)


def record(
    log: Log, *, actor: str, request: str, authorization: AuthorizationPolicy, files: Mapping[str, bytes]
) -> None:
    """Put on record that ``actor`` has ``files`` checked, if they may now.

    Raises:
        NotAllowed: they, the authorization or its dataset are frozen.
        TooOften: they have had too many checks within the hour.
        Unavailable: the log cannot be written.
    """
    body = {"files": [digest(content) for _, content in sorted(files.items())]}
    event = Event(
        kind=Kind.RELEASE_CHECKED, actor=actor, subject=request, authorization=authorization.name, body=body
    )
    with log.writing() as tx:
        freezes.check(
            tx.connection, person=actor, authorization=authorization.name, dataset=authorization.dataset
        )
        # Counted in the transaction that adds one more: at the same moment, too, there is one last check.
        if _checks(tx.connection, actor, since=timestamp(tx.at - WITHIN)) >= CHECKS_AN_HOUR:
            raise TooOften(
                "checked-too-often",
                f"You have had {CHECKS_AN_HOUR} checks within an hour.",
                allowed="Hand the files in: the same checks are made then; or try again later.",
            )
        tx.append(event)


def _checks(connection: Connection, actor: str, *, since: str) -> int:
    t = event_index
    mine = (t.c.actor == actor, t.c.kind == Kind.RELEASE_CHECKED.value, t.c.at > since)
    return connection.execute(select(func.count()).where(*mine)).scalar_one()
