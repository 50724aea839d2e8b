"""One sink's own thread: takes records in the log's order, tries again until they are taken.

Whatever hangs, hangs here: who offers records waits no longer than it wants to.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from sandbox.audit.event import timestamp
from sandbox.audit.sinks.position import Position, digest_of
from sandbox.audit.sinks.record import PAGE, Delivered, ReadLeaves, SinkFailed, Target
from sandbox.errors import SandboxError, where

HELD = 1024
"""Records kept in memory for a sink; one that is further behind reads them from the log."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class SinkState:
    """How a sink is doing."""

    name: str
    required: bool
    last: int
    """Place of the last record it took; -1 if none yet."""
    missed: int
    """Records it was offered and has not taken."""
    failing_since: str
    """When it began to fail, UTC, ISO 8601; empty while it does not."""
    why: str
    """What went wrong last, one sentence; empty while nothing does."""


class Worker:
    """The thread of one sink.

    Args:
        name: the sink's name.
        required: whether answers wait for it.
        target: where it writes to.
        position: how far it has come.
    """

    def __init__(self, name: str, *, required: bool, target: Target, position: Position) -> None:
        self.name = name
        self.required = required
        self._target = target
        self._position = position
        self._changed = threading.Condition()
        self._queue: deque[Delivered] = deque()
        self._read: ReadLeaves | None = None
        self._drain = False
        self._wanted = self._done = -1
        self._failing_since = self._why = ""
        self._late = self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"sink-{name}", daemon=True)
        self._thread.start()

    def offer(self, batch: Sequence[Delivered]) -> None:
        """Ask for ``batch`` to be taken; returns at once."""
        with self._changed:
            self._queue.extend(batch)
            if len(self._queue) > HELD:
                self._queue.clear()
            self._wanted = max(self._wanted, batch[-1].seq)
            self._changed.notify_all()

    def catch_up(self, read: ReadLeaves) -> None:
        """Ask for all of the log that was missed to be taken; returns at once."""
        with self._changed:
            self._read, self._drain = read, True
            self._changed.notify_all()

    def wait(self, seq: int | None, *, end: float) -> bool:
        """Return whether everything up to ``seq`` (None: all of the log) was taken by then.

        Args:
            seq: place in the log.
            end: until when to wait, in monotonic seconds.
        """
        with self._changed:
            taken = self._changed.wait_for(lambda: self._taken(seq), timeout=max(0.0, end - time.monotonic()))
            self._late = self._late or not taken
            return taken

    @property
    def standing(self) -> bool:
        """Whether it takes what it is offered, as far as is known now."""
        with self._changed:
            return not (self._why or self._late)

    @property
    def state(self) -> SinkState:
        """How it is doing."""
        with self._changed:
            return SinkState(
                name=self.name,
                required=self.required,
                last=self._done,
                missed=max(0, self._wanted - self._done),
                failing_since=self._failing_since,
                why=self._why,
            )

    def close(self, *, end: float) -> None:
        """Stop; gives a batch that is being written until ``end``, in monotonic seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(max(0.0, end - time.monotonic()))

    def _taken(self, seq: int | None) -> bool:
        return not self._drain if seq is None else self._done >= seq

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while self._work():
            try:
                self._take()
            except Exception as fault:  # noqa: BLE001 - a thread that ended would leave its sink behind for good
                self._failed(fault)
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, timeout=pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._recovered()
                pause = _FIRST_PAUSE
        self._target.close()

    def _work(self) -> bool:
        """Wait for something to do; False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._drain or self._done < self._wanted)
            return not self._closing

    def _take(self) -> None:
        with self._position.held():
            last, digest = self._position.last()
            self._advance(last)  # another process may have written it meanwhile
            drain, wanted, held = self._offered(last)
            records = iter(held) if held is not None else self._missed(last, digest)
            expected = last + 1
            while page := list(islice(records, PAGE)):
                if [record.seq for record in page] != list(range(expected, expected + len(page))):
                    raise SinkFailed(f"The log did not give record {expected}.")
                self._target.write(page)
                expected += len(page)
                self._advance(page[-1].seq)  # first: a position may lag, and somebody waits
                self._position.save(page[-1])
            if expected <= wanted:
                raise SinkFailed(f"The log did not give record {expected}.")
        if drain:
            self._drained()

    def _offered(self, last: int) -> tuple[bool, int, list[Delivered] | None]:
        """Return whether all of the log is asked for, up to where at least, and what memory holds of it."""
        with self._changed:
            while self._queue and self._queue[0].seq <= last:
                self._queue.popleft()
            from_log = self._drain or not self._covers(last)
            return self._drain, self._wanted, None if from_log else list(self._queue)

    def _covers(self, last: int) -> bool:
        """Return whether memory holds every record that is wanted after ``last``, in order."""
        return [record.seq for record in self._queue] == list(range(last + 1, self._wanted + 1))

    def _missed(self, last: int, digest: str) -> Iterator[Delivered]:
        """Return what the log has after ``last``; the log must still be the one that was read then."""
        if self._read is None:
            raise SinkFailed("It has missed records, and nothing was said of where to read them.")
        records = self._read(max(0, last))
        if last >= 0:
            found = next(records, None)
            if found is None or (found.seq, digest_of(found)) != (last, digest):
                raise SinkFailed(
                    f"Record {last} of the log is not the one it took: the log was replaced or set back."
                )
        return records

    def _advance(self, seq: int) -> None:
        with self._changed:
            self._done = max(self._done, seq)
            self._changed.notify_all()

    def _drained(self) -> None:
        with self._changed:
            self._drain = False
            self._changed.notify_all()

    def _failed(self, fault: Exception) -> None:
        why = _sentence(fault)
        self._target.close()
        with self._changed:
            first, self._why = not self._failing_since, why
            self._failing_since = self._failing_since or timestamp(datetime.now(UTC))
        if first:
            _log.error("audit sink %s fails: %s", self.name, why)

    def _recovered(self) -> None:
        with self._changed:
            since, self._failing_since, self._why = self._failing_since, "", ""
            self._late = self._late and self._done < self._wanted
        if since:
            _log.warning("audit sink %s works again; it had failed since %s", self.name, since)


def _sentence(fault: Exception) -> str:
    """Say what went wrong without any text that a fault took from a record."""
    match fault:
        case SinkFailed() | SandboxError():
            return str(fault)
        case TimeoutError():
            return "It did not take the records in time."
        case OSError(strerror=str(what)):
            return f"{what}."
        case _:
            return f"A fault: {where(fault)}."
