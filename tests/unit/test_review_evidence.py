"""Columns of evidence and masked counts below a total: what is found, and what is left in peace."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.policy.grades import ReviewPolicy
from sandbox.review.disclosure.checks import check_form
from sandbox.review.disclosure.recoverable import interval
from sandbox.review.forms import Table
from sandbox.review.screen.screening import thresholds_of

NEW = {"C5", "C6", "C8", "C11", "C18"}


def codes(text: str) -> set[str]:
    header, *rows = (tuple(line.split(",")) for line in text.split())
    found = check_form(Table(header, tuple(rows)), thresholds_of(ReviewPolicy()))
    return {finding.code for finding in found} & NEW


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("d,n,top1,top2,sum Bei,20,50,1,100", {"C5"}),
        ("d,n,top1,top2,sum Bei,20,-50,-1,-100", {"C5"}),
        ("d,n,top1,top2,sum Bei,20,40,27,100", {"C5"}),
        ("d,n,top1,top2,sum Bei,20,60,38,100", {"C5", "C6"}),
        ("d,n,top1,top2,sum Bei,20,40,26,100", set()),
        ("d,n,sum Bei,20,100", set()),
        ("d,n,distinct Bei,20,1", {"C8"}),
        ("d,n,distinct Bei,20,2", set()),
        ("model,n,dof ols,20,9", {"C11"}),
        ("模型,人数,自由度 ols,20,9", {"C11"}),
        ("model,n,dof ols,20,10", set()),
        ("d,n Bei,120 Dong,* total,160", {"C18"}),
        ("区,人数 Bei,120 Dong,* 合计,160", {"C18"}),
        ("d,n Bei,120 Dong,* Xi,* total,160", set()),
        ("d,n Bei,120 Dong,* Xi,* total,120", {"C18"}),
        ("d,n Bei,120 Dong,40 total,160", set()),
        ("d,n Bei,150 Dong,<10 Xi,<10 total,160", set()),
        ("d,n Bei,150 Dong,<10 Xi,<10 total,170", {"C18"}),
        ("d,n Bei,150 Dong,<10 Xi,* total,170", set()),
        ("d,n Bei,150 Dong,<10 Xi,<10 total,150", {"C18"}),
        ("d,n Bei,120 Dong,*", set()),
    ],
)
def test_evidence_and_totals_speak_at_their_limits_only(text: str, found: set[str]) -> None:
    assert codes(text) == found


@given(st.lists(st.integers(0, 400), min_size=2, max_size=8), st.data())
def test_the_interval_holds_every_masked_count_that_was_rounded_and_left_out(
    counts: list[int], data: st.DataObject
) -> None:
    masked = data.draw(st.sets(st.integers(0, len(counts) - 1), min_size=1))
    cells = ["*" if i in masked else str(5 * round(n / 5)) for i, n in enumerate(counts)]
    found = interval((*cells, str(5 * round(sum(counts) / 5))), total=len(counts), half=Decimal(2))
    assert found is not None
    assert all(found[0] <= counts[i] <= found[1] for i in masked)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=8))
def test_the_interval_holds_every_count_whose_mask_says_that_it_is_below_ten(counts: list[int]) -> None:
    cells = ["<10" if n < 10 else str(5 * round(n / 5)) for n in counts]
    found = interval((*cells, str(5 * round(sum(counts) / 5))), total=len(counts), half=Decimal(2))
    small = [n for n in counts if n < 10]
    assert (found is None) == (not small)
    assert found is None or all(found[0] <= n <= found[1] for n in small)
