"""Two tables side by side: what they tell together, and what rounding leaves open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.policy.grades import ReviewPolicy
from sandbox.review.disclosure.differencing import check
from sandbox.review.forms import Table, Thresholds
from sandbox.review.screen.screening import thresholds_of

THRESHOLDS = thresholds_of(ReviewPolicy())
DISTRICTS = Table(("district", "n"), (("Bei", "120"), ("Dong", "55")))


def codes(new: Table, *others: Table, thresholds: Thresholds = THRESHOLDS) -> set[str]:
    return {finding.code for finding in check(new, others, thresholds)}


def table(text: str) -> Table:
    header, *rows = (tuple(line.split(",")) for line in text.split())
    return Table(header, tuple(rows))


@pytest.mark.parametrize(
    ("new", "old", "found"),
    [
        ("district,n Bei,120 Dong,55", "district,n Bei,125 Dong,55", {"C19"}),
        ("区,人数 Bei,120 Dong,55", "district,n Bei,125 Dong,55", {"C19"}),
        ("district,mean,n Bei,3.5,120", "district,n Bei,125", {"C19"}),
        ("district,n Bei,120 Dong,55", "district,n Bei,120 Dong,55", set()),
        ("district,n Bei,120 Dong,55", "district,n Bei,135 Dong,55", {"C21"}),
        ("district,n Bei,120 Dong,55", "service,n gp,120 dental,55", set()),
        ("district,n Bei,120", "district,sex,n Bei,f,60 Bei,m,***", {"C20"}),
        ("district,sex,n Bei,f,60 Bei,m,***", "district,n Bei,120", {"C20"}),
        ("district,n Bei,65", "district,sex,n Bei,f,60", {"C20"}),
        ("district,sex,n Bei,f,60 Bei,m,60", "district,n Bei,120", set()),
        ("district,sex,n Bei,f,60 Bei,m,60", "district,n Bei,125", set()),
        ("district,sex,n Bei,f,60 Bei,m,40 Bei,x,***", "district,n Bei,105", set()),
        ("year,n 2019,120 2020,55", "year,n 2019,120 2020,60", {"C19"}),
        ("district,rate Bei,0.5", "district,rate Bei,0.4", set()),
    ],
)
def test_two_tables_are_found_where_they_tell_of_few(new: str, old: str, found: set[str]) -> None:
    assert codes(table(new), table(old)) == found


def test_the_cell_concerned_is_named_and_the_other_table_is_not() -> None:
    (finding,) = check(DISTRICTS, [table("district,n Bei,120 Dong,60")], THRESHOLDS)
    assert finding.where == "row 3, column n"
    assert "60" not in finding.sentence
    assert finding.fix


def test_a_cell_of_which_two_tables_tell_is_counted_once() -> None:
    other = table("district,n Bei,120 Dong,60")
    (finding,) = check(DISTRICTS, [other, other], THRESHOLDS)
    assert finding.sentence.endswith("cells concerned: 1.")


counts = st.integers(min_value=2, max_value=400).map(lambda number: number * 5)
named = st.dictionaries(st.sampled_from("abcdefgh"), counts, min_size=1, max_size=8)


@given(named)
def test_a_table_tells_nothing_new_beside_itself(cells: dict[str, int]) -> None:
    one = Table(("group", "n"), tuple((name, str(n)) for name, n in cells.items()))
    assert codes(one, one) == set()


@given(named, st.integers(min_value=0, max_value=7))
def test_one_person_fewer_is_found_wherever_rounding_shows_it(cells: dict[str, int], which: int) -> None:
    name = sorted(cells)[which % len(cells)]
    one = Table(("group", "n"), tuple((key, str(n)) for key, n in cells.items()))
    fewer = {**cells, name: cells[name] - 5}
    other = Table(("group", "n"), tuple((key, str(n)) for key, n in fewer.items()))
    assert codes(other, one) == codes(one, other) == {"C19"}


@given(st.lists(st.integers(min_value=10, max_value=500), min_size=1, max_size=8))
def test_rounding_alone_is_no_difference(numbers: list[int]) -> None:
    """True counts of a partition, each rounded, against their true sum, rounded: nobody is missing."""
    near = [5 * round(number / 5) for number in numbers]
    fine = Table(("group", "part", "n"), tuple(("a", f"p{i}", str(n)) for i, n in enumerate(near)))
    coarse = Table(("group", "n"), (("a", str(5 * round(sum(numbers) / 5))),))
    assert codes(fine, coarse) == codes(coarse, fine) == set()
