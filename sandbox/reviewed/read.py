"""Reading what stands behind every row of a reviewed answer, from the bounded copy.

The gateway has no right to raw rows, and this does not give it one. So the cells are exact over the
bounded copy: values within their bounds, at most so many rows of one unit. Whatever goes wrong becomes
one error with one text, as it does for answers with noise.
"""

from __future__ import annotations

import time

from sandbox.errors import SandboxError
from sandbox.privacy.plan import Cell
from sandbox.reviewed.plan import ReviewedPlan, Row
from sandbox.sources.contributions import NAMES, Contributed, compile_contributions
from sandbox.sources.engine import EngineFailure, Engines
from sandbox.sources.engines.protocol import Engine
from sandbox.sources.engines.protocol import Row as EngineRow
from sandbox.sources.snapshot import Snapshot, shape_of
from sandbox.sources.terms import Dialect

Behind = tuple[Contributed, ...]
"""What stands behind one row of the table: one part for each measure of the plan."""
Found = tuple[tuple[Row, Behind], ...]


class NotItsCopy(SandboxError):
    """The copy was made under another policy; nothing was read."""


def read_behind(plan: ReviewedPlan, *, snapshot: Snapshot, engines: Engines, deadline: float) -> Found:
    """Return what stands behind each row of ``plan``, in the order of its rows.

    Args:
        plan: what is read.
        snapshot: the bounded copy.
        engines: what can read it.
        deadline: seconds the engine may take.

    Raises:
        NotItsCopy: the copy was made under another policy.
        EngineFailure: the engine failed or took too long.
    """
    if snapshot.shape != shape_of(plan.checked.dataset):
        raise NotItsCopy("the copy was made under another policy; register the dataset again")
    engine = engines.of(snapshot.engine)
    until = time.monotonic() + deadline
    try:
        return _read(plan, engine, snapshot.location, until)
    except Exception:  # noqa: BLE001  # of whatever type: its text and its coming may be data
        raise EngineFailure from None


def _read(plan: ReviewedPlan, engine: Engine, location: str, until: float) -> Found:
    found: dict[tuple[tuple[int, ...], int, Cell], Contributed] = {}
    for chosen in plan.sets:
        for measure, column in enumerate(plan.measures):
            sql = compile_contributions(plan.scan(chosen, column), Dialect(engine.dialect))
            for row in engine.run(location, sql, deadline=until - time.monotonic()):
                found[chosen, measure, row[: len(chosen)]] = _contributed(row[len(chosen) :])
    if time.monotonic() > until:
        raise EngineFailure
    nobody = Contributed()
    return tuple(
        (
            row,
            tuple(
                found.get((row.keys, measure, tuple(row.cell[index] for index in row.keys)), nobody)
                for measure in range(len(plan.measures))
            ),
        )
        for row in plan.rows
    )


def _contributed(values: EngineRow) -> Contributed:
    numbers = [value for value in values if isinstance(value, int)]
    return Contributed(**dict(zip(NAMES, numbers, strict=True)))
