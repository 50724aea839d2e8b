from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.privacy.loss import Loss
from sandbox.privacy.mechanism import (
    LARGEST_SCALE,
    SMALLEST_SCALE,
    Mechanism,
    Noise,
    NoiseTooLarge,
    gaussian,
    half_width,
    l2_distance,
    laplace,
    reach,
    tail,
    variance,
)

FINEST = Fraction(65, 64)
"""Widest step of the grid."""
EPSILONS = st.decimals(min_value="0.001", max_value="100", places=6)
SCALES = [2.0**-7, 0.25, 0.5, 1.0, 1.484375, 5.0, 20.25, 63.0, 64.0, 65.0, 100.0, 1024.0]


def pmf(noise: Noise) -> list[float]:
    """Return P(X = x) for x = 0, 1, ... by enumeration, straight from the definition."""
    if noise.mechanism is Mechanism.LAPLACE:
        weights = [math.exp(-x / noise.scale) for x in range(math.ceil(60 * noise.scale) + 1)]
    else:
        weights = [math.exp(-x * x / (2 * noise.scale**2)) for x in range(math.ceil(20 * noise.scale) + 1)]
    total = 2 * math.fsum(weights) - weights[0]
    return [weight / total for weight in weights]


def tails(noise: Noise) -> list[float]:
    """Return P(X >= m) for m = 0, 1, ..., added up from the smallest."""
    return list(accumulate(reversed(pmf(noise))))[::-1]


@pytest.fixture(params=[(m, s) for m in Mechanism for s in SCALES], ids=str)
def noise(request: pytest.FixtureRequest) -> Noise:
    return Noise(mechanism=request.param[0], scale=request.param[1])


@given(l1=st.integers(1, 2**40), epsilon=EPSILONS)
def test_a_laplace_scale_is_enough_and_less_than_a_grid_step_too_large(l1: int, epsilon: Decimal) -> None:
    needed = l1 / Fraction(epsilon)
    assert (
        needed <= Fraction(laplace(l1=l1, epsilon=epsilon).scale) < needed * FINEST * (1 + Fraction(1, 2**40))
    )


@given(l2_squared=st.integers(1, 2**70), epsilon=EPSILONS)
def test_a_gaussian_scale_is_enough_and_less_than_a_grid_step_too_large(
    l2_squared: int, epsilon: Decimal
) -> None:
    loss = Loss.of_pure(epsilon)
    needed = Fraction(l2_squared) / (2 * Fraction(loss.picorho, 10**12))
    square = Fraction(gaussian(l2_squared=l2_squared, loss=loss).scale) ** 2
    assert needed <= square < needed * FINEST**2 * (1 + Fraction(1, 2**40))


@given(l2_squared=st.integers(1, 2**120))
def test_a_distance_is_the_smallest_float_that_understates_nothing(l2_squared: int) -> None:
    distance = l2_distance(l2_squared)
    assert Fraction(math.nextafter(distance, 0)) ** 2 < l2_squared <= Fraction(distance) ** 2


@pytest.mark.parametrize("whole", [1, 2, 3, 20, 50, 100, 127, 128])
def test_a_whole_scale_that_is_on_the_grid_is_not_rounded_up(whole: int) -> None:
    assert laplace(l1=whole, epsilon=Decimal(1)).scale == whole
    assert gaussian(l2_squared=whole * whole, loss=Loss(10**12 // 2)).scale == whole


def test_questions_of_every_epsilon_share_few_scales() -> None:
    scales = {laplace(l1=1, epsilon=Decimal(step) / 10_000).scale for step in range(5_000, 10_001)}
    assert len(scales) == 65
    assert max(later / earlier for earlier, later in pairwise(sorted(scales))) <= 65 / 64


@pytest.mark.parametrize(
    "scale", [0.0, -1.0, math.inf, math.nan, 1.001, LARGEST_SCALE * 2, SMALLEST_SCALE / 2]
)
def test_a_scale_off_the_grid_is_no_noise(scale: float) -> None:
    with pytest.raises(ValueError, match="grid"):
        Noise(mechanism=Mechanism.LAPLACE, scale=scale)


def test_noise_at_the_end_of_64_bits_is_made_and_beyond_it_is_refused() -> None:
    assert laplace(l1=2**56, epsilon=Decimal(1)).scale == LARGEST_SCALE
    assert gaussian(l2_squared=2**112, loss=Loss(10**12 // 2)).scale == LARGEST_SCALE
    with pytest.raises(NoiseTooLarge):
        laplace(l1=2**56 + 1, epsilon=Decimal(1))
    with pytest.raises(NoiseTooLarge):
        gaussian(l2_squared=2**112 + 1, loss=Loss(10**12 // 2))
    with pytest.raises(NoiseTooLarge):
        laplace(l1=10**400, epsilon=Decimal(1))
    with pytest.raises(NoiseTooLarge):
        gaussian(l2_squared=10**800, loss=Loss(0))


@pytest.mark.parametrize("epsilon", [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity")])
def test_noise_for_no_loss_or_no_change_does_not_exist(epsilon: Decimal) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        laplace(l1=1, epsilon=epsilon)
    with pytest.raises(ValueError, match="at least 1"):
        gaussian(l2_squared=0, loss=Loss(1))


def test_tails_are_never_below_the_truth_and_a_hair_above_it(noise: Noise) -> None:
    hair = 1.01 if noise.scale > 64 else 1 + 1e-9
    for least, truth in enumerate(tails(noise)[: math.ceil(6 * noise.scale) + 2]):
        bound = tail(noise, least) if least else 1
        assert truth * (1 - 1e-10) <= bound
        assert bound <= truth * hair or least <= noise.scale + 0.5 or truth < 1e-200


@pytest.mark.parametrize("confidence", [0.7, 0.9, 0.95, 0.975, 0.999, 1 - 1e-9])
def test_half_widths_are_those_of_an_enumeration(noise: Noise, confidence: float) -> None:
    exact = next(t for t, chance in enumerate(tails(noise)[1:]) if 2 * chance <= 1 - confidence)
    assert half_width(noise, confidence) == exact


def test_a_width_for_many_together_is_the_union_bound(noise: Noise) -> None:
    assert half_width(noise, 0.95, together=100) == half_width(noise, 1 - 0.05 / 100)


def test_variances_are_those_of_an_enumeration(noise: Noise) -> None:
    exact = 2 * math.fsum(x * x * chance for x, chance in enumerate(pmf(noise)))
    assert variance(noise) == pytest.approx(exact, rel=1e-9, abs=1e-30)


@pytest.mark.parametrize("mechanism", Mechanism)
def test_a_reach_is_the_first_at_which_the_tail_is_small_enough(mechanism: Mechanism) -> None:
    largest = Noise(mechanism=mechanism, scale=LARGEST_SCALE)
    for chance in (0.4, 1e-3, 1e-15, 1e-290):
        m = reach(largest, chance)
        assert tail(largest, m) <= chance < tail(largest, m - 2**10)


@pytest.mark.parametrize("chance", [0.0, 1.0, -1.0, math.nan, 1e-301])
def test_a_chance_that_floats_cannot_bound_is_refused(chance: float) -> None:
    with pytest.raises(ValueError, match="chance"):
        reach(Noise(mechanism=Mechanism.LAPLACE, scale=1.0), chance)
