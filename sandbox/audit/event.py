"""What is worth proving later, as one value with one byte string.

An event names people by account name only; whatever else is personal (the text of a question with
its literals) is given to the log apart, and the leaf holds no more than a commitment to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from sandbox import canonical
from sandbox.canonical import Canonical
from sandbox.errors import Malformed, TooLarge

LEAF_LIMIT = 65_535
"""Bytes of a leaf: what the uint16 length of a C2SP tlog-tiles entry can say."""
NAME_LIMIT = 255
"""Characters of each searchable part, the width of the index columns."""


class Kind(StrEnum):
    """What happened."""

    QUESTION_INTENT = "question.intent"
    """A question was charged; nothing has been read yet."""
    QUESTION_OUTCOME = "question.outcome"
    """A charged question was answered or failed; precedes the answer's bytes."""
    QUESTION_REPEATED = "question.repeated"
    """An answer that was given before was given again, at no cost; precedes its bytes."""
    ANSWER_WITHHELD = "answer.withheld"
    """An answer whose outcome was recorded did not leave: a freeze came first."""
    QUESTION_REFUSED = "question.refused"
    """A question was refused before any charge."""
    REVIEWED_ASKED = "reviewed.asked"
    """A reviewed answer was counted; nothing has been read yet. No loss is charged: it is exact."""
    REVIEWED_FILED = "reviewed.filed"
    """It was filed as a release request, failed or was withheld; nothing of it went to who asked."""
    REQUEST_REFUSED = "request.refused"
    """A request was refused before it became a question or a release."""
    DATASET_REGISTERING = "dataset.registering"
    """The loss of a registration was charged; no raw row has been read yet."""
    DATASET_REGISTERED = "dataset.registered"
    """A new bounded copy answers questions from here on."""
    DATASET_SURVEYING = "dataset.surveying"
    """The loss of advice on a dataset's policy was charged; no raw row has been read yet."""
    DATASET_SURVEYED = "dataset.surveyed"
    """The advice was given; names the digest of the noisy numbers it was made of."""
    BUDGET_GRANTED = "budget.granted"
    """A signed decision opened time windows or raised a budget; names the digest of its bytes."""
    BUDGET_REFUSED = "budget.refused"
    """A decision about a budget was not applied."""
    DECIDER_KEY_CHANGED = "decider.key-changed"
    """The public key with which a person signs decisions about budgets was registered or withdrawn."""
    POLICY_LOADED = "policy.loaded"
    RELEASE_CHECKED = "release.checked"
    """An author had files checked that were not handed in; precedes the checks."""
    RELEASE_SUBMITTED = "release.submitted"
    RELEASE_SCREENED = "release.screened"
    RELEASE_OPENED = "release.opened"
    """A reviewer was shown the bytes of a file."""
    RELEASE_COMPARED = "release.compared"
    """A reviewer was shown a table beside those of other requests; names each of these requests."""
    RELEASE_SEATED = "release.seated"
    """Reviewers were drawn, one took a seat, or one declared a conflict of interest."""
    RELEASE_COMMENTED = "release.commented"
    """Somebody wrote beside a request; the text is sealed."""
    RELEASE_VOTED = "release.voted"
    """A reviewer submitted or changed their review of a round."""
    RELEASE_OVERRIDDEN = "release.overridden"
    """An officer let a reviewer's veto not stand."""
    RELEASE_CONSENTED = "release.consented"
    """The data steward agreed that a red request may leave."""
    RELEASE_EXCUSED = "release.excused"
    """An officer proposed, or a data steward agreed, that a refusal goes before reviewers."""
    RELEASE_MOVED = "release.moved"
    """A request changed its state after it was screened: consolidation, approved, held, expired ..."""
    RELEASE_SEALED = "release.sealed"
    RELEASE_DOWNLOADED = "release.downloaded"
    RELEASE_WITHDRAWN = "release.withdrawn"
    RELEASE_REFUSED = "release.refused"
    """An action on a release was not allowed."""
    LOGIN = "login"
    LOGIN_REFUSED = "login.refused"
    ACCOUNT_CHANGED = "account.changed"
    ACCESS_FROZEN = "access.frozen"
    """A person, an authorization, a dataset or everything was frozen."""
    ACCESS_UNFROZEN = "access.unfrozen"
    WORKSPACE_DESTROYED = "workspace.destroyed"
    """The files that a member of an ended authorization kept are gone."""
    WORKSPACE_KEPT = "workspace.kept"
    """They were kept, because the member holds another authorization."""
    AUTHORIZATION_ENDED = "authorization.ended"
    """An authorization was ended for good; names the digest of its certificate's statement."""
    SERVER_STARTED = "server.started"
    """A notebook server."""
    SERVER_STOPPED = "server.stopped"
    DOOR_REFUSED = "door.refused"
    """The door let something not pass."""
    AUDIT_READ = "audit.read"
    AUDIT_EXPORTED = "audit.exported"
    PRIVATE_ERASED = "private.erased"
    """The sealed text of an entry was destroyed at the end of its retention."""
    KEY_ROTATED = "key.rotated"
    """The log's key was replaced; the next checkpoint is signed by both."""
    GATEWAY_STARTED = "gateway.started"
    DOCTOR_RUN = "doctor.run"
    """The sandbox's promises were checked; names the digest of the signed report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened, before it has a place in the log."""

    kind: Kind
    actor: str
    """Account name of who did it; ``system`` for the sandbox itself."""
    subject: str
    """Id of what it is about: a question, a release, a dataset, an account."""
    authorization: str = ""
    """Name of the authorization under which it happened, if any."""
    dataset: str = ""
    """Name of the dataset concerned, if any."""
    decision: str = ""
    """``granted``, ``refused``, a vote ... ; empty where nothing was decided."""
    related: tuple[str, ...] = ()
    """Ids of further subjects under which the event is found, as the questions behind a release."""
    body: Mapping[str, Canonical] = field(default_factory=dict)
    """Whatever else must be provable; losses as integers or decimal strings, never floats."""

    def __post_init__(self) -> None:
        names = (self.actor, self.subject, self.authorization, self.dataset, self.decision, *self.related)
        if not self.actor or not self.subject or any(len(name) > NAME_LIMIT for name in names):
            raise Malformed(
                "event-malformed",
                "A name in this request is missing or too long to be put on record.",
                allowed=f"Names have between 1 and {NAME_LIMIT} characters.",
            )

    def leaf(self, at: datetime, *, commitment: str = "") -> bytes:
        """Return the exact bytes that are hashed, stored and exported.

        Args:
            at: when, with a time zone.
            commitment: digest of salt and private text, if there is any.

        Raises:
            TooLarge: the leaf would exceed :data:`LEAF_LIMIT`.
            Malformed: a text in it is not Unicode.
        """
        document: dict[str, Canonical] = {
            "v": 1,
            "at": timestamp(at),
            "kind": self.kind.value,
            "actor": self.actor,
            "subject": self.subject,
            "authorization": self.authorization,
            "dataset": self.dataset,
            "decision": self.decision,
            "related": self.related,
            "body": self.body,
        }
        if commitment:
            document["private"] = commitment
        try:
            leaf = canonical.encode(document)
        except UnicodeEncodeError as error:
            raise Malformed("event-malformed", "A text in this request is not valid Unicode.") from error
        if len(leaf) > LEAF_LIMIT:
            raise TooLarge(
                "event-too-large",
                "This request is too large to be put on record.",
                allowed=f"A record has at most {LEAF_LIMIT} bytes.",
            )
        return leaf


def timestamp(at: datetime) -> str:
    """Return ``at`` in UTC as ISO 8601 with microseconds; sorts as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
