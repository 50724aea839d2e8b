"""The exact cells of a paid plan, read from the bounded copy.

Order: the charge belongs to the plan and the copy to the plan's policy; the plan's scans run one after
the other on the copy's own engine, locked down, under one deadline; groups that the engine returns are
put into the plan's cells, a missing group is a row of zeros, and a group outside the public domains (NULL) is
dropped. Whatever goes wrong on the way becomes one error with one text: an engine's own message may
hold raw values, and whether it comes at all depends on the data.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product

from sandbox.errors import SandboxError
from sandbox.policy.dataset import EngineKind
from sandbox.privacy.cells import ExactCells
from sandbox.privacy.charge import Charge
from sandbox.privacy.plan import Key, Plan, PlannedScan
from sandbox.privacy.scan import Scan
from sandbox.settings import Settings
from sandbox.sources.compile import Dialect, compile_scan
from sandbox.sources.engines.duck import DuckEngine
from sandbox.sources.engines.postgres import PostgresEngine
from sandbox.sources.engines.protocol import Engine, Row
from sandbox.sources.engines.protocol import EngineFailure as EngineFailure
from sandbox.sources.engines.spark import SparkEngine
from sandbox.sources.snapshot import Snapshot, shape_of


class NotPaidFor(SandboxError):
    """The charge or the copy belongs to another plan; nothing was read."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of one process; what they open stays open until :meth:`close`."""

    duck: DuckEngine = field(default_factory=DuckEngine)
    postgresql: PostgresEngine | None = None
    """None where this process has no role in a database."""
    spark: SparkEngine | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Engines:
        """Return the gateway's engines; nothing is opened before the first question."""
        return cls(
            postgresql=PostgresEngine(settings.postgresql_gateway), spark=SparkEngine(settings.spark_master)
        )

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
                found = self.spark
        if found is None:
            raise EngineFailure
        return found

    def prepare(self, kinds: Iterable[EngineKind]) -> None:
        """Start the engines of these kinds, so that no question waits for one.

        Raises:
            StartupRefusal: one of them cannot start.
        """
        for kind in sorted(set(kinds)):
            self.of(kind).prepare()

    def close(self) -> None:
        """Give back whatever is open."""
        for engine in (self.duck, self.postgresql, self.spark):
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
    until = time.monotonic() + deadline
    found: list[tuple[tuple[int, ...], ...]] = []
    try:
        known: dict[Scan, list[Row]] = {}  # several quantiles of one term are one scan
        for planned in plan.scans:
            if planned.scan not in known:
                sql = compile_scan(planned.scan, Dialect(engine.dialect))
                known[planned.scan] = engine.run(snapshot.location, sql, deadline=until - time.monotonic())
            if plan.threshold is not None:
                return _found(plan, known[planned.scan])
            found.append(_arranged(planned, known[planned.scan]))
    except Exception:  # noqa: BLE001  # of whatever type: its text and its coming may be data
        raise EngineFailure from None
    if time.monotonic() > until:
        raise EngineFailure
    measured = found[0] if plan.measurements else ()
    choices = found[1 if plan.measurements else 0 :]
    bins = tuple(
        _split(counts, selection.candidates.count)
        for (counts,), selection in zip(choices, plan.selections, strict=True)
    )
    return ExactCells(plan, measured, bins)


def _arranged(planned: PlannedScan, rows: list[Row]) -> tuple[tuple[int, ...], ...]:
    """Return one vector for each statistic, aligned with the combinations of the public key values."""
    keys = len(planned.domains)
    found = {row[:keys]: row[keys:] for row in rows}
    zeros: Row = (0,) * len(planned.scan.statistics)
    columns = zip(*(found.get(cell, zeros) for cell in product(*planned.domains)), strict=True)
    return tuple(tuple(_whole(value) for value in column) for column in columns)


def _found(plan: Plan, rows: list[Row]) -> ExactCells:
    """Return the groups that the data holds, sorted by key; those with a NULL are dropped."""
    keys = len(plan.checked.keys)
    groups = sorted(
        (row for row in rows if None not in row[:keys]), key=lambda row: tuple(map(str, row[:keys]))
    )
    columns = zip(*(row[keys:] for row in groups), strict=True) if groups else [()] * len(plan.measurements)
    measured = tuple(tuple(_whole(value) for value in column) for column in columns)
    return ExactCells(plan, measured, (), tuple(_key_of(row[:keys]) for row in groups))


def _key_of(row: Row) -> tuple[Key, ...]:
    return tuple(value for value in row if isinstance(value, Key))


def _split(counts: tuple[int, ...], size: int) -> tuple[tuple[int, ...], ...]:
    return tuple(counts[start : start + size] for start in range(0, len(counts), size))


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise EngineFailure
    return value
