"""A masked row of a reviewed answer cannot be computed from the rows that are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.reviewed.plan import Row
from sandbox.reviewed.read import Found
from sandbox.reviewed.rules import Rules, Together, Use, failures
from sandbox.reviewed.suppress import Mask, masks_of
from sandbox.sources.contributions import Contributed

RULES = Rules(min_units=10, round_to=5, significant_digits=4)
COUNTED, SUMMED = Use(summed=False, spread=False), Use(summed=True, spread=False)
Persons = Sequence[int]
"""What each person of one cell contributes; nobody is in two cells."""
Groups = Mapping[tuple[int, int], Persons]


def behind(people: Iterable[int]) -> Contributed:
    sizes = sorted(people, reverse=True)
    top, second, *_ = [*sizes, 0, 0]
    return Contributed(
        units=len(sizes),
        rows=len(sizes),
        total=sum(sizes),
        squares=sum(size * size for size in sizes),
        size=sum(sizes),
        top=top,
        second=second,
        values=min(2, len(set(sizes))),
    )


def cube(groups: Groups) -> Found:
    """Return the rows of a table with all its totals."""
    across, down = ({cell[index] for cell in groups} for index in (0, 1))
    found = []
    for keys in ((0, 1), (0,), (1,), ()):
        values = [sorted(axis) if index in keys else [None] for index, axis in enumerate((across, down))]
        for cell in product(*values):
            inside = [
                person
                for group, people in groups.items()
                if all(cell[index] == group[index] for index in keys)
                for person in people
            ]
            found.append((Row(cell=cell, keys=keys), (behind(inside),)))
    return tuple(found)


def equations(found: Found, masks: Sequence[Mask | None]) -> tuple[list[int], list[list[Fraction]]]:
    """Return the masked groups, and the rows of 0 and 1 that the shown totals tell about them."""
    groups = [place for place, (row, _) in enumerate(found) if row.keys == (0, 1)]
    unknown = [place for place in groups if masks[place] is not None]
    told = []
    for place, (row, _) in enumerate(found):
        if masks[place] is None and row.keys != (0, 1):
            members = [found[one][0].cell for one in unknown]
            told.append([Fraction(all(row.cell[i] == cell[i] for i in row.keys)) for cell in members])
    return unknown, told


def echelon(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    """Return the reduced row echelon form, rows of zeros left out."""
    rows, made = [row[:] for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((row for row in range(made, len(rows)) if rows[row][column]), None)
        if pivot is None:
            continue
        rows[made], rows[pivot] = rows[pivot], rows[made]
        rows[made] = [value / rows[made][column] for value in rows[made]]
        for row in range(len(rows)):
            if row != made and rows[row][column]:
                factor = rows[row][column]
                rows[row] = [one - factor * other for one, other in zip(rows[row], rows[made], strict=True)]
        made += 1
    return rows[:made]


def range_of(place: int, unknown: Sequence[int], told: list[list[Fraction]], found: Found) -> tuple[int, int]:
    """Return the least and the largest number of persons that a masked group may have, by all that is told.

    Every whole number is tried: from what is told follows a system of at most a few equations, and the
    groups that stand in none of them may have any number.
    """
    index = unknown.index(place)
    columns = [[row[one] for row in told] for one in range(len(unknown))]
    sums = [
        sum((found[one][1][0].units * row[at] for at, one in enumerate(unknown)), Fraction(0)) for row in told
    ]
    if not any(columns[index]):
        return 0, 10**9
    rest = [column for at, column in enumerate(columns) if at != index]
    possible = [
        number
        for number in range(int(max(sums)) + 1)
        if reachable([total - number * one for total, one in zip(sums, columns[index], strict=True)], rest)
    ]
    return min(possible), max(possible)


def reachable(sums: list[Fraction], columns: list[list[Fraction]]) -> bool:
    """Return whether numbers from 0 on, one for each column, give these sums; columns hold 0 and 1."""
    if any(total < 0 for total in sums):
        return False
    used = sorted({tuple(column) for column in columns if any(column)}, reverse=True)
    return _reachable(tuple(sums), used)


def _reachable(sums: tuple[Fraction, ...], columns: list[tuple[Fraction, ...]]) -> bool:
    if not columns:
        return not any(sums)
    first, *others = columns
    most = min(int(total) for total, one in zip(sums, first, strict=True) if one)
    return any(
        _reachable(tuple(total - n * one for total, one in zip(sums, first, strict=True)), others)
        for n in range(most + 1)
    )


PEOPLE = st.one_of(
    st.lists(st.integers(1, 9), max_size=9),
    st.lists(st.integers(1, 50), min_size=10, max_size=25),
    st.lists(st.integers(1, 9), min_size=11, max_size=20).map(lambda small: [700, *small]),
)
TABLES = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(
    lambda size: st.fixed_dictionaries(dict.fromkeys(product(range(size[0]), range(size[1])), PEOPLE))
)


@settings(deadline=None, max_examples=300)
@given(TABLES, st.sampled_from([COUNTED, SUMMED]))
def test_no_shown_row_fails_a_rule(groups: Groups, use: Use) -> None:
    found = cube(groups)
    for (_, (cell,)), mask in zip(found, masks_of(found, [use], RULES), strict=True):
        assert mask is not None or not list(failures(cell, use, RULES))


def weakest(groups: Groups, use: Use) -> int | None:
    """Return the least width of the range of persons that is left of a masked group; None without one."""
    found = cube(groups)
    masks = masks_of(found, [use], RULES)
    unknown, told = equations(found, masks)
    known = echelon(told)
    assert not [row for row in known if sum(map(bool, row)) == 1]  # no masked group follows exactly
    widths = []
    for place in unknown:
        low, high = range_of(place, unknown, known, found)
        assert low == 0
        widths.append(high - low)
    return min(widths, default=None)


@settings(deadline=None, max_examples=300)
@given(TABLES, st.sampled_from([COUNTED, SUMMED]))
def test_a_masked_group_may_be_anything_from_nothing_to_the_least_number_at_the_least(
    groups: Groups, use: Use
) -> None:
    width = weakest(groups, use)
    assert width is None or width >= RULES.least


@settings(deadline=None, max_examples=300)
@given(TABLES)
def test_what_the_totals_tell_of_masked_groups_together_fulfils_every_rule(
    groups: Groups,
) -> None:
    found = cube(groups)
    unknown, told = equations(found, masks_of(found, [SUMMED], RULES))
    for row in echelon(told):
        together = [
            person
            for place, one in zip(unknown, row, strict=True)
            if one
            for person in groups[found[place][0].cell]  # type: ignore[index]  # a group has all its keys
        ]
        assert not list(failures(behind(together), SUMMED, RULES))


def test_the_harness_finds_a_small_group_beside_its_shown_total(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {(0, 0): [1, 2, 3], (0, 1): list(range(1, 20)), (1, 0): [5] * 20, (1, 1): [5] * 15}
    assert weakest(groups, COUNTED) is not None
    monkeypatch.setattr(Together, "may_be_known", True)  # the sum of the masked groups, whatever it is
    with pytest.raises(AssertionError):
        weakest(groups, COUNTED)


def test_one_small_group_is_hidden_beside_the_smallest_that_hides_as_few_totals() -> None:
    groups = {(0, 0): [1, 2, 3], (0, 1): [2] * 12, (1, 0): [5] * 11, (1, 1): [5] * 15}
    found = cube(groups)
    masks = dict(zip([row.cell for row, _ in found], masks_of(found, [COUNTED], RULES), strict=True))
    assert {cell: mask.reason for cell, mask in masks.items() if mask} == {
        (0, 0): "primary",
        (1, 0): "secondary",
        (0, None): "total",
        (1, None): "total",
    }


def test_where_every_group_is_small_the_total_of_all_is_masked_too() -> None:
    found = cube({(0, 0): [1], (0, 1): [2, 3], (1, 0): [4], (1, 1): [5]})
    assert all(masks_of(found, [COUNTED], RULES))


def test_a_table_without_totals_masks_what_fails_and_nothing_else() -> None:
    cells = [[1, 2], [3] * 12, list(range(1, 30)), [1000, *range(1, 30)]]
    found: Found = tuple(
        (Row(cell=(number,), keys=(0,)), (behind(people),)) for number, people in enumerate(cells)
    )
    masks = masks_of(found, [SUMMED], RULES)
    assert [mask and mask.codes for mask in masks] == [("C1", "C5", "C6"), ("C8",), None, ("C5",)]


def test_a_spread_needs_more_persons_than_a_count() -> None:
    cell, spread = behind(range(1, 11)), Use(summed=True, spread=True)
    assert list(failures(cell, SUMMED, RULES)) == []
    assert list(failures(cell, spread, RULES)) == ["C11"]


def test_the_least_number_is_one_that_rounding_does_not_bring_below_it() -> None:
    assert Rules(min_units=7, round_to=5, significant_digits=4).least == 10
    assert Rules(min_units=10, round_to=5, significant_digits=4).least == 10
