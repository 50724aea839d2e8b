"""The reviewer's side of the desk: looking, seats, comments, reviews, conclusions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import true

from sandbox import freezes
from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.canonical import Canonical
from sandbox.errors import NotAllowed
from sandbox.policy.roles import Actor
from sandbox.review import changes, comments, counter, looks, reviewed, seats, voting
from sandbox.review.beside import Beside, beside
from sandbox.review.comments import Audience
from sandbox.review.files import no_file, stored_file
from sandbox.review.request import Request, read_request, unknown_request
from sandbox.review.room import Room
from sandbox.review.status import Status
from sandbox.review.view import ReleaseView, due_of
from sandbox.review.voting import Ballot, Verdict, Word, checked_reason, why_not_now
from sandbox.store import tables


class Reviewers(Room):
    """What a reviewer does with a request."""

    def queue(self, actor: Actor) -> tuple[ReleaseView, ...]:
        """Return the requests that wait for this reviewer, oldest first."""
        t = tables.release_request
        views = self._views(actor, t.c.status.in_(list(map(str, seats.OPEN))))
        waiting = (view for view in reversed(views) if view.may_vote or view.may_conclude)
        return tuple(waiting)

    def reviewable(self, actor: Actor, *, authorization: str = "") -> tuple[ReleaseView, ...]:
        """Return the requests, of one authorization or all, that this person may look at, newest first."""
        t = tables.release_request
        under = t.c.authorization == authorization if authorization else true()
        views = self._views(actor, (t.c.author != actor.name) & under)
        return tuple(view for view in views if self._may_look(actor, view.request))

    def open_file(self, actor: Actor, request_id: str, name: str) -> bytes:
        """Return the canonical bytes of a file; a look by anybody but the author is put on record.

        It is so before the bytes are returned, once for each person, round and content: sorting a table
        or turning its pages is the same look.

        Raises:
            NotFound: there is no such file, or not for this person.
            Conflict: the stored bytes are not those that were screened.
        """
        with self._log.writing() as tx:
            request = read_request(tx.connection, request_id)
            reviewing = actor.name != request.author
            if reviewing and not self._may_look(actor, request):
                raise unknown_request()
            if reviewed.hidden_from(request, actor.name):
                raise no_file()
            shown = reviewed.open_evidence(tx.connection, request, name) if reviewing else None
            file, content = shown or stored_file(tx.connection, request, name)
            if reviewing:
                changes.store_opened(tx, request, file, actor.name)
                body = {"sha256": file.sha256}
                self._look(tx, changes.event(Kind.RELEASE_OPENED, request, actor=actor.name, body=body))
        return content

    def beside(self, actor: Actor, request_id: str, name: str) -> tuple[Beside, ...]:
        """Return what was released or waits over the same people and has cells in common with a table.

        The look is put on record before anything is returned, since it may show another project's tables.

        Raises:
            NotFound: there is no such request, or not for this person.
        """
        with self._log.reading() as connection:
            request = read_request(connection, request_id)
            if not self._may_look(actor, request) or name not in request.names:
                raise unknown_request()
            found = beside(connection, self.policies, request, name)
        # Laid side by side outside of the writing transaction: nobody waits while tables are compared.
        sha256 = next(file.sha256 for file in request.files if file.name == name)
        # In the body and not among the subjects: the others' authors read the history of their requests.
        body: dict[str, Canonical] = {"sha256": sha256, "beside": sorted({one.request for one in found})}
        with self._log.writing() as tx:
            self._look(tx, changes.event(Kind.RELEASE_COMPARED, request, actor=actor.name, body=body))
        return found

    def decide(
        self,
        actor: Actor,
        request_id: str,
        *,
        verdict: Verdict,
        reason: str,
        row_version: int,
        acknowledged: Mapping[str, str] | None = None,
        files: Mapping[str, Word] | None = None,
    ) -> ReleaseView:
        """Submit a review, or change one's own once all are in; the one that completes it also releases.

        Args:
            actor: the reviewer.
            request_id: the request.
            verdict: on the request as a whole.
            reason: read by the author once the round is over.
            row_version: of the request as the reviewer saw it.
            acknowledged: for each flagged check, why the files may leave.
            files: a word on each file; what is left out follows the verdict.

        Raises:
            NotAllowed: this person may not review this request, has no seat, or is frozen.
            Conflict: it is not in review, has changed, was decided by them before, or a file was not
                opened or a finding not acknowledged.
            Malformed: verdict and files contradict each other, or a reason is missing.
        """
        ballot = Ballot(
            verdict=verdict,
            reason=reason,
            row_version=row_version,
            acknowledged=acknowledged or {},
            files=files or {},
        )
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            freezes.check(tx.connection, person=actor.name)
            request = voting.cast(tx, self._panel(), actor, request_id, ballot)
        return self._after_decision(actor, request)

    def conclude(
        self, actor: Actor, request_id: str, *, verdict: Verdict, reason: str, row_version: int
    ) -> ReleaseView:
        """End a round on which the reviews did not agree; the reason of a return is the author's letter.

        Raises:
            NotAllowed: this person has not reviewed this round, may not any more, or is frozen.
            Conflict: there is nothing to conclude, it has changed, or no file has enough approvals.
            Malformed: the verdict is unknown or the reason missing.
        """
        ballot = Ballot(verdict=verdict, reason=reason, row_version=row_version, acknowledged={})
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            freezes.check(tx.connection, person=actor.name)
            request = voting.conclude(tx, self._panel(), actor, request_id, ballot)
            if request.status is Status.RETURNED:
                comments.write(
                    tx, request, author=actor.name, audience="author", text=reason, file="", anchor=""
                )
        return self._after_decision(actor, request)

    def letter(self, actor: Actor, request_id: str) -> str:
        """Return a draft of the letter to the author, from what those who reviewed wrote for them.

        Raises:
            NotFound: there is no such request, or not for this person.
            NotAllowed: this person may not see the others' reviews.
        """
        view = self.show(actor, request_id)
        if not view.may_conclude:
            raise NotAllowed("not-reviewed", "Only those who reviewed this round write to its author.")
        return comments.letter(view.comments, view.request)

    def comment(
        self,
        actor: Actor,
        request_id: str,
        *,
        text: str,
        audience: Audience,
        file: str = "",
        anchor: str = "",
    ) -> ReleaseView:
        """Write beside a request; while the round is blind nobody else reads what a reviewer writes.

        Raises:
            NotFound: there is no such request, or not for this person.
            Malformed: the comment is empty, too long, or about a file that is not there.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            freezes.check(tx.connection, person=actor.name)
            request = read_request(tx.connection, request_id)
            if actor.name != request.author and not self._may_look(actor, request):
                raise unknown_request()
            if actor.name == request.author:
                audience = "author"
            comments.write(
                tx, request, author=actor.name, audience=audience, text=text, file=file, anchor=anchor
            )
        return self.show(actor, request_id)

    def claim(self, actor: Actor, request_id: str) -> ReleaseView:
        """Take a seat that is free, or any where the review is overdue.

        Raises:
            NotFound, NotAllowed: this person may not review it.
            Conflict: no seat is free.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            request = self._reviewable(actor, read_request(tx.connection, request_id))
            entries = counter.history(tx.connection, request.id)
            due = due_of(request, entries, within=self._review_time)
            overdue = bool(due) and due <= timestamp(tx.at)
            seats.claim(tx, self._panel(), actor.name, request, overdue=overdue)
        return self.show(actor, request_id)

    def decline(self, actor: Actor, request_id: str, *, reason: str) -> None:
        """Declare a conflict of interest; this person never reviews that request, and another is drawn.

        Raises:
            NotFound, NotAllowed: this person may not review it anyway.
            Conflict: it is not in review.
            Malformed: the reason is missing.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            request = self._reviewable(actor, read_request(tx.connection, request_id))
            seats.decline(tx, self._panel(), actor.name, request, reason=checked_reason(reason))

    def _look(self, tx: Transaction, look: Event) -> None:
        if not looks.on_record(tx.connection, look):
            tx.append(look)

    def _reviewable(self, actor: Actor, request: Request) -> Request:
        if why_not_now(self.policies, actor, request):
            raise unknown_request()
        return request

    def _after_decision(self, actor: Actor, request: Request) -> ReleaseView:
        if request.status is Status.APPROVED:
            self._sealer.seal(request.id)
            self._sealer.finish(request.id)
        return self.show(actor, request.id)
