"""The one way by which a file leaves, as the people at either side of it use it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select

from sandbox.audit.event import timestamp
from sandbox.review import changes, counter, seats
from sandbox.review.authors import Authors
from sandbox.review.officers import Officers
from sandbox.review.request import read_request
from sandbox.review.reviewers import Reviewers
from sandbox.review.status import Party, Status
from sandbox.store import tables

_LAPSING = (Status.BLOCKED, Status.RETURNED)


class Desk(Authors, Reviewers, Officers):
    """Takes files in, shows them to reviewers, lets out what they approved."""

    def settle(self) -> None:
        """Finish what a crash left between approval and package, and what time brings about.

        Seats that became free are drawn anew, approved requests are sealed when they have cooled off, what
        its author left unanswered lapses, and what may no longer be fetched expires. For the start of the
        serving process, and from time to time after it. What goes wrong with one request is raised when all
        others have had their turn.
        """
        faults = [
            *self._each(self._fill, Status.REVIEW, Status.CONSOLIDATION),
            *self._each(self._seal, Status.APPROVED, Status.SEALING),
            *self._each(self._lapse, *_LAPSING),
        ]
        counter.expire(self._log, most=self.policies.review.max_downloads)
        if faults:
            raise faults[0]

    def _each(self, act: Callable[[str], None], *states: Status) -> list[Exception]:
        faults: list[Exception] = []
        for request_id in self._in(*states):
            try:
                act(request_id)
            except Exception as fault:  # noqa: BLE001  # one request must not hold up all others
                faults.append(fault)
        return faults

    def _seal(self, request_id: str) -> None:
        self._sealer.seal(request_id)
        self._sealer.finish(request_id)

    def _in(self, *states: Status) -> tuple[str, ...]:
        t = tables.release_request
        with self._log.reading() as connection:
            found = connection.execute(select(t.c.id).where(t.c.status.in_(list(map(str, states)))))
            return tuple(found.scalars())

    def _fill(self, request_id: str) -> None:
        panel = self._panel()
        with self._log.reading() as connection:
            _, number = seats.wanted(panel, read_request(connection, request_id))
        if number:
            with self._log.writing() as tx:
                seats.fill(tx, panel, read_request(tx.connection, request_id))

    def _lapse(self, request_id: str) -> None:
        days = timedelta(days=self.policies.review.lapse_days)
        with self._log.reading() as connection:
            left_at = read_request(connection, request_id).updated_at
        if timestamp(self._clock() - days) < left_at:
            return
        with self._log.writing() as tx:
            request = read_request(tx.connection, request_id)
            if request.status in _LAPSING and request.updated_at == left_at:
                changes.step(tx, request, Status.LAPSED, Party.SYSTEM, body={"reason": "left unanswered"})
