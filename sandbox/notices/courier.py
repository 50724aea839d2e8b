"""Carries notices to somebody outside, in order, until each was taken or refused for good.

A courier has a thread of its own and shares nothing with requests. While the other side does not answer
it tries again, ever more slowly; its place is in the state database, so what was missed is carried after a
restart too. One notice may arrive twice after a crash, and then bears the same id.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Engine

from sandbox.errors import where
from sandbox.notices import box, cursor
from sandbox.notices.notice import Notice
from sandbox.store.engine import reading, writing

PAGE = 50
WAIT = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds between attempts: doubled each time up to five minutes."""
ATTEMPTS = 6
"""Attempts, within a minute, at one notice that is put off for a reason of its own: a full mailbox must
not keep everybody else waiting."""
log = logging.getLogger("sandbox.notices")


class NotDelivered(Exception):
    """The other side does not take anything now; try again later. The text holds nothing of a notice."""


class PutOff(Exception):
    """This one notice is not taken now, as by a full mailbox; others may be."""


class RefusedForGood(Exception):
    """The other side will never take this one notice; go on with the next."""


class Carrier(Protocol):
    """Speaks to one other side."""

    def carry(self, notice: Notice) -> None:
        """Hand one notice over, or do nothing where it is not for this side.

        Raises:
            NotDelivered: it was not taken, but may be later.
            PutOff: likewise, for a reason of its own.
            RefusedForGood: it never will be.
        """


class Courier:
    """The thread that serves one carrier.

    Args:
        name: under which its place is kept.
        engine: of the state database.
        carrier: speaks to the other side.
        wait: waits for seconds, or less, and says whether to end; only tests pass one.
    """

    def __init__(
        self, name: str, *, engine: Engine, carrier: Carrier, wait: Callable[[float], bool] | None = None
    ) -> None:
        self.name = name
        self._engine = engine
        self._carrier = carrier
        self._ending = threading.Event()
        self._woken = threading.Event()
        self._wait = wait or self._ending.wait
        self._thread = threading.Thread(target=self._run, name=f"notices-{name}", daemon=True)
        self._failing = False
        self._put_off = 0

    def start(self) -> None:
        """Begin after the newest notice, unless this courier has carried before, and start the thread."""
        with writing(self._engine, wait=WAIT) as connection:
            cursor.begin(connection, self.name, lambda: box.last_number(connection))
        self._thread.start()

    def wake(self) -> None:
        """Say that there may be something to carry; returns at once."""
        self._woken.set()

    def end(self, *, patience: float) -> None:
        """Stop, giving what is being carried ``patience`` seconds."""
        self._ending.set()
        self._woken.set()
        self._thread.join(patience)

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._ending.is_set():
            try:
                self._carry_all()
            except Exception as fault:  # noqa: BLE001  # a thread that ended would carry nothing for good
                self._note(fault)
                if self._wait(pause):
                    return
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self._failing, pause = False, FIRST_PAUSE
                self._woken.wait()
                self._woken.clear()

    def _carry_all(self) -> None:
        while not self._ending.is_set():
            with reading(self._engine) as connection:
                old = cursor.place(connection, self.name) or 0
                page = box.after(connection, old, most=PAGE)
            if not page:
                return
            for number, notice in page:
                if self._ending.is_set():
                    return
                self._carry(notice)
                with writing(self._engine, wait=WAIT) as connection:
                    cursor.move(connection, self.name, old=old, new=number)
                old = number

    def _carry(self, notice: Notice) -> None:
        try:
            self._carrier.carry(notice)
        except PutOff as refusal:
            self._put_off += 1
            if self._put_off < ATTEMPTS:
                raise
            log.warning("%s: one notice is given up: %s", self.name, refusal)
        except RefusedForGood as refusal:
            log.warning("%s: one notice was refused for good: %s", self.name, refusal)
        self._put_off = 0

    def _note(self, fault: Exception) -> None:
        if not self._failing:  # once for each outage, not once for each attempt
            why = str(fault) if isinstance(fault, NotDelivered | PutOff) else where(fault)
            log.error("%s: notices are not taken at present: %s", self.name, why)
        self._failing = True
