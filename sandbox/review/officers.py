"""The side of the desk of those who watch over releases: officers, auditors, data stewards."""

from __future__ import annotations

from sandbox import freezes
from sandbox.errors import NotAllowed
from sandbox.policy.roles import Actor, Scope
from sandbox.review import changes, oversight, replay, rules
from sandbox.review.request import read_request
from sandbox.review.room import Room
from sandbox.review.status import Party, Status
from sandbox.review.view import ReleaseView
from sandbox.review.voting import checked_reason
from sandbox.store import tables


class Officers(Room):
    """What is done to requests by people who neither write nor review them."""

    def register(self, actor: Actor) -> tuple[ReleaseView, ...]:
        """Return every request, newest first, for those who audit.

        Raises:
            NotAllowed: this person does not.
        """
        if Scope.AUDIT not in actor.scopes:
            raise NotAllowed("scope-missing", "Only officers and auditors see all requests.")
        return self._views(actor, tables.release_request.c.id != "")

    def differing(self) -> tuple[str, ...]:
        """Return the ids of stored requests whose state or round is not the one on record."""
        with self._log.reading() as connection:
            return replay.differing(connection)

    def awaiting_steward(self, actor: Actor) -> tuple[ReleaseView, ...]:
        """Return the requests that wait for a data steward's word, newest first."""
        t = tables.release_request
        states = [Status.BLOCKED, Status.REVIEW, Status.CONSOLIDATION]
        views = self._views(actor, t.c.status.in_(list(map(str, states))))
        return tuple(
            view
            for view in views
            if oversight.is_steward(self.policies, actor, view.request)
            and (
                any(not one.steward for one in view.request.excuses)
                if view.status is Status.BLOCKED
                else view.request.risk == "red" and not rules.consented(view.request, self.policies)
            )
        )

    def stop(self, actor: Actor, request_id: str, *, reason: str) -> ReleaseView:
        """Revoke a released package, or close a request that is held or whose bytes were tampered with.

        Raises:
            NotAllowed: this person is no officer.
            Conflict: there is nothing to stop.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            oversight.check_officer(actor)
            request = read_request(tx.connection, request_id)
            # A held one at once: let go on first, it could be fetched in between.
            released = request.stage is Status.RELEASED
            closed = request.status in {Status.TAMPERED, Status.HELD} and not released
            end = Status.REJECTED if closed else Status.REVOKED
            private = checked_reason(reason)
            changes.step(tx, request, end, Party.OFFICER, actor=actor.name, private=private)
        return self.show(actor, request_id)

    def hold(self, actor: Actor, request_id: str, *, reason: str) -> ReleaseView:
        """Stop everything about a request until an officer lets it go on.

        Raises:
            NotAllowed: this person is no officer.
            Conflict: it is held or over already.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            oversight.hold(tx, actor, read_request(tx.connection, request_id), reason=reason)
        return self.show(actor, request_id)

    def unhold(self, actor: Actor, request_id: str, *, reason: str) -> ReleaseView:
        """Let a held request go on where it stood.

        Raises:
            NotAllowed: this person is no officer.
            Conflict: it is not held.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            request = oversight.unhold(tx, actor, read_request(tx.connection, request_id), reason=reason)
        if request.status in {Status.APPROVED, Status.SEALING}:
            self._sealer.seal(request_id)
            self._sealer.finish(request_id)
        return self.show(actor, request_id)

    def override(self, actor: Actor, request_id: str, *, reviewer: str, reason: str) -> ReleaseView:
        """Let a reviewer's veto not stand, with a reason; it is no approval.

        Raises:
            NotAllowed: this person is no officer.
            Conflict: no such veto stands, or reviews are still missing.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            request = read_request(tx.connection, request_id)
            oversight.override(tx, actor, request, reviewer=reviewer, reason=reason)
        return self.show(actor, request_id)

    def consent(self, actor: Actor, request_id: str, *, reason: str, row_version: int) -> ReleaseView:
        """Agree, for the data, that a red request may leave once its reviewers approve.

        Raises:
            NotAllowed: this person is no data steward, or has part in the request.
            Conflict: it is not red, not before reviewers, or has changed.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            freezes.check(tx.connection, person=actor.name)
            request = changes.at_version(read_request(tx.connection, request_id), row_version)
            oversight.consent(tx, self.policies, actor, request, reason=reason)
        return self.show(actor, request_id)

    def excuse(
        self, actor: Actor, request_id: str, *, code: str, reason: str, days: int, row_version: int
    ) -> ReleaseView:
        """Let a check's refusal go before reviewers: first an officer, then a data steward.

        Raises:
            NotAllowed: this person is neither, or it is not their turn.
            Conflict: there is nothing to excuse, or the request has changed.
            Malformed: the number of days is out of bounds.
        """
        with self._refusals_recorded(actor, request_id), self._log.writing() as tx:
            freezes.check(tx.connection, person=actor.name)
            request = changes.at_version(read_request(tx.connection, request_id), row_version)
            oversight.excuse(tx, self.policies, actor, request, code=code, reason=reason, days=days)
        return self.show(actor, request_id)
