"""The exact cells of a paid plan, read from the bounded copy.

Order: the charge belongs to the plan and the copy to the plan's policy; the statement runs on the
copy's own engine, locked down, under a deadline; groups that the engine returns are put into the
plan's cells, a missing group is a row of zeros, and a group outside the public domains (NULL) is
dropped. Whatever goes wrong on the way becomes one error with one text: an engine's own message may
hold raw values, and whether it comes at all depends on the data.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sandbox.errors import SandboxError
from sandbox.policy.dataset import EngineKind
from sandbox.privacy.charge import Charge
from sandbox.privacy.plan import ExactCells, Plan
from sandbox.settings import Settings
from sandbox.sources.compile import compile_query
from sandbox.sources.engines.duck import DuckEngine
from sandbox.sources.engines.postgres import PostgresEngine
from sandbox.sources.engines.protocol import Engine, Row
from sandbox.sources.engines.protocol import EngineFailure as EngineFailure
from sandbox.sources.snapshot import Snapshot, shape_of


class NotPaidFor(SandboxError):
    """The charge or the copy belongs to another plan; nothing was read."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of one process; what they open stays open until :meth:`close`."""

    duck: DuckEngine = field(default_factory=DuckEngine)
    postgresql: PostgresEngine | None = None
    """None where this process has no role in a database."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Engines:
        """Return the gateway's engines; nothing is opened before the first question."""
        return cls(postgresql=PostgresEngine(settings.postgresql_gateway))

    def of(self, kind: EngineKind) -> Engine:
        """Return the engine that reads copies of this kind.

        Raises:
            EngineFailure: this process has none.
        """
        found: Engine | None = None
        match kind:
            case EngineKind.DUCKDB:
                found = self.duck
            case EngineKind.POSTGRESQL:
                found = self.postgresql
            case EngineKind.SPARK:
                pass
        if found is None:
            raise EngineFailure
        return found

    def close(self) -> None:
        """Give back whatever is open."""
        for engine in (self.duck, self.postgresql):
            if engine is not None:
                engine.close()


def extract(
    plan: Plan, charge: Charge, *, snapshot: Snapshot, engines: Engines, deadline: float
) -> ExactCells:
    """Return the exact value of each measurement in each cell.

    Args:
        plan: what is measured.
        charge: that it was paid for.
        snapshot: the bounded copy.
        engines: what can read it.
        deadline: seconds the engine may take.

    Raises:
        NotPaidFor: the charge is of another plan, or the copy was made under another policy.
        EngineFailure: the engine failed or took too long; the charge stands.
    """
    if charge.plan_digest != plan.digest or charge.loss < plan.loss:
        raise NotPaidFor("the charge belongs to another plan")
    if snapshot.shape != shape_of(plan.checked.dataset):
        raise NotPaidFor("the copy was made under another policy; register the dataset again")
    engine = engines.of(snapshot.engine)
    sql = compile_query(plan, engine.dialect)
    until = time.monotonic() + deadline
    try:
        rows = engine.run(snapshot.location, sql, deadline=deadline)
    except Exception:  # noqa: BLE001  # of whatever type: its text and its coming may be data
        raise EngineFailure from None
    if time.monotonic() > until:
        raise EngineFailure
    return ExactCells(plan, _arranged(plan, rows))


def _arranged(plan: Plan, rows: list[Row]) -> tuple[tuple[int, ...], ...]:
    keys = len(plan.key_domains)
    found = {row[:keys]: row[keys:] for row in rows}
    zeros: Row = (0,) * len(plan.measurements)
    columns = zip(*(found.get(cell, zeros) for cell in plan.cells), strict=True)
    return tuple(tuple(_whole(value) for value in column) for column in columns)


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise EngineFailure
    return value
