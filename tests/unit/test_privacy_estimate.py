"""Formulas over noisy numbers: the values, and intervals that hold whatever the parts are."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.privacy.estimate import (
    Combined,
    Estimate,
    Estimator,
    Known,
    Noisy,
    Root,
    Rounded,
    Within,
    evaluate,
    leaves,
)
from sandbox.query.expr import Arithmetic

X, Y = Noisy(0, Fraction(1)), Noisy(1, Fraction(1))
NUMBERS = st.fractions(-1000, 1000, max_denominator=100)
OPERATORS = st.sampled_from([o for o in Arithmetic if o is not Arithmetic.MODULO])


def _wider(inner: st.SearchStrategy[Estimator]) -> st.SearchStrategy[Estimator]:
    return (
        st.builds(Combined, OPERATORS, inner, inner)
        | st.builds(Root, inner)
        | st.builds(Rounded, inner, st.integers(0, 3))
        | st.builds(lambda of: Within(of, Fraction(-5), Fraction(7)), inner)
    )


ESTIMATORS = st.recursive(st.sampled_from([X, Y]) | NUMBERS.map(Known), _wider, max_leaves=6)


def exactly(*values: Fraction) -> Estimate:
    return Estimate(values[0], values[0], values[0])


@given(
    estimator=ESTIMATORS,
    truth=st.tuples(NUMBERS, NUMBERS),
    noise=st.tuples(NUMBERS, NUMBERS),
    slack=st.tuples(st.fractions(0, 9), st.fractions(0, 9)),
)
def test_an_interval_holds_the_true_result_whenever_the_parts_hold_theirs(
    estimator: Estimator,
    truth: tuple[Fraction, Fraction],
    noise: tuple[Fraction, Fraction],
    slack: tuple[Fraction, Fraction],
) -> None:
    def noisy(leaf: object) -> Estimate:
        assert isinstance(leaf, Noisy)
        seen = truth[leaf.index] + noise[leaf.index]
        width = abs(noise[leaf.index]) + slack[leaf.index]
        return Estimate(seen, seen - width, seen + width)

    right = evaluate(estimator, lambda leaf: exactly(truth[leaf.index])).value
    found = evaluate(estimator, noisy)
    if right is not None:
        tolerance = Fraction(1, 10**6)  # of square roots, which are rounded down as values
        assert found.low is None or found.low <= right + tolerance
        assert found.high is None or found.high >= right - tolerance


def test_a_quotient_by_what_may_be_0_has_no_ends() -> None:
    ratio = Combined(Arithmetic.DIVIDE, X, Y)
    parts = {
        0: Estimate(Fraction(4), Fraction(3), Fraction(5)),
        1: Estimate(Fraction(2), Fraction(-1), Fraction(5)),
    }
    assert evaluate(ratio, lambda leaf: parts[leaf.index]) == Estimate(Fraction(2), None, None)


def test_a_quotient_by_0_is_empty() -> None:
    ratio = Combined(Arithmetic.DIVIDE, X, Known(Fraction(0)))
    assert evaluate(ratio, lambda _: exactly(Fraction(1))).value is None


def test_an_average_over_no_row_is_empty_and_its_interval_is_the_bounds() -> None:
    rows = Within(Y, Fraction(1), None, empty_below=True)
    mean = Within(Combined(Arithmetic.DIVIDE, X, rows), Fraction(-2), Fraction(3))
    parts = {
        0: Estimate(Fraction(9), Fraction(-50), Fraction(50)),
        1: Estimate(Fraction(0), Fraction(-9), Fraction(9)),
    }
    assert evaluate(mean, lambda leaf: parts[leaf.index]) == Estimate(None, Fraction(-2), Fraction(3))


@pytest.mark.parametrize("value", [0, 1, 2, 10, 144, 0.25, 12345.678])
def test_a_root_encloses_the_real_one(value: float) -> None:
    found = evaluate(Root(X), lambda _: exactly(Fraction(value)))
    assert found.low is not None
    assert found.high is not None
    assert found.low**2 <= Fraction(value) <= found.high**2
    assert math.isclose(float(found.high), math.sqrt(value), abs_tol=1e-9)


def test_leaves_are_counted_once_each_by_their_place() -> None:
    square = Combined(Arithmetic.MULTIPLY, X, X)
    assert list(leaves(square)) == [X, X]
    assert len(set(leaves(square))) == 1
