"""What a person can be told, one sentence each; the table that documents and pages read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class About(StrEnum):
    """What happened to a request."""

    SUBMITTED = "submitted"
    BLOCKED = "blocked"
    REVIEW_REQUESTED = "review-requested"
    REVIEW_DUE_SOON = "review-due-soon"
    REVIEW_OVERDUE = "review-overdue"
    REVIEWS_DIFFER = "reviews-differ"
    CONSENT_REQUESTED = "consent-requested"
    HELD = "held"
    LAPSED = "lapsed"
    RETURNED = "returned"
    REJECTED = "rejected"
    APPROVED = "approved"
    RELEASED = "released"
    EXPIRES_SOON = "expires-soon"
    EXPIRED = "expired"
    DOWNLOADED = "downloaded"
    REVOKED = "revoked"
    ENDED = "ended"
    TAMPERED = "tampered"


SENTENCES: dict[About, str] = {
    About.SUBMITTED: "Your request {request} was handed in.",
    About.BLOCKED: "A check refused a file of your request {request}; hand in another one, or withdraw it.",
    About.REVIEW_REQUESTED: "Request {request} waits for your review.",
    About.REVIEW_DUE_SOON: "Half of the time to review request {request} is over.",
    About.REVIEW_OVERDUE: "The time to review request {request} is over.",
    About.REVIEWS_DIFFER: "The reviews of request {request} differ; those who wrote them conclude.",
    About.CONSENT_REQUESTED: "Request {request} waits for a data steward's consent.",
    About.HELD: "Request {request} is held by a security officer.",
    About.LAPSED: "Your request {request} was closed: it came back to you and was left unanswered.",
    About.RETURNED: "Your request {request} was returned to you; the reasons stand beside it.",
    About.REJECTED: "Your request {request} was rejected; the reasons stand beside it.",
    About.APPROVED: "Your request {request} was approved and is being packed.",
    About.RELEASED: "The package of your request {request} can be fetched.",
    About.EXPIRES_SOON: "The package of your request {request} can be fetched for less than 48 hours more.",
    About.EXPIRED: "The package of your request {request} can no longer be fetched.",
    About.DOWNLOADED: "The package of request {request} was fetched.",
    About.REVOKED: "Request {request} was revoked after its release.",
    About.ENDED: "Request {request} ended with its authorization.",
    About.TAMPERED: "What is stored of request {request} is not what was reviewed; it is stopped.",
}
"""What each notice says; the request's id is all that is put in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One thing that one person is told."""

    id: str
    """Random, so that it tells nothing of notices to others."""
    at: str
    """When it happened, UTC, ISO 8601."""
    about: About
    request: str
    authorization: str
    person: str
    """Account name; empty for what webhooks are told."""
    read_at: str
    """When the person marked it as read; empty until then."""

    @property
    def sentence(self) -> str:
        """What it says."""
        return SENTENCES[self.about].format(request=self.request)
