"""Made-up values and conditions over the columns of ``visits``, and rows for them, by Hypothesis."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from questions import DISTRICTS, HEALTH

from sandbox.policy.columns import type_of
from sandbox.policy.dataset import ColumnPolicy
from sandbox.policy.scope import WORDS, Name, Scope
from sandbox.query.expr import (
    All,
    Among,
    AnyOf,
    Arithmetic,
    Binary,
    Call,
    Case,
    Column,
    Compare,
    Constant,
    Like,
    Missing,
    Not,
    Operator,
    Part,
    Predicate,
    Scalar,
    ScalarFunction,
)
from sandbox.query.typed import Field

COLUMNS = {
    name: ColumnPolicy.model_validate(column)
    for name, column in HEALTH["visits"]["columns"].items()
    if name != "person_id"
}
FIELDS = {name: Field("visits", name, type_of(column)) for name, column in COLUMNS.items()}
SCOPE = Scope(names={("visits", name): Name(field=field, words=WORDS) for name, field in FIELDS.items()})
NUMBERS = ("cost", "change", "debt", "year")
FIRST = date(2023, 11, 5)
CODES = ["ab", "", "a\\b", "\\", "50%", "_b", "O'Hara", "é", "E"]


def values_of(name: str) -> st.SearchStrategy[Any]:
    """Make values of a column, NULL and the ends of its interval among them."""
    kind = FIELDS[name].type
    if name == "day":
        return st.none() | st.integers(0, 481).map(lambda n: FIRST + timedelta(days=n))
    if name == "code":
        return st.sampled_from([None, *CODES])
    if name not in {"cost", "change", "debt"}:
        return st.sampled_from([None, *(kind.values or ())])
    low, high = kind.low or 0, kind.high or 0
    ends = [value for value in (low, high, 0, -1, 1) if low <= value <= high]
    return st.none() | st.sampled_from(ends) | st.integers(low, high)


ROWS = st.fixed_dictionaries({("visits", name): values_of(name) for name in COLUMNS})
CONSTANTS = (st.sampled_from([0, 1, 2, 10, -3, 1000]) | st.decimals(-20, 20, places=2)).map(Constant)
ONE = [ScalarFunction.ABS, ScalarFunction.SIGN, ScalarFunction.FLOOR, ScalarFunction.CEIL]
SEVERAL = [ScalarFunction.LEAST, ScalarFunction.GREATEST, ScalarFunction.COALESCE]
LEAVES: st.SearchStrategy[Scalar] = (
    st.sampled_from(NUMBERS).map(Column)
    | CONSTANTS
    | st.sampled_from(list(Part)).map(lambda part: Call(ScalarFunction.EXTRACT, (Column("day"),), part))
    | st.just(Binary(Arithmetic.SUBTRACT, Column("day"), Constant(date(2024, 2, 29))))
)
TEXTS: st.SearchStrategy[Scalar] = st.sampled_from(["district", "code"]).map(Column)
DATES: st.SearchStrategy[Scalar] = st.just(Column("day")) | st.sampled_from(
    [part for part in Part if part is not Part.WEEKDAY]
).map(lambda part: Call(ScalarFunction.DATE_TRUNC, (Column("day"),), part))
PATTERNS = st.text("ab%_\\'éO", max_size=4)


def _tests(numbers: st.SearchStrategy[Scalar]) -> st.SearchStrategy[Predicate]:
    single = (
        st.builds(Compare, numbers, st.sampled_from(Operator), numbers)
        | st.builds(Compare, DATES, st.sampled_from(Operator), DATES | st.just(Constant(date(2024, 12, 30))))
        | st.builds(Missing, numbers | TEXTS | st.just(Column("urgent")))
        | st.builds(Like, TEXTS, PATTERNS)
        | st.sampled_from(DISTRICTS).map(
            lambda name: Compare(Column("district"), Operator.NE, Constant(name))
        )
        | st.sampled_from(CODES).map(lambda code: Among(Column("code"), ("ab", code)))
        | st.sampled_from([True, False]).map(
            lambda value: Compare(Column("urgent"), Operator.EQ, Constant(value))
        )
    )
    pairs = st.tuples(single, single)
    return single | single.map(Not) | pairs.map(All) | pairs.map(AnyOf) | pairs.map(lambda two: Not(All(two)))


def _wider(inner: st.SearchStrategy[Scalar]) -> st.SearchStrategy[Scalar]:
    return (
        st.builds(Binary, st.sampled_from(list(Arithmetic)), inner, inner)
        | st.builds(lambda f, a: Call(f, (a,)), st.sampled_from(ONE), inner)
        | st.builds(
            lambda a, n: Call(ScalarFunction.ROUND, (a, Constant(n))), inner, st.sampled_from([0, 1, 2])
        )
        | st.builds(lambda f, a, b: Call(f, (a, b)), st.sampled_from(SEVERAL), inner, inner)
        | st.builds(lambda a: Call(ScalarFunction.NULLIF, (a, Constant(0))), inner)
        | st.builds(
            lambda a, w: Call(ScalarFunction.BIN, (a, Constant(w))),
            inner,
            st.sampled_from([1, 7, Decimal("0.5")]),
        )
        | st.builds(lambda test, a, b: Case(((test, a),), b), _tests(inner), inner, inner)
    )


SCALARS = st.recursive(LEAVES, _wider, max_leaves=6)
"""Values that are numbers."""
TESTS = _tests(SCALARS)
CHOSEN = st.builds(
    lambda test, one, other: Case(((test, one),), other),
    TESTS,
    TEXTS,
    TEXTS | st.sampled_from(["O'Hara", "a\\b"]).map(Constant),
)
"""Values that are texts."""
VALUES = SCALARS | DATES | CHOSEN
