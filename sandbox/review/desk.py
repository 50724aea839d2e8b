"""The one way by which a file leaves, as the people at either side of it use it.

Every method reads, checks, writes and records in one transaction; what it decides on is what stands
in the database at that moment. What is refused to somebody is recorded too.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, select, true

from sandbox import freezes
from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.audit.keys import SigningKey, VerifyKey
from sandbox.audit.log import Log
from sandbox.errors import Conflict, NotAllowed
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Scope
from sandbox.review import beside, changes, counter, holding, reviewed
from sandbox.review.files import no_file, stored_file
from sandbox.review.request import Request, read_request, unknown_request
from sandbox.review.screen.isolate import Cage, in_bubblewrap
from sandbox.review.sealing import Sealer
from sandbox.review.status import Party, Status
from sandbox.review.submission import Submission, authorization_of, new_request, next_round, screen_submission
from sandbox.review.view import FileView, ReleaseView, timeline_for, votes_for
from sandbox.review.voting import Ballot, Verdict, cast, checked_reason, why_not_now
from sandbox.store import tables


class Desk:
    """Takes files in, shows them to reviewers, lets out what they approved.

    Args:
        log: where everything is recorded.
        policies: authorizations and rules of review.
        receipts: public key of the gateway's receipts.
        release_key: file of the key that signs manifests.
        people: gives the groups a person is in now.
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
        people: Callable[[str], frozenset[str]],
        cage: Cage = in_bubblewrap,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.policies = policies
        self._log = log
        self._receipts = receipts
        self._cage = cage
        self._clock = clock
        signer = SigningKey.load(release_key)
        self.release_key: VerifyKey = signer.public
        self._sealer = Sealer(log=log, policies=policies, signer=signer, people=people)

    # --- the author -----------------------------------------------------------------------------

    def submit(
        self,
        actor: Actor,
        *,
        authorization: str,
        purpose: str,
        files: Mapping[str, bytes],
        receipts: Sequence[str] = (),
    ) -> ReleaseView:
        """Take files in, screen them, and put them before reviewers or back to the author.

        Raises:
            NotAllowed: the authorization is not held, does not run or is frozen.
            Malformed: files or purpose are missing.
            Unavailable: screening or the log do not work.
        """
        request_id = secrets.token_hex(8)
        with self._refusals_recorded(actor, request_id):
            granted = authorization_of(self.policies, name=authorization, actor=actor, now=self._clock())
            with self._log.reading() as connection:
                freezes.check(
                    connection, person=actor.name, authorization=authorization, dataset=granted.dataset
                )
            submission = self._screen(actor, granted, purpose=purpose, files=files, receipts=receipts)
        with self._log.writing() as tx:
            request = new_request(
                request_id,
                submission,
                author=actor.name,
                authorization=granted,
                purpose=purpose,
                at=timestamp(tx.at),
            )
            changes.create(tx, request)
            self._enter(tx, request, submission)
        return self.show(actor, request_id)

    def try_out(
        self,
        actor: Actor,
        *,
        authorization: str,
        purpose: str,
        files: Mapping[str, bytes],
        receipts: Sequence[str] = (),
    ) -> Submission:
        """Say what the checks would say if this were handed in now; nothing is stored or recorded.

        Raises:
            Refusal: as for :meth:`submit`.
        """
        granted = authorization_of(self.policies, name=authorization, actor=actor, now=self._clock())
        return self._screen(actor, granted, purpose=purpose, files=files, receipts=receipts)

    def resubmit(
        self,
        actor: Actor,
        request_id: str,
        *,
        row_version: int,
        files: Mapping[str, bytes],
        receipts: Sequence[str] = (),
        purpose: str = "",
    ) -> ReleaseView:
        """Answer a return or a block with another round of files; earlier votes no longer count.

        Raises:
            Conflict: the request is not waiting for its author, or has changed.
            Refusal: as for :meth:`submit`.
        """
        with self._refusals_recorded(actor, request_id):
            before = self._own(actor, request_id)
            reviewed.refuse_new_round(before)
            granted = authorization_of(
                self.policies, name=before.authorization, actor=actor, now=self._clock()
            )
            purpose = purpose or before.purpose
            submission = self._screen(actor, granted, purpose=purpose, files=files, receipts=receipts)
            with self._log.writing() as tx:
                request = changes.at_version(read_request(tx.connection, request_id), row_version)
                request = changes.move(tx, request, Status.SCREENING, Party.AUTHOR)
                self._enter(tx, next_round(request, submission, purpose=purpose), submission)
        return self.show(actor, request_id)

    def withdraw(self, actor: Actor, request_id: str, *, row_version: int | None = None) -> ReleaseView:
        """Take a request back before it is sealed.

        Raises:
            NotFound: it is not this person's.
            Conflict: it is too late, or the request has changed.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            request = read_request(tx.connection, request_id)
            if request.author != actor.name:
                raise unknown_request()
            request = changes.at_version(request, row_version)
            changes.move(tx, request, Status.WITHDRAWN, Party.AUTHOR)
            tx.append(changes.event(Kind.RELEASE_WITHDRAWN, request, actor=actor.name))
        return self.show(actor, request_id)

    def mine(self, actor: Actor) -> tuple[ReleaseView, ...]:
        """Return the person's own requests, newest first."""
        return self._views(actor, tables.release_request.c.author == actor.name)

    def download(self, actor: Actor, request_id: str) -> tuple[str, bytes]:
        """Return name and bytes of the package; counted, and only while it may be fetched.

        Raises:
            NotFound: it is not this person's.
            NotAllowed: a freeze holds it up, or the login may not fetch.
            Conflict: it is not released, expired, used up, or not what was sealed.
        """
        with self._refusals_recorded(actor, request_id):
            self._own(actor, request_id)
            if Scope.REQUEST not in actor.scopes:
                raise NotAllowed("scope-missing", "This login may not fetch released files.")
            return counter.hand_out(self._log, request_id, actor=actor.name, policies=self.policies)

    # --- reviewers ------------------------------------------------------------------------------

    def queue(self, actor: Actor) -> tuple[ReleaseView, ...]:
        """Return the requests that wait for this reviewer, oldest first."""
        views = self._views(actor, tables.release_request.c.status == str(Status.REVIEW))
        return tuple(view for view in reversed(views) if view.may_vote)

    def reviewable(self, actor: Actor, *, authorization: str = "") -> tuple[ReleaseView, ...]:
        """Return the requests, of one authorization or all, that this reviewer may look at, newest first."""
        t = tables.release_request
        under = t.c.authorization == authorization if authorization else true()
        views = self._views(actor, (t.c.author != actor.name) & under)
        return tuple(view for view in views if not why_not_now(self.policies, actor, view.request))

    def show(self, actor: Actor, request_id: str) -> ReleaseView:
        """Return one request as this person may see it.

        Raises:
            NotFound: there is none, or not for this person.
        """
        with self._log.reading() as connection:
            view = self._view(connection, actor, read_request(connection, request_id))
        if view is None:
            raise unknown_request()
        return view

    def open_file(self, actor: Actor, request_id: str, name: str) -> bytes:
        """Return the canonical bytes of a file; a reviewer's look is put on record.

        Raises:
            NotFound: there is no such file, or not for this person.
            Conflict: the stored bytes are not those that were screened.
        """
        with self._log.writing() as tx:
            request = read_request(tx.connection, request_id)
            reviewing = actor.name != request.author
            if reviewing and why_not_now(self.policies, actor, request):
                raise unknown_request()
            if reviewed.hidden_from(request, actor.name):
                raise no_file()
            shown = reviewed.open_evidence(tx.connection, request, name) if reviewing else None
            file, content = shown or stored_file(tx.connection, request, name)
            if reviewing:
                changes.store_opened(tx, request, file, actor.name)
                body = {"sha256": file.sha256}
                tx.append(changes.event(Kind.RELEASE_OPENED, request, actor=actor.name, body=body))
        return content

    def decide(
        self,
        actor: Actor,
        request_id: str,
        *,
        verdict: Verdict,
        reason: str,
        row_version: int,
        acknowledged: frozenset[str] = frozenset(),
    ) -> ReleaseView:
        """Cast a vote; the one that completes the quorum also seals and releases.

        Raises:
            NotAllowed: this person may not review this request, or is frozen.
            Conflict: it is not in review, has changed, was decided by them before, or a file was not
                opened or a finding not acknowledged.
        """
        ballot = Ballot(verdict=verdict, reason=reason, row_version=row_version, acknowledged=acknowledged)
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            freezes.check(tx.connection, person=actor.name)
            request = cast(tx, self.policies, actor, request_id, ballot)
        if request.status is Status.APPROVED:
            self._sealer.seal(request_id)
            self._sealer.finish(request_id)
        return self.show(actor, request_id)

    # --- the officer and the system -------------------------------------------------------------

    def register(self, actor: Actor) -> tuple[ReleaseView, ...]:
        """Return every request, newest first, for those who audit.

        Raises:
            NotAllowed: this person does not.
        """
        if Scope.AUDIT not in actor.scopes:
            raise NotAllowed("scope-missing", "Only officers and auditors see all requests.")
        return self._views(actor, tables.release_request.c.id != "")

    def stop(self, actor: Actor, request_id: str, *, reason: str) -> ReleaseView:
        """Revoke a released package, or close a request whose bytes were tampered with.

        Raises:
            NotAllowed: this person is no officer.
            Conflict: there is nothing to stop.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            if "officers" not in actor.groups or Scope.AUDIT not in actor.scopes:
                raise NotAllowed("not-an-officer", "Only a security officer stops a release.")
            request = read_request(tx.connection, request_id)
            end = Status.REJECTED if request.status is Status.TAMPERED else Status.REVOKED
            changes.move(tx, request, end, Party.OFFICER)
            told = changes.event(Kind.RELEASE_MOVED, request, actor=actor.name, decision=end.said)
            tx.append(told, private=checked_reason(reason))
        return self.show(actor, request_id)

    def settle(self) -> None:
        """Finish what a crash left between approval and package, and expire what is over.

        For the start of the serving process, and from time to time after it.
        """
        open_states = [str(Status.APPROVED), str(Status.SEALING)]
        t = tables.release_request
        with self._log.reading() as connection:
            waiting = connection.execute(select(t.c.id).where(t.c.status.in_(open_states))).scalars().all()
        for request_id in waiting:
            self._sealer.seal(request_id)
            self._sealer.finish(request_id)
        counter.expire(self._log, most=self.policies.review.max_downloads)

    # --- inside ---------------------------------------------------------------------------------

    def _screen(
        self,
        actor: Actor,
        granted: AuthorizationPolicy,
        *,
        purpose: str,
        files: Mapping[str, bytes],
        receipts: Sequence[str],
    ) -> Submission:
        return screen_submission(
            self.policies,
            granted,
            author=actor.name,
            purpose=purpose,
            files=files,
            receipts=receipts,
            receipt_key=self._receipts,
            cage=self._cage,
        )

    def _enter(self, tx: Transaction, request: Request, submission: Submission) -> None:
        """Put a screened round where it belongs; ``request`` stands in SCREENING."""
        holding.check(tx.connection, self.policies, request)  # screening took its time
        changes.store_files(tx, request, submission.screened)
        # In this transaction, so that of two requests that come together one sees the other.
        request = beside.weighed(tx.connection, self.policies, request) or request
        body = changes.submitted_body(request)
        submitted = changes.event(Kind.RELEASE_SUBMITTED, request, actor=request.author, body=body)
        tx.append(submitted, private=request.purpose)
        blocked = any(file.report.verdict == "refuse" for file in request.files)
        end = Status.BLOCKED if blocked else Status.REVIEW
        body = changes.screened_body(request)
        tx.append(changes.event(Kind.RELEASE_SCREENED, request, actor="system", decision=end.said, body=body))
        changes.move(tx, request, end, Party.SYSTEM)

    def _own(self, actor: Actor, request_id: str) -> Request:
        with self._log.reading() as connection:
            request = read_request(connection, request_id)
        if request.author != actor.name:
            raise unknown_request()
        return request

    def _views(self, actor: Actor, condition: ColumnElement[bool]) -> tuple[ReleaseView, ...]:
        t = tables.release_request
        with self._log.reading() as connection:
            found = select(t.c.id).where(condition).order_by(t.c.updated_at.desc(), t.c.id)
            requests = [read_request(connection, key) for key in connection.execute(found).scalars().all()]
            views = [self._view(connection, actor, request) for request in requests]
        return tuple(view for view in views if view is not None)

    def _view(self, connection: Connection, actor: Actor, request: Request) -> ReleaseView | None:
        why_not = why_not_now(self.policies, actor, request)
        voted = any(vote.reviewer == actor.name for vote in request.votes)
        if why_not and actor.name != request.author and Scope.AUDIT not in actor.scopes and not voted:
            return None
        if not why_not and request.status is not Status.REVIEW:
            why_not = "The request is not in review."
        if not why_not and voted:
            why_not = "You have already decided on this round."
        seen = changes.opened_by(connection, request, actor.name)
        files = request.files
        if reviewed.hidden_from(request, actor.name):
            request = reviewed.structure_only(request)
            files = request.files
        elif not why_not_now(self.policies, actor, request):
            files += reviewed.evidence_files(connection, request)
        return ReleaseView(
            request=request,
            files=tuple(FileView(stored=file, opened=file.sha256 in seen) for file in files),
            votes=votes_for(request, actor.name),
            may_vote=not why_not,
            why_not=why_not,
            timeline=timeline_for(request, actor.name, counter.history(connection, request.id)),
            outbox=counter.outbox(connection, request, most=self.policies.review.max_downloads),
        )

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
