"""Noise: its size, what it costs, that it never overflows, and that no number of it is used twice."""

from __future__ import annotations

import math
import os
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import VISITS, dataset_of, plan_of

from sandbox.privacy import noise
from sandbox.privacy.cells import ExactCells
from sandbox.privacy.loss import Loss
from sandbox.privacy.mechanism import LARGEST_SCALE, Mechanism, Noise, gaussian, half_width, laplace
from sandbox.privacy.noise import SATURATION, NoiseFault, add_noise, draw, noisy_counts, noisy_max
from sandbox.privacy.plan import Plan
from sandbox.privacy.pool import KEPT, Draws, Pool

DRAWS = 8_000
COUNTED = plan_of("SELECT COUNT(*) FROM visits", dataset_of(VISITS))
GAUSSIAN = plan_of("SELECT COUNT(*) FROM visits", dataset_of(VISITS), measure="zcdp")
LAPLACE_20 = laplace(l1=20, epsilon=Decimal(1))
GAUSSIAN_20 = gaussian(l2_squared=400, loss=Loss.of_pure(Decimal(1)))


def with_scale(plan: Plan, scale: float) -> Plan:
    measurement = plan.measurements[0]
    return replace(plan, measurements=(replace(measurement, noise=replace(measurement.noise, scale=scale)),))


def test_the_spread_of_laplace_noise_is_that_of_its_scale() -> None:
    drawn = noisy_counts([0] * DRAWS, sensitivity=20, epsilon=Decimal(1))
    assert statistics.pstdev(drawn) == pytest.approx(LAPLACE_20.scale * math.sqrt(2), rel=0.06)
    assert abs(statistics.fmean(drawn)) < 5 * 20 * math.sqrt(2 / DRAWS)


def test_the_spread_of_gaussian_noise_is_that_of_its_scale() -> None:
    assert draw(GAUSSIAN_20, DRAWS).std() == pytest.approx(GAUSSIAN_20.scale, rel=0.05)


def test_noise_is_whole_numbers() -> None:
    assert {type(value) for value in noisy_counts([1, 2, 3], sensitivity=1, epsilon=Decimal("0.1"))} == {int}


@given(
    sensitivity=st.integers(1, 2**53),
    epsilon=st.decimals(min_value="0.000001", max_value="100", places=12),
)
@settings(max_examples=200, deadline=None)
def test_the_scale_never_costs_more_than_its_epsilon_and_little_less(
    sensitivity: int, epsilon: Decimal
) -> None:
    if sensitivity / epsilon > LARGEST_SCALE * 0.97:
        return
    found = laplace(l1=sensitivity, epsilon=epsilon)
    assert Decimal(noise._mechanism(found).map(sensitivity)) <= epsilon
    assert found.scale <= sensitivity / float(epsilon) * 1.023


@given(squared=st.integers(1, 10**20), picorho=st.integers(10**3, 10**15))
@settings(max_examples=200, deadline=None)
def test_gaussian_noise_never_costs_more_than_its_loss(squared: int, picorho: int) -> None:
    found = gaussian(l2_squared=squared, loss=Loss(picorho))
    reach = math.nextafter(math.sqrt(squared), math.inf)
    assert Decimal(noise._mechanism(found).map(reach)) * 10**12 <= picorho


@pytest.mark.parametrize("plan", [COUNTED, GAUSSIAN], ids=["laplace", "gaussian"])
def test_less_noise_than_was_paid_for_is_refused(plan: Plan) -> None:
    half = with_scale(plan, plan.measurements[0].noise.scale / 2)
    with pytest.raises(NoiseFault):
        add_noise(ExactCells(half, ((1,),), ()))


def test_a_sensitivity_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        noisy_counts([1], sensitivity=0, epsilon=Decimal(1))


def test_noise_that_64_bits_could_not_hold_is_refused() -> None:
    with pytest.raises(OverflowError):
        laplace(l1=2**53, epsilon=Decimal("0.01"))


def test_values_beyond_the_saturation_are_cut_before_and_after_the_noise() -> None:
    found = noisy_counts([10**30, -(10**30), 0], sensitivity=2**53, epsilon=Decimal("0.2"))
    assert -SATURATION <= found[1] < found[2] < found[0] <= SATURATION


