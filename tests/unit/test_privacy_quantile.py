"""Quantiles by selection: distances, candidates, and how far one row moves them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.privacy.quantile import Candidates, scores, step
from sandbox.query.typed import Field, Kind, Type

FRACTIONS = st.sampled_from([Decimal(p) for p in ("0.01", "0.25", "0.5", "0.9", "0.9999")])
BINS = st.lists(st.integers(0, 50), min_size=2, max_size=12)


def field(low: int, high: int, decimals: int = 0) -> Field:
    kind = Type(kind=Kind.NUMBER, nullable=True, low=low, high=high, decimals=decimals)
    return Field("t", "x", kind)


@given(bins=BINS, at=st.integers(0, 11), fraction=FRACTIONS, shift=st.integers(-(10**6), 10**6))
def test_one_row_moves_no_distance_by_more_than_is_claimed(
    bins: list[int], at: int, fraction: Decimal, shift: int
) -> None:
    before = np.array([bins], dtype=np.int64)
    after = before.copy()
    after[0, at % len(bins)] += 1
    moved = np.abs(scores(after, fraction, shift=shift) - scores(before, fraction, shift=shift))
    assert moved.max() <= step(fraction)


def test_the_claim_is_reached() -> None:
    before = np.array([[5, 0, 5]], dtype=np.int64)
    after = before + np.array([[1, 0, 0]])
    moved = scores(after, Decimal("0.01")) - scores(before, Decimal("0.01"))
    assert np.abs(moved).max() == step(Decimal("0.01"))


@given(bins=BINS.filter(any), fraction=FRACTIONS)
def test_the_bin_that_holds_the_quantile_has_distance_0(bins: list[int], fraction: Decimal) -> None:
    rank = sum(bins) * fraction
    held = next(i for i in range(len(bins)) if sum(bins[: i + 1]) >= rank)
    assert scores(np.array([bins], dtype=np.int64), fraction)[0, held] == 0


@given(bins=BINS.filter(any), fraction=FRACTIONS, reach=st.integers(1, 10**6))
def test_a_target_moved_down_always_has_a_candidate_and_none_of_its_best_lies_above(
    bins: list[int], fraction: Decimal, reach: int
) -> None:
    found = scores(np.array([bins], dtype=np.int64), fraction, shift=-2 * reach)[0]
    assert found.max() == 0
    right = next(i for i in range(len(bins)) if sum(bins[: i + 1]) >= sum(bins) * fraction)
    near = [i for i in range(len(bins)) if found[i] >= -2 * reach]
    assert all(sum(bins[:i]) <= sum(bins) * fraction for i in near)
    assert min(near) <= right


@pytest.mark.parametrize(("low", "high"), [(0, 9), (-50, 20), (0, 999), (0, 200_000), (-7, 1_000_003)])
@pytest.mark.parametrize("groups", [1, 12, 10_000])
def test_bins_cover_the_bounds_and_are_few(low: int, high: int, groups: int) -> None:
    bins = Candidates.of(field(low, high), groups)
    assert bins.count * groups <= max(200_000, groups)
    assert bins.value(0, 0, end=-1) == low
    assert bins.value(bins.count - 1, 0, end=1) == high
    assert len(bins.keys) == bins.count


def test_a_candidate_of_one_value_is_that_value_and_a_wider_one_its_middle() -> None:
    assert Candidates(low=-5, width=1, count=9, high=3).value(2, 1) == Fraction(-3, 10)
    assert Candidates(low=0, width=10, count=9, high=99).value(2, 0) == Fraction(49, 2)
