"""What a noisy histogram is taken to say."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from sandbox.privacy.histogram import estimated, significance
from sandbox.privacy.noise import noisy_counts

EPSILON = Decimal("0.5")


def test_pure_noise_is_taken_for_nothing_nearly_always() -> None:
    shown = sum(
        any(estimated(noisy_counts([0] * 37, sensitivity=1, epsilon=EPSILON), EPSILON)) for _ in range(400)
    )
    assert shown <= 40  # at most 20 are expected; 40 are 4 standard deviations more


@pytest.mark.parametrize("together", [1, 2, 4, 8])
def test_noise_of_neighbors_exceeds_its_threshold_as_seldom_as_is_claimed(together: int) -> None:
    bins, draws = 1, 20_000
    threshold = significance(bins, EPSILON, together=together)
    noise = noisy_counts([0] * (together * draws), sensitivity=1, epsilon=EPSILON)
    sums = [sum(noise[start : start + together]) for start in range(0, len(noise), together)]
    claimed = draws / (20 * 4 * bins)
    assert 0 < sum(part > threshold for part in sums) < claimed + 4 * claimed**0.5


def test_persons_spread_over_neighboring_bins_are_seen_together() -> None:
    few = [5000, 800, 0, 0, 12, 10, 12, 11, 9, 12, 10, 11, 0, 0, 0]
    found = estimated(few, EPSILON)
    assert max(few[2:]) < significance(len(few), EPSILON)
    assert sum(found[4:12]) == sum(few[4:12])
    assert not any(found[12:])


def test_a_large_bin_does_not_lend_its_weight_to_what_lies_beyond() -> None:
    found = estimated([5000, 9000, 3, 2, 4, 3, 0, 1, 2, 1], EPSILON)
    assert found == [5000, 9000, *[Fraction(0)] * 8]


def test_both_ends_are_cut_where_values_lie_in_the_middle() -> None:
    found = estimated([3, -2, 4, 500, 700, 3, 2], EPSILON, cut_start=True)
    assert found == [0, 0, 0, 500, 700, 0, 0]
    assert estimated([3, -2, 4, 500, 700, 3, 2], EPSILON)[0] > 0
