"""The registration profile as post-processing: total, deterministic, and without rows only noise has."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from questions import VISITS, dataset_of

from sandbox.canonical import encode
from sandbox.policy.dataset import MOST_ROWS_PER_UNIT, TablePolicy
from sandbox.privacy.histogram import non_increasing
from sandbox.sources.profile import TruncationProfile, edges_for, noisy_profile, units_by_bin

CERTAIN = Decimal(1000)
"""An epsilon at which a single unit is significant."""


def table(max_rows: int = 5) -> TablePolicy:
    return dataset_of(VISITS, max_rows=max_rows).tables["visits"]


def profile(
    units: dict[int, int], *, max_rows: int = 5, epsilon: Decimal = CERTAIN, noise: int = 0
) -> TruncationProfile:
    """Return the profile of units by their number of rows, with the same noise in every empty bin."""
    edges = edges_for(table(max_rows))
    counts = [noise] * (len(edges) + 1)
    for rows, number in units.items():
        counts[next((i for i, edge in enumerate(edges) if rows <= edge), len(edges))] += number
    return TruncationProfile(edges=edges, counts=tuple(counts), max_rows=max_rows, epsilon=epsilon)


def test_the_edges_are_public_and_have_the_bound_among_them() -> None:
    assert edges_for(table(5))[:9] == (1, 2, 3, 4, 5, 6, 8, 12, 16)
    assert edges_for(table(5))[-1] == MOST_ROWS_PER_UNIT
    stored = table(5).model_copy(update={"stored_rows_per_unit": 37})
    assert set(edges_for(stored)) == {*edges_for(table(5)), 37}
    assert edges_for(table(4)) == tuple(edge for edge in edges_for(table(5)) if edge != 5)


def test_units_and_rows_are_those_of_the_bins() -> None:
    found = profile({1: 100, 2: 50, 4: 10, 6: 5})
    assert (found.units, found.units_over) == (165, 5)
    assert found.rows == 100 + 100 + 40 + 30
    assert [found.dropped(rows) for rows in (1, 2, 4, 5, 6)] == [105, 40, 10, 5, 0]
    assert found.kept(2) == 230


def test_units_of_a_wide_bin_are_spread_evenly_over_it() -> None:
    found = profile({16: 8})  # 13 to 16 rows
    assert found.rows == 8 * 14.5
    assert found.dropped(14) == 6  # of four units each, 15 and 16 rows lose 1 and 2


def test_noise_in_an_empty_bin_of_many_rows_adds_no_rows() -> None:
    quiet = profile({1: 5000, 2: 800}, epsilon=Decimal("0.5"))
    noisy = profile({1: 5000, 2: 800, 50_000: 2, 90_000: 9}, epsilon=Decimal("0.5"), noise=1)
    assert abs(noisy.rows - quiet.rows) < 20
    assert noisy.dropped(5) == 0


def test_a_real_crowd_of_units_with_many_rows_is_not_cut() -> None:
    found = profile({1: 5000, 300: 200}, epsilon=Decimal("0.5"))
    assert found.units_over == 200
    assert 40_000 < found.dropped(5) < 80_000


def test_negative_bins_vanish_without_lifting_the_total() -> None:
    counts = (1000, -40, 40, -40, 500)
    edges = (1, 2, 3, 4)
    found = TruncationProfile(edges=edges, counts=counts, max_rows=4, epsilon=Decimal("0.1"))
    assert found.units == 1460


@pytest.mark.parametrize(
    ("units", "share"),
    [({}, None), ({1: -3}, None), ({1: 10}, "0.00"), ({9: 10}, "1.00"), ({1: 93, 9: 7}, "0.07")],
)
def test_the_share_of_truncated_units_is_a_share_or_unknown(units: dict[int, int], share: str | None) -> None:
    assert profile(units).share_over == (None if share is None else Decimal(share))


@given(
    counts=st.lists(st.integers(-(10**6), 10**9), min_size=37, max_size=37),
    bounds=st.lists(st.integers(1, 200_000), min_size=2, max_size=5),
    epsilon=st.sampled_from([Decimal("0.000001"), Decimal("0.1"), Decimal(100)]),
)
def test_whatever_the_noise_more_rows_kept_means_fewer_lost_and_nothing_is_negative(
    counts: list[int], bounds: list[int], epsilon: Decimal
) -> None:
    edges = edges_for(table())
    found = TruncationProfile(
        edges=edges, counts=tuple(counts[: len(edges) + 1]), max_rows=5, epsilon=epsilon
    )
    lost = [found.dropped(bound) for bound in sorted(bounds)]
    assert all(left >= right >= 0 for left, right in pairwise(lost))
    assert all(found.kept(bound) + found.dropped(bound) == found.rows for bound in bounds)
    assert 0 <= found.units_over <= found.units <= found.rows
    assert TruncationProfile.from_document(json.loads(encode(found.to_document()))) == found


@given(st.lists(st.integers(-50, 50), max_size=12))
def test_the_projection_keeps_the_sum_and_moves_nothing_that_is_in_order(values: list[int]) -> None:
    found = non_increasing(values)
    assert sum(found) == sum(values)
    assert all(left >= right for left, right in pairwise(found))
    ordered = sorted(values, reverse=True)
    assert non_increasing(ordered) == ordered


def test_a_document_of_another_form_is_refused() -> None:
    document = profile({1: 3}).to_document()
    for wrong in ({"counts": [1]}, {"max_rows": 7}, {"edges": document["counts"]}):
        with pytest.raises(ValueError, match=r"profile|sort"):
            TruncationProfile.from_document({**document, **wrong})


def test_there_is_one_count_for_each_bin() -> None:
    assert units_by_bin(table(), [(0, 7), (3, 2)])[:5] == (7, 0, 0, 2, 0)
    with pytest.raises(ValueError, match="each bin"):
        noisy_profile([1, 2], table(), epsilon=CERTAIN)
