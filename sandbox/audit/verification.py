"""Verifying the stored log in full while everything goes on, with the result on record.

One verification at a time; who asks while one runs is shown that one. The result is an entry of the log,
so it is known after a restart, and known to whoever reads the log later.
"""

from __future__ import annotations

import base64
import logging
import threading
from dataclasses import dataclass, replace

from sandbox.audit import reading
from sandbox.audit.event import Event, Kind
from sandbox.audit.log import Log
from sandbox.audit.reading import Entry
from sandbox.canonical import Canonical
from sandbox.errors import Refusal, where

SUBJECT = "verification"
"""What the entries of verifications are about."""
WHOLE, BROKEN, UNFINISHED = "whole", "broken", "unfinished"
log = logging.getLogger("sandbox.audit")


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a verification of this process is, or how it ended."""

    running: bool = False
    actor: str = ""
    """Who asked for it; empty where none was asked for since the start."""
    done: int = 0
    """Entries that were hashed."""
    total: int = 0
    sentence: str = ""
    """What is wrong; empty while nothing is."""


class Verification:
    """The verifications of one process."""

    def __init__(self, audit: Log) -> None:
        self._log = audit
        self._lock = threading.Lock()
        self._progress = Progress()
        self._thread: threading.Thread | None = None

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._progress

    def start(self, actor: str) -> None:
        """Begin one in a thread of its own, unless one runs.

        Raises:
            Unavailable: the log cannot be read.
        """
        with self._lock:
            if self._progress.running:
                return
            with self._log.reading() as connection:
                total = reading.size(connection)
            self._progress = Progress(running=True, actor=actor, total=total)
            self._thread = threading.Thread(target=self._run, args=(actor,), name="verification", daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Return whether none runs any more after ``seconds`` at most."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return not self._progress.running

    def last(self) -> Entry | None:
        """Return the entry of the newest verification, whoever asked for it, None if there is none."""
        found = self._log.search(kind=Kind.AUDIT_READ, subject=SUBJECT, limit=1)
        return found[0] if found else None

    def _run(self, actor: str) -> None:
        root, decision, sentence = "", WHOLE, ""
        try:
            with self._log.reading() as connection:
                tree = reading.check_tree(
                    connection, origin=self._log.origin, key=self._log.key, said=self._hashed
                )
            root = base64.b64encode(tree.root()).decode()
            self._hashed(tree.size)
        except Refusal as refusal:
            decision = BROKEN if refusal.code == "log-broken" else UNFINISHED
            sentence = refusal.sentence
        except Exception as fault:  # noqa: BLE001  # whatever it is, it is no proof that the log is whole
            log.error("verification: %s", where(fault))  # noqa: TRY400  # its text may hold what was read
            decision, sentence = UNFINISHED, "The verification was not finished."
        try:
            body: dict[str, Canonical] = {"entries": self._progress.done, "root": root, "sentence": sentence}
            self._log.append(
                Event(kind=Kind.AUDIT_READ, actor=actor, subject=SUBJECT, decision=decision, body=body)
            )
        except Refusal as refusal:
            sentence = sentence or f"The log is whole, and that could not be recorded: {refusal.sentence}"
        self._progress = replace(self._progress, running=False, sentence=sentence)

    def _hashed(self, done: int) -> None:
        self._progress = replace(self._progress, done=done, total=max(done, self._progress.total))
