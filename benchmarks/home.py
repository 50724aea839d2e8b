"""A sandbox of its own for each measurement, set up the way the product sets itself up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.data import MEASURE_BOUNDS, REGIONS, SERVICES, TILES
from sandbox.answer import Answer
from sandbox.gateway import Gateway
from sandbox.governance.installation import install
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings

PROJECT: Final = Path(__file__).parent.parent
GROUPS: Final = frozenset({"analysts", "bench"})
DEADLINE: Final = 600.0
"""Seconds a question may take here: a slow figure shall be shown, not refused."""
SMALLEST: Final = Decimal("0.000001")
DATASET: Final = """
name = "bench"
title = "A generated register"
owner = "Nobody"
grade = "bench"
openness = "sandbox_only"
population = "residents"
profile_epsilon = "1"
"""
TABLE: Final = f"""
[tables.{{name}}]
source = "{{source}}"
max_rows_per_unit = {{bound}}
[tables.{{name}}.columns]
person_id = {{{{ use = "unit_id" }}}}
service = {{{{ use = "group_key", domain = {json.dumps(SERVICES)} }}}}
region = {{{{ use = "group_key", domain = {list(range(1, REGIONS + 1))} }}}}
tile_x = {{{{ use = "group_key", domain = {list(range(1, TILES + 1))} }}}}
tile_y = {{{{ use = "group_key", domain = {list(range(1, TILES + 1))} }}}}
day = {{{{ use = "filter", type = "date" }}}}

[tables.{{name}}.columns.cost]
use = "measure"
bounds = {json.dumps([str(bound) for bound in MEASURE_BOUNDS])}
functions = ["count", "sum", "avg"]
"""
AUTHORIZATION: Final = """
name = "bench"
group = "bench"
purpose = "Measurements"
mode = "scenario"
conditions = "None"
exit = "Deleted at once"
responsible = "Nobody"
dataset = "bench"
[term]
start = 2026-01-01
end = 2030-12-31
[tables]
{opened}
[loss]
per_query_epsilon = "100"
total_epsilon = "100"
total_delta = "0.001"
"""
GRADES: Final = '[grades.bench]\nqueries = "dp"\n'
POPULATIONS: Final = """
[populations.residents]
description = "Generated persons"
lifetime_epsilon = "100"
lifetime_delta = "0.001"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """A sandbox with one registered dataset, and what registering it took."""

    gateway: Gateway
    seconds: float
    """From the order to the active copy."""
    peak_bytes: int
    """Largest resident memory of the process that read the raw rows."""
    _numbers: Iterator[int] = field(default_factory=count)

    def ask(self, sql: str, *, epsilon: Decimal = Decimal("0.01")) -> Answer:
        """Ask a question that was not asked before: its epsilon is a little less each time."""
        return self.repeat(sql, epsilon=epsilon - SMALLEST * next(self._numbers))

    def repeat(self, sql: str, *, epsilon: Decimal) -> Answer:
        """Ask a question with exactly this epsilon."""
        actor = Actor(name="bench", groups=GROUPS, scopes=scopes_of(GROUPS), channel=Channel.NOTEBOOK)
        return self.gateway.ask(sql=sql, authorization="bench", epsilon=epsilon, actor=actor)


def registered(
    home: Path,
    *,
    source: str,
    bounds: Mapping[str, int],
    place: Callable[[Settings], object],
    engine: str | None = None,
) -> Registered:
    """Set up a sandbox under ``home`` and register one source once for each table of ``bounds``.

    Args:
        home: a directory that does not exist yet.
        source: of the raw rows, as a policy names it.
        bounds: rows a person to keep, for each table's name.
        place: puts into the empty sandbox what registration needs to find the source.
        engine: that the rows live in, as a policy names it; None for what a policy means that names none.
    """
    policies = home.with_name(home.name + "-policies")
    _write_policies(policies, source=source, engine=engine, bounds=bounds)
    settings = Settings(
        home=home, raw=home / "raw", policies=policies, query_deadline=DEADLINE, latency_buckets=()
    )
    install(settings)
    place(settings)
    done = subprocess.run(  # a process of its own, so that its one child's memory can be told
        [sys.executable, "-m", "benchmarks.registrar", str(home), str(policies)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        check=True,
    )
    measured = json.loads(done.stdout)
    return Registered(
        gateway=Gateway.open(settings), seconds=measured["seconds"], peak_bytes=measured["peak_bytes"]
    )


def _write_policies(directory: Path, *, source: str, engine: str | None, bounds: Mapping[str, int]) -> None:
    tables = [TABLE.format(name=name, source=source, bound=bound) for name, bound in bounds.items()]
    columns = ["service", "region", "tile_x", "tile_y", "day", "cost"]
    opened = "\n".join(f"{name} = {json.dumps(columns)}" for name in bounds)
    lives = "" if engine is None else f'engine = "{engine}"\n'
    texts = {
        "datasets/bench.toml": DATASET + lives + "".join(tables),
        "authorizations/bench.toml": AUTHORIZATION.format(opened=opened),
        "grades.toml": GRADES,
        "populations.toml": POPULATIONS,
        "review.toml": "",
        "sinks.toml": "",
        "retention.toml": "private_days = 1095\n",
    }
    for name, text in texts.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
