"""No accepted term can leave its interval: tried on random terms over random rows, ends included."""

from __future__ import annotations

from datetime import date

import pytest
from evaluation import Row, fits, value_of
from hypothesis import assume, given
from made_terms import FIELDS, ROWS, SCOPE, VALUES

from sandbox.errors import NotAnswerable
from sandbox.policy.terms import term_of
from sandbox.query import intervals
from sandbox.query.expr import (
    Arithmetic,
    Binary,
    Call,
    Column,
    Constant,
    Part,
    Scalar,
    ScalarFunction,
)
from sandbox.query.typed import LARGEST, Apply, Operation


@given(scalar=VALUES, row=ROWS)
def test_an_accepted_term_stays_within_its_interval_and_its_values(scalar: Scalar, row: Row) -> None:
    try:
        term = term_of(scalar, SCOPE)
    except NotAnswerable:
        assume(condition=False)
    assert fits(value_of(term, row), term.type), (value_of(term, row), term.type)


def test_the_check_finds_an_interval_that_is_too_narrow() -> None:
    wide = term_of(Binary(Arithmetic.ADD, Column("cost"), Column("cost")), SCOPE)
    assert isinstance(wide, Apply)
    narrow = Apply(wide.operation, wide.arguments, FIELDS["cost"].type)
    assert not fits(value_of(narrow, {("visits", "cost"): 999}), narrow.type)


@pytest.mark.parametrize("divisor", ["cost", "change", "year"])
def test_a_divisor_is_accepted_only_if_its_bounds_exclude_0(divisor: str) -> None:
    question = Binary(Arithmetic.DIVIDE, Constant(1), Column(divisor))
    if divisor == "year":
        assert term_of(question, SCOPE).type.nullable
        return
    with pytest.raises(NotAnswerable, match="divisor could be 0"):
        term_of(question, SCOPE)


def test_null_instead_of_0_makes_a_divisor_of_a_number_from_0_on() -> None:
    guarded = Call(ScalarFunction.NULLIF, (Column("cost"), Constant(0)))
    assert term_of(Binary(Arithmetic.DIVIDE, Constant(1), guarded), SCOPE).type.nullable


def test_what_could_leave_64_bits_is_refused() -> None:
    wide: Scalar = Column("cost")
    for _ in range(64):
        wide = Binary(Arithmetic.MULTIPLY, wide, Constant(1000))
    with pytest.raises(NotAnswerable, match="64 bits"):
        term_of(wide, SCOPE)


def test_the_largest_number_is_reached_so_the_limit_is_not_idle() -> None:
    assert intervals.number(-LARGEST, LARGEST).high == LARGEST
    with pytest.raises(NotAnswerable):
        intervals.number(0, LARGEST + 1)


def test_a_bin_has_the_public_values_that_its_bounds_reach() -> None:
    term = term_of(Call(ScalarFunction.BIN, (Column("cost"), Constant(25))), SCOPE)
    assert term.type.values == (0, 250, 500, 750)
    assert term.type.decimals == 1


def test_the_month_of_a_date_with_a_period_is_a_public_key() -> None:
    term = term_of(Call(ScalarFunction.DATE_TRUNC, (Column("day"),), Part.MONTH), SCOPE)
    assert term.type.values is not None
    assert (term.type.values[0], term.type.values[-1]) == (date(2023, 11, 1), date(2025, 2, 1))
    assert len(term.type.values) == 16


@given(row=ROWS)
def test_floors_of_negative_numbers_go_down_although_engines_cut(row: Row) -> None:
    term = term_of(Call(ScalarFunction.FLOOR, (Column("debt"),)), SCOPE)
    found = value_of(term, row)
    assert found == (None if row["visits", "debt"] is None else row["visits", "debt"] // 100)


def test_a_division_is_cut_towards_zero() -> None:
    term = intervals.cut(intervals.whole(-7), intervals.whole(2), decimals=0)
    assert term.operation is Operation.DIVIDE
    assert value_of(term, {}) == -3
