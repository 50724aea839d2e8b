"""The promise measured: no more loss than claimed, and intervals that hold as often as they say.

Both go the whole way, plan to extract to noise, on registered copies. The audit bounds epsilon from
below by how often an event occurs on two neighbors; it can refute a claim, never prove one, so it is
tried on a planted fault too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from questions import VISITS, dataset_of, exact, load, plan_of

from sandbox.privacy import noise
from sandbox.privacy.cells import ExactCells
from sandbox.privacy.mechanism import Noise
from sandbox.privacy.noise import NoiseFault, add_noise
from sandbox.privacy.plan import Plan
from sandbox.privacy.pool import Pool
from sandbox.privacy.post import finish
from sandbox.sources.snapshot import Snapshot

DRAWS = 4_000
ERROR = 1e-6
"""Chance that the audit's bound lies above the true loss."""
REPEATS = 400
DATASET = dataset_of(VISITS, source="visits.csv", max_rows=4)
HEADER = "person_id,district,year,cost,change,day,note\n"
OTHERS = "".join(
    f"p{n},{'Bei' if n % 3 else 'Dong'},{1 + n % 2},{n % 130},{n % 90 - 60},2025-01-01,n\n"
    for n in range(120)
)
VICTIM = "v,Nan,1,100,-50,2025-01-01,n\n" * 7
QUESTIONS = (
    "COUNT(*) FROM visits",
    "COUNT(DISTINCT person_id) FROM visits",
    "SUM(cost) FROM visits",
    "SUM(change) FROM visits WHERE district = 'Nan'",
)


@dataclass(frozen=True)
class Pair:
    larger: Snapshot
    smaller: Snapshot


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    def loaded(directory: Path, rows: str) -> Snapshot:
        (directory / "raw").mkdir()
        (directory / "raw" / "visits.csv").write_text(HEADER + rows)
        return load(DATASET, directory)

    return Pair(
        larger=loaded(tmp_path_factory.mktemp("larger"), OTHERS + VICTIM),
        smaller=loaded(tmp_path_factory.mktemp("smaller"), OTHERS),
    )


def least_epsilon(one: ExactCells, other: ExactCells) -> float:
    """Return an epsilon that the mechanism exceeds or equals with chance 1 - ERROR, by Hoeffding."""
    above = one.measured[0][0] > other.measured[0][0]
    edge = one.measured[0][0]  # noise at the edge or beyond: the likeliest event to tell the two apart

    def share(cells: ExactCells) -> float:
        hits = 0
        for _ in range(DRAWS):
            drawn = add_noise(cells).measured[0][0]
            hits += drawn >= edge if above else drawn <= edge
        return hits / DRAWS

    slack = math.sqrt(math.log(2 / ERROR) / (2 * DRAWS))
    return math.log(max(share(one) - slack, 1e-9) / (share(other) + slack))


@pytest.mark.parametrize("question", QUESTIONS)
def test_neighbors_are_told_apart_no_better_than_the_claimed_epsilon(pair: Pair, question: str) -> None:
    plan = plan_of(f"SELECT {question}", DATASET)
    found = least_epsilon(exact(plan, pair.larger), exact(plan, pair.smaller))
    assert 0.5 < found <= float(plan.epsilon)


def test_the_audit_flags_half_the_noise(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of("SELECT COUNT(*) FROM visits", DATASET)
    _halve_the_noise(monkeypatch, claimed=float(plan.epsilon))
    assert least_epsilon(exact(plan, pair.larger), exact(plan, pair.smaller)) > float(plan.epsilon)


def test_half_the_noise_is_refused_by_the_mechanism_s_own_map(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = noise._mechanism
    monkeypatch.setattr(noise, "_mechanism", lambda one: right(replace(one, scale=one.scale / 2)))
    with pytest.raises(NoiseFault):
        add_noise(exact(plan_of("SELECT COUNT(*) FROM visits", DATASET), pair.larger))


def _halve_the_noise(monkeypatch: pytest.MonkeyPatch, *, claimed: float) -> None:
    right = noise._mechanism

    class Lying:
        def __init__(self, one: Noise) -> None:
            self._half: Callable[[list[int]], list[int]] = right(replace(one, scale=one.scale / 2))

        def map(self, _: int) -> float:
            return claimed

        def __call__(self, values: list[int]) -> list[int]:
            return self._half(values)

    monkeypatch.setattr(noise, "_mechanism", Lying)
    monkeypatch.setattr(noise, "_POOL", Pool(noise.draw))  # the other one holds honest noise


def coverage(plan: Plan, cells: ExactCells, truths: list[Fraction]) -> float:
    """Return how often, over cells and repeats, the interval of the last aggregate holds the truth."""
    held = 0
    for _ in range(REPEATS):
        for row, truth in zip(finish(add_noise(cells)).rows, truths, strict=True):
            low, high = (Fraction(Decimal(str(value))) for value in row[-2:])
            held += low <= truth <= high
    return held / (REPEATS * len(plan.cells))


@pytest.mark.parametrize("epsilon", ["0.2", "1", "5"])
@pytest.mark.parametrize("aggregate", ["COUNT(*)", "SUM(cost)", "AVG(cost)", "AVG(change)"])
def test_a_95_percent_interval_holds_the_bounded_value_95_times_in_100(
    pair: Pair, aggregate: str, epsilon: str
) -> None:
    grouped = f"SELECT district, {aggregate} FROM visits GROUP BY district"  # noqa: S608 - parsed, never run
    plan = plan_of(grouped, DATASET, epsilon=epsilon)
    cells = exact(plan, pair.larger)
    found = coverage(plan, cells, [truth(aggregate, values) for values in zip(*cells.measured, strict=True)])
    assert found >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / (REPEATS * len(plan.cells)))


def truth(aggregate: str, values: tuple[Any, ...]) -> Fraction:
    if aggregate == "COUNT(*)":
        return Fraction(values[0])
    if aggregate == "SUM(cost)":
        return Fraction(values[0], 10)
    middle, unit = (500, 10) if "cost" in aggregate else (-15, 1)
    return (Fraction(values[0], values[1]) + middle) / unit
