"""The exact cells of a paid plan, read from the bounded copy.

Order: the charge belongs to the plan and the copy to the plan's policy; the statement runs on a
locked-down read-only connection under a deadline; groups that the engine returns are put into the
plan's cells, a missing group is a row of zeros, and a group outside the public domains (NULL) is
dropped. Whatever goes wrong on the way becomes one error with one text: an engine's own message may
hold raw values, and whether it comes at all depends on the data.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import duckdb

from sandbox.errors import SandboxError
from sandbox.privacy.charge import Charge
from sandbox.privacy.plan import ExactCells, Plan
from sandbox.sources.compile import compile_query
from sandbox.sources.duck import open_copy
from sandbox.sources.snapshot import Snapshot, shape_of

INTERRUPT_AGAIN = 0.05
"""Seconds between interrupts past the deadline: one that comes before the statement starts is lost."""


class EngineFailure(SandboxError):
    """The question could not be completed; says nothing about why, because why may be data."""

    def __init__(self) -> None:
        super().__init__("The question could not be completed.")


class NotPaidFor(SandboxError):
    """The charge or the copy belongs to another plan; nothing was read."""


def extract(plan: Plan, charge: Charge, *, snapshot: Snapshot, deadline: float) -> ExactCells:
    """Return the exact value of each measurement in each cell.

    Args:
        plan: what is measured.
        charge: that it was paid for.
        snapshot: the bounded copy.
        deadline: seconds the engine may take.

    Raises:
        NotPaidFor: the charge is of another plan, or the copy was made under another policy.
        EngineFailure: the engine failed or took too long; the charge stands.
    """
    if charge.plan_digest != plan.digest or charge.loss < plan.loss:
        raise NotPaidFor("the charge belongs to another plan")
    if snapshot.shape != shape_of(plan.checked.dataset):
        raise NotPaidFor("the copy was made under another policy; register the dataset again")
    sql = compile_query(plan)
    until = time.monotonic() + deadline
    try:
        with open_copy(snapshot.path) as connection, _interrupted(connection, deadline):
            rows = connection.execute(sql).fetchall()
    except duckdb.Error:
        raise EngineFailure from None
    if time.monotonic() > until:
        raise EngineFailure
    return ExactCells(plan, _arranged(plan, rows))


def _arranged(plan: Plan, rows: list[tuple[int | str, ...]]) -> tuple[tuple[int, ...], ...]:
    keys = len(plan.key_domains)
    found = {row[:keys]: row[keys:] for row in rows}
    zeros = (0,) * len(plan.measurements)
    columns = zip(*(found.get(cell, zeros) for cell in plan.cells), strict=True)
    return tuple(tuple(int(value) for value in column) for column in columns)


@contextmanager
def _interrupted(connection: duckdb.DuckDBPyConnection, deadline: float) -> Iterator[None]:
    """Interrupt whatever runs on ``connection`` after ``deadline`` seconds."""
    done = Event()

    def watch() -> None:
        if not done.wait(deadline):
            connection.interrupt()
            while not done.wait(INTERRUPT_AGAIN):
                connection.interrupt()

    watcher = Thread(target=watch, name="query-deadline", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
