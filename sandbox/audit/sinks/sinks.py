"""All sinks of one process, and what the log asks of them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandbox.audit import ocsf
from sandbox.audit.sinks.file import FileTarget, leaf_line
from sandbox.audit.sinks.position import Position, give_to_owner_of_directory
from sandbox.audit.sinks.record import Delivered, ReadLeaves, Target
from sandbox.audit.sinks.syslog import SyslogTarget, Transport
from sandbox.audit.sinks.worker import SinkState, Worker
from sandbox.errors import StartupRefusal, Unavailable


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What one sink is; a policy says it (:mod:`sandbox.policy.sinks`)."""

    name: str
    """Small letters, digits and ``-``."""
    kind: Literal["file", "ocsf", "syslog"]
    required: bool
    """Whether nothing is answered while it does not take the records."""
    path: Path = Path()
    """The file of a ``file`` or ``ocsf`` sink."""
    mode: int = 0o600
    """Its permission bits."""
    transport: Transport = "unix"
    """How a ``syslog`` sink is reached."""
    address: str = ""
    """Where it is."""


class Sinks:
    """The sinks of one process; safe to use from several threads, and beside other processes.

    Guarantees for each sink: records arrive in the log's order, none is left out, and one that
    arrives twice (after a crash or a broken connection) bears the same ``seq`` and the same bytes.

    Args:
        specs: which sinks there are.
        state: directory in which it is kept how far each has come; made where missing.
        deadline: seconds after which a required sink that has not taken the records fails the call.

    Raises:
        StartupRefusal: the directory cannot be made.
    """

    def __init__(self, specs: Sequence[Spec], *, state: Path, deadline: float) -> None:
        self._deadline = deadline
        if specs:
            _make(state)
        self._workers = tuple(
            Worker(
                spec.name,
                required=spec.required,
                target=_target(spec, patience=deadline),
                position=Position(state / f"{spec.name}.position"),
            )
            for spec in specs
        )

    def ready(self) -> None:
        """Return if every required sink takes records, as far as is known now; waits for nothing.

        To be asked before anything is charged: a sink that has failed keeps trying by itself, and
        until it has caught up no loss is spent on answers that could not leave.

        Raises:
            Unavailable: one fails.
        """
        if not all(worker.standing for worker in self._workers if worker.required):
            raise _unavailable()

    def deliver(self, batch: Sequence[Delivered]) -> None:
        """Hand over a committed batch; returns when every required sink has taken it.

        Before a sink takes the batch it takes all that it missed.

        Raises:
            Unavailable: a required sink did not take it within the deadline. The records stay in the
                log and are delivered later, but nothing may be answered on them now.
        """
        if batch:
            end = time.monotonic() + self._deadline
            for worker in self._workers:
                worker.offer(batch)
            self._wait(batch[-1].seq, end)

    def catch_up(self, read_leaves: ReadLeaves) -> None:
        """Say where the log is read, and hand over all of it that the sinks have missed.

        To be called before the first :meth:`deliver`. A sink without a position takes the whole log.

        Raises:
            Unavailable: a required sink did not take it within the deadline; it goes on by itself, and
                calling again waits again.
        """
        end = time.monotonic() + self._deadline
        for worker in self._workers:
            worker.catch_up(read_leaves)
        self._wait(None, end)

    def states(self) -> tuple[SinkState, ...]:
        """Return how each sink is doing, for the officer's page and for monitoring."""
        return tuple(worker.state for worker in self._workers)

    def close(self) -> None:
        """End the threads; what was not written yet is read from the log by the next process."""
        end = time.monotonic() + self._deadline
        for worker in self._workers:
            worker.close(end=end)

    def _wait(self, seq: int | None, end: float) -> None:
        # Each is waited for, so that each that is late is known as late.
        taken = [worker.wait(seq, end=end) for worker in self._workers if worker.required]
        if not all(taken):
            raise _unavailable()


def _target(spec: Spec, *, patience: float) -> Target:
    match spec.kind:
        case "file":
            return FileTarget(spec.path, mode=spec.mode, render=leaf_line)
        case "ocsf":
            return FileTarget(spec.path, mode=spec.mode, render=ocsf.line)
        case "syslog":
            return SyslogTarget(transport=spec.transport, address=spec.address, patience=patience)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            give_to_owner_of_directory(handle, directory)
        finally:
            os.close(handle)
    except OSError as error:
        raise StartupRefusal(f"The directory {directory} cannot be made: {error.strerror}.") from error


def _unavailable() -> Unavailable:
    return Unavailable(
        "sink-unavailable",
        "A copy of the log that must be written does not take it at the moment, so nothing is answered.",
        allowed="Try again later.",
    )