def test_noise_at_the_ends_of_64_bits_ends_where_any_noise_so_large_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = np.array([2**63 - 1, -(2**63)], dtype=np.int64)
    monkeypatch.setattr(noise, "_POOL", Pool(lambda _, count: ends[:count]))
    assert noisy_counts([-SATURATION, SATURATION], sensitivity=1, epsilon=Decimal(1)) == (
        SATURATION - 1,
        -SATURATION + 1,
    )


@pytest.mark.parametrize("one", [LAPLACE_20, GAUSSIAN_20], ids=["laplace", "gaussian"])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.975])
def test_intervals_of_noise_hold_at_least_as_often_as_they_say(one: Noise, confidence: float) -> None:
    held = (abs(draw(one, DRAWS)) <= half_width(one, confidence)).mean()
    assert held >= confidence - 3 * math.sqrt(confidence * (1 - confidence) / DRAWS)


@pytest.mark.parametrize("scale", [0.3125, 1.0, 2.5, 17.0])
def test_a_gaussian_half_width_holds_by_the_exact_distribution(scale: float) -> None:
    weights = {x: math.exp(-x * x / (2 * scale * scale)) for x in range(-400, 401)}
    width = half_width(Noise(mechanism=Mechanism.GAUSSIAN, scale=scale), 0.95)
    inside = sum(weight for x, weight in weights.items() if abs(x) <= width)
    assert inside / sum(weights.values()) >= 0.95


def test_the_largest_score_is_chosen_more_often_but_never_surely() -> None:
    rows = np.zeros((2_000, 3), dtype=np.int64)
    rows[:, 1] = 4
    chosen = np.bincount(noisy_max(rows, sensitivity=1, epsilon=Decimal(1)), minlength=3) / 2_000
    assert chosen[1] > chosen[0] > 0
    # Moving one score by 1 changes any choice's chance by e at most: 4 of them by e^4.
    assert chosen[1] <= math.e**4 * (chosen[0] + 0.05)


class Counting:
    """A source whose numbers are all different, so that one used twice is seen."""

    def __init__(self) -> None:
        self._lock, self._next = threading.Lock(), 0

    def __call__(self, _: Noise, count: int) -> Draws:
        with self._lock:
            first, self._next = self._next, self._next + count
        return np.arange(first, first + count, dtype=np.int64)


def test_no_number_is_handed_out_twice_however_many_threads_ask() -> None:
    pool = Pool(Counting())
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda n: pool.take(LAPLACE_20, n % 97), range(600)))
    pool.close()
    numbers = np.concatenate(taken)
    assert len(numbers) == sum(n % 97 for n in range(600))
    assert len(set(numbers.tolist())) == len(numbers)


def test_the_pool_fills_while_nobody_waits_and_forgets_when_it_is_closed() -> None:
    pool = Pool(Counting())
    pool.take(LAPLACE_20, 1)
    deadline = time.monotonic() + 30
    while pool.held(LAPLACE_20) < KEPT and time.monotonic() < deadline:
        time.sleep(0.01)
    assert pool.held(LAPLACE_20) >= KEPT
    pool.close()
    assert pool.held(LAPLACE_20) == 0
    assert len(pool.take(LAPLACE_20, 5)) == 5
    assert repr(pool) == "Pool()"


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # this is about that danger
def test_a_forked_child_has_none_of_its_parent_s_numbers() -> None:
    pool = Pool(Counting())
    pool.take(LAPLACE_20, 1)
    while not pool.held(LAPLACE_20):
        time.sleep(0.01)
    child = os.fork()
    if child == 0:
        os._exit(0 if pool.held(LAPLACE_20) == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pool.close()


def test_pooled_noise_is_distributed_as_noise_drawn_now() -> None:
    pool = Pool(draw)
    pool.take(LAPLACE_20, 1)
    while pool.held(LAPLACE_20) < DRAWS:
        time.sleep(0.01)
    pooled = pool.take(LAPLACE_20, DRAWS)
    pool.close()
    assert _distance(pooled, draw(LAPLACE_20, DRAWS)) < 0.04
    assert _distance(pooled // 2, draw(LAPLACE_20, DRAWS)) > 0.1  # half the noise is told apart


def _distance(one: Draws, other: Draws) -> float:
    """Return the largest distance of two empirical distribution functions (Kolmogorov and Smirnov)."""
    points = np.sort(np.concatenate([one, other]))
    below = [np.searchsorted(np.sort(sample), points, side="right") / len(sample) for sample in (one, other)]
    return float(np.abs(below[0] - below[1]).max())
