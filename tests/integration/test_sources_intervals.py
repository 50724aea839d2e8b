"""An interval of 95 % holds the value in the bounded copy 95 times in 100, whatever the estimator.

The whole way, from a registered copy through noise to the table that is shown. The truth is what the
same formula makes of the numbers without noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from engines import Bench, duck_bench
from health import kept_tables
from questions import HEALTH, dataset_with, plan_of
from reference import raw_rows

from sandbox.privacy import post
from sandbox.privacy.cells import Choice, ExactCells, NoisyCells
from sandbox.privacy.noise import add_noise
from sandbox.privacy.post import finish
from sandbox.privacy.quantile import scores
from sandbox.sources.snapshot import Snapshot

REPEATS = 80
CHOICES = 25
"""The same for quantiles, each of which draws noise for every candidate."""
DATASET = dataset_with(HEALTH)
QUESTIONS = (
    "COUNT(*)",
    "SUM(debt)",
    "AVG(cost)",
    "AVG(change)",
    "VAR_POP(cost)",
    "STDDEV_SAMP(debt)",
    "COVAR_SAMP(cost, change)",
    "CORR(cost, debt)",
    "REGR_SLOPE(cost, change)",
    "SUM(cost) / COUNT(*)",
    "SUM(cost) / COUNT(DISTINCT person_id)",
    "ROUND(100 * COUNT(cost) / COUNT(*), 1)",
    "AVG(cost * change)",
)
TOTALS = "SELECT district, year, {} AS x FROM visits GROUP BY ROLLUP (district, year)"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Snapshot]]:
    bench = duck_bench(tmp_path_factory.mktemp("intervals") / "duckdb")
    kept = kept_tables(7, persons=400)
    raw = {name: raw_rows(table, kept[name]) for name, table in DATASET.tables.items()}
    yield bench, bench.load(DATASET, raw)
    bench.close()


@pytest.mark.parametrize("measure", ["pure", "zcdp"])
@pytest.mark.parametrize("aggregate", QUESTIONS)
def test_an_interval_holds_the_bounded_value(
    loaded: tuple[Bench, Snapshot], aggregate: str, measure: str
) -> None:
    sql = f"SELECT year, {aggregate} AS x FROM visits GROUP BY year"  # noqa: S608 - parsed, never run
    share, tried = coverage(loaded, sql, measure=measure)
    assert share >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / tried)


@pytest.mark.parametrize("aggregate", ["MEDIAN(cost)", "QUANTILE(debt, 0.9)"])
def test_an_interval_of_a_quantile_holds_it(loaded: tuple[Bench, Snapshot], aggregate: str) -> None:
    sql = f"SELECT year, {aggregate} AS x FROM visits GROUP BY year"  # noqa: S608 - parsed, never run
    share, tried = coverage(loaded, sql, measure="pure", repeats=CHOICES)
    assert share >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / tried)


@pytest.mark.parametrize("measure", ["pure", "zcdp"])
@pytest.mark.parametrize("aggregate", ["COUNT(*)", "SUM(debt)", "AVG(cost)"])
def test_an_interval_of_a_total_holds_the_total(
    loaded: tuple[Bench, Snapshot], aggregate: str, measure: str
) -> None:
    share, tried = coverage(loaded, TOTALS.format(aggregate), measure=measure)
    assert share >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / tried)


def test_intervals_that_are_half_as_wide_are_found(
    loaded: tuple[Bench, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = post._width
    monkeypatch.setattr(post, "_width", lambda *given: right(*given) // 2)
    share, tried = coverage(loaded, "SELECT year, SUM(debt) AS x FROM visits GROUP BY year", measure="pure")
    assert share < 0.95 - 4 * math.sqrt(0.95 * 0.05 / tried)


def coverage(
    loaded: tuple[Bench, Snapshot], sql: str, *, measure: str, repeats: int = REPEATS
) -> tuple[float, int]:
    """Return how often, over rows and repeats, an interval holds the truth, and how often it was tried."""
    bench, snapshot = loaded
    exact = bench.exact(plan_of(sql, DATASET, epsilon="2", measure=measure), snapshot)
    truths = [row[-3] for row in finish(without_noise(exact)).rows]
    held = [
        _within(row, truth)
        for _ in range(repeats)
        for row, truth in zip(finish(add_noise(exact)).rows, truths, strict=True)
        if truth is not None
    ]
    return sum(held) / len(held), len(held)


def _within(row: tuple[int | str | None, ...], truth: int | str) -> bool:
    """Tell whether an interval holds the truth; an end that is empty bounds nothing."""
    low, high = row[-2:]
    true = Fraction(Decimal(str(truth)))
    return (low is None or Fraction(Decimal(low)) <= true) and (
        high is None or true <= Fraction(Decimal(high))
    )


def without_noise(exact: ExactCells) -> NoisyCells:
    """Return the cells as if there was no noise: of a quantile, the candidate of the best score."""
    chosen = tuple(
        tuple(
            Choice(int(best), int(best), int(best))
            for best in scores(np.array(bins, dtype=np.int64), selection.fraction).argmax(axis=1)
        )
        for bins, selection in zip(exact.bins, exact.plan.selections, strict=True)
    )
    return NoisyCells(exact.plan, exact.measured, chosen)
