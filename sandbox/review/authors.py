"""The author's side of the desk: handing files in, answering a return, taking back, fetching."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from sandbox import freezes
from sandbox.audit.event import Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.canonical import digest, digest_of
from sandbox.errors import NotAllowed
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.roles import Actor, Scope, scopes_of
from sandbox.review import beside, changes, counter, holding, reviewed, seats
from sandbox.review.request import Request, read_request, unknown_request
from sandbox.review.room import Room
from sandbox.review.status import Party, Status
from sandbox.review.submission import Submission, authorization_of, new_request, next_round, screen_submission
from sandbox.review.view import ReleaseView
from sandbox.store import tables

_ID_LENGTH = 16
"""Letters of a request's id, as of one that is drawn."""


class Authors(Room):
    """What an author does with a request."""

    def submit(
        self,
        actor: Actor,
        *,
        authorization: str,
        purpose: str,
        files: Mapping[str, bytes],
        receipts: Sequence[str] = (),
        once: str = "",
    ) -> ReleaseView:
        """Take files in, screen them, and put them before reviewers or back to the author.

        Args:
            actor: the author.
            authorization: under which the files came about.
            purpose: what they are for.
            files: bytes by name.
            receipts: of the answers that they come from.
            once: key of this handing in, chosen by the caller; the same again makes no second request
                and returns the first. Without one, each call makes a request.

        Raises:
            NotAllowed: the authorization is not held, does not run or is frozen.
            Malformed: files or purpose are missing.
            Unavailable: screening or the log do not work.
        """
        request_id = secrets.token_hex(8)
        if once:
            request_id = _id_of(actor, once, authorization, purpose, files=files, receipts=receipts)
            if self._handed_in(request_id):
                return self.show(actor, request_id)
        with self._refusals_recorded(actor, request_id):
            granted = authorization_of(self.policies, name=authorization, actor=actor, now=self._clock())
            self._check_trained(actor)
            with self._log.reading() as connection:
                freezes.check(
                    connection, person=actor.name, authorization=authorization, dataset=granted.dataset
                )
            submission = self.screened(actor, granted, purpose=purpose, files=files, receipts=receipts)
        with self._log.writing() as tx:
            request = new_request(
                request_id,
                submission,
                author=actor.name,
                authorization=granted,
                purpose=purpose,
                at=timestamp(tx.at),
            )
            # A twin that came meanwhile is seen: this transaction holds the one write lock.
            if not _exists(tx.connection, request_id):
                changes.create(tx, request)
                self._enter(tx, request, submission)
        return self.show(actor, request_id)

    def screened(
        self,
        actor: Actor,
        granted: AuthorizationPolicy,
        *,
        purpose: str,
        files: Mapping[str, bytes],
        receipts: Sequence[str],
    ) -> Submission:
        """Return what the checks find in files; stores and records nothing, which is the caller's part.

        Raises:
            Malformed: files or purpose are missing.
            Unavailable: screening does not work.
        """
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
            self._check_trained(actor)
            purpose = purpose or before.purpose
            submission = self.screened(actor, granted, purpose=purpose, files=files, receipts=receipts)
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
        request = changes.move(tx, request, end, Party.SYSTEM)
        seats.fill(tx, self._panel(), request)

    def _handed_in(self, request_id: str) -> bool:
        with self._log.reading() as connection:
            return _exists(connection, request_id)

    def _check_trained(self, actor: Actor) -> None:
        """Refuse an author whose training has run out, where the rules ask for one."""
        known = self._people().get(actor.name, frozenset())
        if self.policies.review.training and Scope.REQUEST not in scopes_of(known):
            raise NotAllowed(
                "training-over",
                "Your training has run out, so you hand in nothing at present.",
                allowed="An administrator enters the next one.",
            )

    def _own(self, actor: Actor, request_id: str) -> Request:
        with self._log.reading() as connection:
            request = read_request(connection, request_id)
        if request.author != actor.name:
            raise unknown_request()
        return request


def _exists(connection: Connection, request_id: str) -> bool:
    t = tables.release_request
    return connection.execute(select(t.c.id).where(t.c.id == request_id)).first() is not None


def _id_of(
    actor: Actor,
    once: str,
    authorization: str,
    purpose: str,
    *,
    files: Mapping[str, bytes],
    receipts: Sequence[str],
) -> str:
    """Return the id that a handing in always gets.

    It is made of the contents too: a form that was changed and sent again is another request, and nobody
    is shown the earlier one as if their changes were in it.
    """
    contents = {name: digest(content) for name, content in files.items()}
    made = digest_of([actor.name, once, authorization, purpose, contents, list(receipts)])
    return made.rpartition(":")[2][:_ID_LENGTH]
