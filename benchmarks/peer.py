"""Side by side with smartnoise-sql: the same rows, the same questions, in turns."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks import data
from benchmarks.bench import Bench, CannotMeasure
from benchmarks.harness import Result, root_mean_square, say, seconds_of
from benchmarks.home import Registered

HERE: Final = Path(__file__).parent
OLDEST, NEWEST = (3, 11), (3, 14)
"""Python versions that the peer and the versions pinned beside it support."""
DELTA: Final = 1e-6
FIVE: Final = 5
TIMES_AS_FAST: Final = 50.0
SHARE_OF_ERROR: Final = {"count": 0.1, "average": 0.5}
SERVICES: Final = len(data.SERVICES)
ASKED: Final = {
    "count": "SELECT service, COUNT(*) AS value FROM {table} GROUP BY service",
    "average": "SELECT service, AVG(cost) AS value FROM {table} GROUP BY service",
}
Answers = list[dict[str, float]]
"""One dictionary for each repetition: the value of each group."""
Truth = dict[str, dict[str, float]]


def measure(bench: Bench) -> Iterator[Result]:
    """Measure latency and errors of both."""
    try:
        python = _environment(bench.data / "peer-venv")
    except CannotMeasure as reason:
        yield from _not_measured(f"{reason}.")
        return
    ours, theirs = _both(bench, python)
    truth, settings = _truth(bench.source(bench.sizes.peer_rows)), _settings(bench, theirs)
    for question in ASKED:
        mine = statistics.median(ours.seconds[question])
        peer = statistics.median(s for asked in theirs.values() for s in asked[question]["seconds"])
        yield Result(
            name=f"{question}: smartnoise-sql / sandbox, time",
            value=peer / mine,
            unit="times",
            goal=TIMES_AS_FAST,
            more_is_better=True,
            notes=(*settings, f"Medians for {question}: {peer * 1e3:.0f} ms and {mine * 1e3:.1f} ms."),
        )
        own = _error(ours.answers[question], truth[question])
        yield Result(name=f"{question}: error, sandbox", value=own, unit="RMSE", notes=settings)
        others = {name: _error(asked[question]["values"], truth[question]) for name, asked in theirs.items()}
        absolute = "; ".join(f"{name} {other:.4g}" for name, other in others.items())
        for name, other in others.items():
            yield Result(
                name=f"{question}: error, sandbox / smartnoise-sql, {name}",
                value=own / other,
                unit="ratio",
                goal=SHARE_OF_ERROR[question],
                notes=(*settings, f"Errors of smartnoise-sql, {question}: {absolute}."),
            )


def _settings(bench: Bench, theirs: dict[str, Any]) -> tuple[str, str]:
    bounds = ", ".join(f"{bound} for the {name}" for name, bound in _bounds(bench.sizes.peer_rows).items())
    asked = next(iter(theirs.values()))
    costs = ", ".join(f"{name} {answers['cost']:g}" for name, answers in asked.items())
    ours = (
        f"{bench.sizes.peer_rows:,} rows, cost within {data.MEASURE_BOUNDS}. Errors: root mean square over "
        f"{SERVICES} groups and {bench.sizes.peer_repetitions} or more answers, against the raw rows. "
        f"Sandbox: a whole question costs epsilon 1; kept rows a person: {bounds}, from the public law of "
        "the generator."
    )
    peer = (
        f"smartnoise-sql {_pinned()}: from_df, metadata with private key and bounds, delta {DELTA:g}, all "
        "else by default; a group it leaves out counts as 0. As written: epsilon 1, which it spends on every "
        f"column it measures, so that by its own account a question costs: {costs}. Same cost: the share of "
        "epsilon with which the whole question costs 1."
    )
    return ours, peer


class _Ours:
    """What the sandbox was asked so far."""

    def __init__(self, registered: Registered) -> None:
        self._registered = registered
        self.seconds: dict[str, list[float]] = {question: [] for question in ASKED}
        self.answers: dict[str, Answers] = {question: [] for question in ASKED}

    def ask(self) -> None:
        """Ask each question once, of the table with its bound."""
        for question, sql in ASKED.items():
            self.seconds[question].append(seconds_of(lambda: self._ask(question, sql)))  # noqa: B023  # run at once

    def _ask(self, question: str, sql: str) -> None:
        table = self._registered.ask(sql.format(table=question), epsilon=Decimal(1)).table
        key, value = (table.columns.index(name) for name in ("service", "value"))
        self.answers[question].append({str(row[key]): float(row[value] or 0) for row in table.rows})


def _both(bench: Bench, python: Path) -> tuple[_Ours, dict[str, Any]]:
    rows, repetitions = bench.sizes.peer_rows, bench.sizes.peer_repetitions
    ours = _Ours(bench.registered_as(rows, _bounds(rows)))
    csv = bench.work / "peer.csv"
    with duckdb.connect() as connection:
        source = connection.read_parquet(str(bench.source(rows)))
        source.project("person_id, service, cost").write_csv(str(csv))
    theirs: dict[str, Any] = {}
    forms = [
        (f"{bound}, {cost}", max_ids, same_cost)
        for bound, max_ids in (("default of 1 row a person", None), (f"{FIVE} rows a person", FIVE))
        for cost, same_cost in (("as written", False), ("same cost", True))
    ]
    for name, max_ids, same_cost in forms:
        say(f"smartnoise-sql: {name}")
        order = {
            "csv": str(csv),
            "max_ids": max_ids,
            "same_cost": same_cost,
            "lower": data.MEASURE_BOUNDS[0],
            "upper": data.MEASURE_BOUNDS[1],
            "delta": DELTA,
            "repetitions": repetitions,
            "questions": {key: sql.format(table="public.visits") for key, sql in ASKED.items()},
        }
        done = subprocess.run(
            [str(python), str(HERE / "peer_smartnoise.py")],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
        theirs[name] = json.loads(done.stdout)
        for _ in range(-(-repetitions // len(forms))):
            ours.ask()
    return ours, theirs


def _truth(source: Path) -> Truth:
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT service, count(*), avg(cost) FROM read_parquet(?) GROUP BY service", [str(source)]
        ).fetchall()
    return {"count": {row[0]: float(row[1]) for row in rows}, "average": {row[0]: row[2] for row in rows}}


def _error(answers: Sequence[dict[str, float]], truth: dict[str, float]) -> float:
    return root_mean_square(
        [(answer.get(group) or 0.0) - value for answer in answers for group, value in truth.items()]
    )


def _bounds(rows: int) -> dict[str, int]:
    return {
        "count": data.bound_for_counts(rows, groups=SERVICES),
        "average": data.bound_for_averages(rows, groups=SERVICES),
    }


def _pinned() -> str:
    lines = (HERE / "peer_requirements.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith("smartnoise-sql=="))


def _environment(directory: Path) -> Path:
    """Return the interpreter of the peer's environment, made at first use."""
    python, done = directory / "bin" / "python", directory / "installed"
    if done.exists():
        return python
    say(f"installing smartnoise-sql {_pinned()} into an environment of its own")
    requirements = str(HERE / "peer_requirements.txt")
    for command in (
        [_interpreter(), "-m", "venv", "--clear", str(directory)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
    ):
        if subprocess.run(command, check=False, stdout=sys.stderr).returncode != 0:
            raise CannotMeasure(f"smartnoise-sql could not be installed ({' '.join(command[1:4])} failed)")
    done.touch()
    return python


def _interpreter() -> str:
    names = ["python3", *(f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1))]
    probe = f"import sys, ensurepip; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"
    for candidate in (sys.executable, *filter(None, map(shutil.which, names))):
        if subprocess.run([candidate, "-c", probe], check=False, capture_output=True).returncode == 0:
            return candidate
    raise CannotMeasure(
        f"smartnoise-sql needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]} with venv; none was found"
    )


def _not_measured(reason: str) -> Iterator[Result]:
    for question, share in SHARE_OF_ERROR.items():
        yield Result(
            name=f"{question}: smartnoise-sql / sandbox, time",
            value=None,
            unit="times",
            goal=TIMES_AS_FAST,
            more_is_better=True,
            notes=(reason,),
        )
        name = f"{question}: error, sandbox / smartnoise-sql"
        yield Result(name=name, value=None, unit="ratio", goal=share, notes=(reason,))
