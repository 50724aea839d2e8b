"""Whom an entry of the log, or the passing of time, concerns.

Blindness: that somebody voted is in the log while others have yet to vote, so a vote by itself tells
nobody anything. Only what everybody can see, that the request has left review, is told; and reminders
are the same for each reviewer who has not voted, whatever the others did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from sandbox.audit import reading
from sandbox.audit.event import Kind, timestamp
from sandbox.audit.reading import Entry
from sandbox.notices.box import Happening
from sandbox.notices.notice import About
from sandbox.policy.policies import Policies
from sandbox.review import rules
from sandbox.review.request import Request, read_request
from sandbox.review.status import Status
from sandbox.review.view import began
from sandbox.store.tables import package, release_request

EXPIRING = timedelta(hours=48)
"""How long before its end a package's author is reminded."""
_MOVED: Mapping[str, About] = {
    "consolidation": About.REVIEWS_DIFFER,
    "held": About.HELD,
    "lapsed": About.LAPSED,
    "returned": About.RETURNED,
    "rejected": About.REJECTED,
    "released": About.RELEASED,
    "expired": About.EXPIRED,
    "revoked": About.REVOKED,
    "ended": About.ENDED,
    "tampered": About.TAMPERED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Concerned:
    """Knows who is who at this moment."""

    policies: Policies
    people: Mapping[str, frozenset[str]]
    """Groups of everybody whose account is open."""
    review_time: timedelta
    """In which a round should be decided."""

    def by_entry(self, connection: Connection, entry: Entry) -> Iterator[Happening]:
        """Yield what people are told because of one entry about a release."""
        event = entry.event
        kind, decision = event["kind"], event["decision"]
        if kind in {Kind.RELEASE_CHECKED, Kind.RELEASE_REFUSED}:
            return  # no request is there, or nothing became of one
        request = read_request(connection, event["subject"])
        round_ = str(event["body"].get("round", request.round))
        match kind:
            case Kind.RELEASE_SUBMITTED:
                yield self._told(entry, request, About.SUBMITTED, round_, {request.author})
            case Kind.RELEASE_SCREENED if decision == "blocked":
                yield self._told(entry, request, About.BLOCKED, round_, {request.author})
            case Kind.RELEASE_SCREENED:
                yield from self._asked(entry, request, round_)
            case Kind.RELEASE_SEATED if decision in {"drawn", "declined"} and str(request.round) == round_:
                # The same occasion as the round's: who was told before is not told again.
                yield self._told(entry, request, About.REVIEW_REQUESTED, round_, self.reviewers(request))
            case Kind.RELEASE_SEALED:
                yield self._told(entry, request, About.APPROVED, round_, {request.author})
            case Kind.RELEASE_DOWNLOADED:
                people = {request.author, *self.officers}
                yield self._told(entry, request, About.DOWNLOADED, str(entry.seq), people)
            case Kind.RELEASE_MOVED if decision in _MOVED:
                about = _MOVED[decision]
                yield self._told(entry, request, about, round_, self._of_move(request, about))
            case Kind.RELEASE_MOVED if decision == "review":
                yield from self._asked(entry, request, str(entry.seq))
            case _:
                return

    def by_time(self, connection: Connection, *, now: datetime) -> Iterator[Happening]:
        """Yield what people are told because time has passed; the same again at each call."""
        yield from self._reviews(connection, now)
        yield from self._packages(connection, now)

    def reviewers(self, request: Request) -> set[str]:
        """Return everybody who is to review ``request``, whether or not they have."""
        able = rules.eligible(rules.Panel(policies=self.policies, people=self.people), request)
        return set(able & set(request.seats) if self.policies.review.seats == "drawn" else able)

    @property
    def officers(self) -> set[str]:
        """Return the security officers."""
        return {name for name, groups in self.people.items() if "officers" in groups}

    @property
    def stewards(self) -> set[str]:
        """Return the data stewards."""
        return {name for name, groups in self.people.items() if "stewards" in groups}

    def _asked(self, entry: Entry, request: Request, occasion: str) -> Iterator[Happening]:
        yield self._told(entry, request, About.REVIEW_REQUESTED, occasion, self.reviewers(request))
        if request.risk == "red":
            yield self._told(entry, request, About.CONSENT_REQUESTED, occasion, self.stewards)

    def _of_move(self, request: Request, about: About) -> set[str]:
        if about is About.REVIEWS_DIFFER:
            return {vote.reviewer for vote in request.votes}
        if about is About.HELD:
            return {request.author, *self.officers}
        if about is About.TAMPERED:
            return self.officers  # who tampered may be the author or a reviewer
        if about is About.REVOKED:
            return {request.author, *self.officers, *(vote.reviewer for vote in request.votes)}
        return {request.author}

    def _reviews(self, connection: Connection, now: datetime) -> Iterator[Happening]:
        t = release_request
        states = [str(Status.REVIEW), str(Status.CONSOLIDATION)]
        waiting = select(t.c.id).where(t.c.status.in_(states))
        for request_id in connection.execute(waiting).scalars().all():
            request = read_request(connection, request_id)
            entries = reading.search(connection, subject=request.id, limit=None)[::-1]
            begun = datetime.fromisoformat(began(request, entries))
            over, half = begun + self.review_time, begun + self.review_time / 2
            if now < half:
                continue
            about, at = (About.REVIEW_OVERDUE, over) if now >= over else (About.REVIEW_DUE_SOON, half)
            wrote = {vote.reviewer for vote in request.votes}
            # Where reviews differ, those who wrote them are to conclude.
            people = self.reviewers(request) - wrote if request.status is Status.REVIEW else wrote
            if about is About.REVIEW_OVERDUE:
                people |= self.officers
            yield Happening(
                at=timestamp(at),
                about=about,
                request=request.id,
                authorization=request.authorization,
                occasion=f"{request.round}:{timestamp(begun)}",
                people=frozenset(people),
            )

    def _packages(self, connection: Connection, now: datetime) -> Iterator[Happening]:
        r, p = release_request, package
        ending = select(p.c.request, p.c.expires_at, r.c.author, r.c.authorization).where(
            r.c.id == p.c.request,
            r.c.status == str(Status.RELEASED),
            p.c.downloads < self.policies.review.max_downloads,
            p.c.expires_at <= timestamp(now + EXPIRING),
        )
        for row in connection.execute(ending):
            yield Happening(
                at=timestamp(datetime.fromisoformat(row.expires_at) - EXPIRING),
                about=About.EXPIRES_SOON,
                request=row.request,
                authorization=row.authorization,
                occasion=row.expires_at,
                people=frozenset({row.author}),
            )

    @staticmethod
    def _told(entry: Entry, request: Request, about: About, occasion: str, people: set[str]) -> Happening:
        return Happening(
            at=entry.at,
            about=about,
            request=request.id,
            authorization=request.authorization,
            occasion=occasion,
            people=frozenset(people),
        )
