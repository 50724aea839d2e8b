from __future__ import annotations

import math
import statistics
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import VISITS, dataset_of, plan_of

from sandbox.privacy import noise
from sandbox.privacy.accuracy import half_width
from sandbox.privacy.noise import SATURATION, NoiseFault, add_noise, noisy_counts
from sandbox.privacy.plan import LARGEST_SCALE, ExactCells, Plan, noise_scale

DRAWS = 20_000
COUNTED = plan_of("SELECT COUNT(*) FROM visits", dataset_of(VISITS))


def with_scale(plan: Plan, scale: float) -> Plan:
    return replace(plan, measurements=(replace(plan.measurements[0], scale=scale),))


def test_the_spread_of_the_noise_is_that_of_its_scale() -> None:
    drawn = noisy_counts([0] * DRAWS, sensitivity=20, epsilon=Decimal(1))
    assert statistics.pstdev(drawn) == pytest.approx(20 * math.sqrt(2), rel=0.05)
    assert abs(statistics.fmean(drawn)) < 5 * 20 * math.sqrt(2 / DRAWS)


def test_noise_is_whole_numbers() -> None:
    assert {type(value) for value in noisy_counts([1, 2, 3], sensitivity=1, epsilon=Decimal("0.1"))} == {int}


@given(
    sensitivity=st.integers(1, 2**53),
    epsilon=st.decimals(min_value="0.000001", max_value="100", places=12),
)
@settings(max_examples=200, deadline=None)
def test_the_scale_never_costs_more_than_its_epsilon(sensitivity: int, epsilon: Decimal) -> None:
    mechanism = noise._mechanism(noise_scale(sensitivity, epsilon))
    assert Decimal(mechanism.map(sensitivity)) <= epsilon


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_a_scale_that_is_no_noise_is_refused(scale: float) -> None:
    with pytest.raises(NoiseFault):
        add_noise(ExactCells(with_scale(COUNTED, scale), ((1,),)))


def test_less_noise_than_was_paid_for_is_refused() -> None:
    half = with_scale(COUNTED, COUNTED.measurements[0].scale / 2)
    with pytest.raises(NoiseFault):
        add_noise(ExactCells(half, ((1,),)))


def test_a_sensitivity_of_nothing_is_refused() -> None:
    with pytest.raises(NoiseFault):
        noisy_counts([1], sensitivity=0, epsilon=Decimal(1))


def test_values_beyond_the_saturation_are_saturated_and_do_not_overflow() -> None:
    high, low = noisy_counts([10**30, -(10**30)], sensitivity=2**53, epsilon=Decimal("0.125"))
    assert abs(high - SATURATION) < 60 * LARGEST_SCALE
    assert abs(low + SATURATION) < 60 * LARGEST_SCALE


def test_noise_beyond_64_bits_stops_at_their_ends() -> None:
    drawn = noisy_counts([0] * 100, sensitivity=2**53, epsilon=Decimal("0.000001"))
    assert {min(drawn), max(drawn)} == {-(2**63), 2**63 - 1}


def test_intervals_of_noise_hold_at_least_as_often_as_they_say() -> None:
    measurement = replace(COUNTED.measurements[0], scale=noise_scale(4, Decimal("0.5")))
    drawn = noisy_counts([0] * DRAWS, sensitivity=4, epsilon=Decimal("0.5"))
    held = sum(abs(value) <= half_width(measurement) for value in drawn) / DRAWS
    assert 0.95 - 3 * math.sqrt(0.95 * 0.05 / DRAWS) <= held <= 0.98
