"""What everybody at the desk has in common: the log, the rules, and a request as one person may see it.

Every method of the desk reads, checks, writes and records in one transaction; what it decides on is what
stands in the database at that moment. What is refused to somebody is recorded too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, select

from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.keys import SigningKey, VerifyKey
from sandbox.audit.log import Log
from sandbox.errors import Conflict, NotAllowed
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Scope
from sandbox.review import changes, counter, oversight, reviewed, rules, seats
from sandbox.review.comments import comments_for
from sandbox.review.request import Request, read_request, unknown_request
from sandbox.review.screen.isolate import Cage, in_bubblewrap
from sandbox.review.sealing import Sealer
from sandbox.review.status import Status
from sandbox.review.tally import state_of
from sandbox.review.view import FileView, ReleaseView, due_of, sees_reviews, timeline_for, votes_for
from sandbox.review.voting import why_not_now
from sandbox.store import tables


class Room:
    """Where requests lie; the parts of the desk are built on it.

    Args:
        log: where everything is recorded.
        policies: authorizations and rules of review.
        receipts: public key of the gateway's receipts.
        release_key: file of the key that signs manifests.
        people: gives the groups of everybody whose account is open.
        review_time: in which a round should be decided; after it anybody who may review may take a seat.
        cage: makes the throw-away process in which each file is read.
        clock: gives the current time; only tests pass one.
    """

    def __init__(
        self,
        *,
        log: Log,
        policies: Policies,
        receipts: VerifyKey,
        release_key: Path,
        people: Callable[[], rules.People],
        review_time: timedelta = timedelta(hours=72),
        cage: Cage = in_bubblewrap,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.policies = policies
        self._log = log
        self._receipts = receipts
        self._cage = cage
        self._clock = clock
        self._people = people
        self._review_time = review_time
        signer = SigningKey.load(release_key)
        self.release_key: VerifyKey = signer.public
        self._sealer = Sealer(log=log, policies=policies, signer=signer, people=people)

    def show(self, actor: Actor, request_id: str) -> ReleaseView:
        """Return one request as this person may see it.

        Raises:
            NotFound: there is none, or not for this person.
        """
        panel = self._panel()
        with self._log.reading() as connection:
            view = self._view(connection, actor, read_request(connection, request_id), panel)
        if view is None:
            raise unknown_request()
        return view

    def _panel(self) -> rules.Panel:
        return rules.Panel(policies=self.policies, people=self._people())

    def _may_look(self, actor: Actor, request: Request) -> bool:
        """Return whether ``actor`` may read the files of a request that is not theirs."""
        if not why_not_now(self.policies, actor, request):
            return actor.name not in request.declined
        red = request.risk == "red"
        return red and oversight.is_steward(self.policies, actor, request)

    def _views(self, actor: Actor, condition: ColumnElement[bool]) -> tuple[ReleaseView, ...]:
        t = tables.release_request
        panel = self._panel()
        with self._log.reading() as connection:
            found = select(t.c.id).where(condition).order_by(t.c.updated_at.desc(), t.c.id)
            requests = [read_request(connection, key) for key in connection.execute(found).scalars().all()]
            views = [self._view(connection, actor, request, panel) for request in requests]
        return tuple(view for view in views if view is not None)

    def _view(
        self, connection: Connection, actor: Actor, request: Request, panel: rules.Panel
    ) -> ReleaseView | None:
        mine = any(vote.reviewer == actor.name for vote in request.votes)
        looks = self._may_look(actor, request)
        if not looks and actor.name != request.author and Scope.AUDIT not in actor.scopes and not mine:
            return None
        why_not = self._why_not(actor, request, mine=mine)
        entries = counter.history(connection, request.id)
        due = due_of(request, entries, within=self._review_time)
        seen = changes.opened_by(connection, request, actor.name)
        unblinded = sees_reviews(request, actor)
        votes = votes_for(request, actor)
        comments = comments_for(connection, request, actor.name, unblinded=unblinded)
        overdue = bool(due) and due <= timestamp(self._clock())
        may_claim = not why_not_now(self.policies, actor, request) and seats.may_claim(
            panel, actor.name, request, overdue=overdue
        )
        files = request.files
        if reviewed.hidden_from(request, actor.name):
            request = reviewed.structure_only(request)
            files = request.files
        elif looks:
            files += reviewed.evidence_files(connection, request)
        return ReleaseView(
            request=request,
            files=tuple(
                FileView(stored=file, opened=file.sha256 in seen, state=state_of(request, file, votes))
                for file in files
            ),
            votes=votes,
            comments=comments,
            may_vote=not why_not,
            why_not=why_not,
            may_conclude=request.status is Status.CONSOLIDATION and mine and looks,
            seated=actor.name in request.seats,
            may_claim=may_claim,
            due_at=due,
            timeline=timeline_for(request, actor, entries),
            outbox=counter.outbox(connection, request, most=self.policies.review.max_downloads),
        )

    def _why_not(self, actor: Actor, request: Request, *, mine: bool) -> str:
        """Return why ``actor`` may not send a review now, or an empty string."""
        why = why_not_now(self.policies, actor, request)
        if not why and request.status not in seats.OPEN:
            why = "The request is not in review."
        if not why and mine and request.status is Status.REVIEW:
            why = "You have already decided on this round."
        if not why:
            try:
                seats.check(self.policies, actor.name, request)
            except NotAllowed as refusal:
                why = refusal.sentence
        return why

    @contextmanager
    def _refusals_recorded(self, actor: Actor, request_id: str) -> Iterator[None]:
        try:
            yield
        except (NotAllowed, Conflict) as refusal:
            self._log.append(
                Event(
                    kind=Kind.RELEASE_REFUSED,
                    actor=actor.name,
                    subject=request_id,
                    decision="refused",
                    body={"code": refusal.code},
                )
            )
            raise
