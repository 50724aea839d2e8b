"""Made-up questions: every kind of node of the algebra, as the reader would make it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise

from hypothesis import strategies as st

from sandbox.query.expr import (
    Aggregate,
    All,
    Among,
    AnyOf,
    Arithmetic,
    Binary,
    Call,
    Case,
    Column,
    Combination,
    Compare,
    Constant,
    Formula,
    Function,
    Having,
    HavingAll,
    HavingAny,
    Join,
    Key,
    Like,
    Literal,
    Missing,
    Not,
    Operator,
    Order,
    Output,
    Part,
    PerUnit,
    Predicate,
    Query,
    Rounded,
    Rows,
    Scalar,
    ScalarFunction,
    Source,
    Stacked,
    Table,
)

NAMES = st.sampled_from(["district", "service", "cost", "age_group", "sex", "visit_date", "year", "bin"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4
).map(lambda value: value or Decimal("0.0000"))
NUMBERS: st.SearchStrategy[int | Decimal] = st.integers(-(2**63), 2**63) | DECIMALS
LITERALS: st.SearchStrategy[Literal] = st.one_of(
    st.booleans(), NUMBERS, st.dates(min_value=date(1900, 1, 1)), TEXTS
)
CONSTANTS = LITERALS.map(Constant)
OPERATORS = st.sampled_from(Operator)
ONE = [
    ScalarFunction.ABS,
    ScalarFunction.SIGN,
    ScalarFunction.FLOOR,
    ScalarFunction.CEIL,
    ScalarFunction.ROUND,
]
MANY = [ScalarFunction.LEAST, ScalarFunction.GREATEST, ScalarFunction.COALESCE]
TWO_VALUES = [
    Function.COVAR_SAMP,
    Function.COVAR_POP,
    Function.CORR,
    Function.REGR_SLOPE,
    Function.REGR_INTERCEPT,
    Function.REGR_R2,
]
ONE_VALUE = [
    Function.SUM,
    Function.AVG,
    Function.VAR_SAMP,
    Function.VAR_POP,
    Function.STDDEV_SAMP,
    Function.STDDEV_POP,
    Function.MIN,
    Function.MAX,
]


@cache
def scalars(sources: tuple[str, ...] = ("",)) -> st.SearchStrategy[Scalar]:
    """Values of rows that come from ``sources``."""
    return terms(sources) | CONSTANTS


@cache
def terms(sources: tuple[str, ...] = ("",)) -> st.SearchStrategy[Scalar]:
    """Values of rows that are no constants."""
    columns = st.builds(Column, NAMES, st.sampled_from(sources))
    once = st.deferred(lambda: _larger(columns | CONSTANTS, columns))
    twice = st.deferred(lambda: _larger(columns | once, columns | once))
    return st.one_of(columns, columns, once, twice)


def _larger(
    inner: st.SearchStrategy[Scalar], variable: st.SearchStrategy[Scalar]
) -> st.SearchStrategy[Scalar]:
    results = inner | st.just(Constant(None))
    branch = st.tuples(_simple(variable, inner), results)
    part = st.sampled_from([part for part in Part if part is not Part.WEEKDAY])
    return st.one_of(
        st.builds(Binary, st.sampled_from(Arithmetic), inner, inner),
        st.builds(lambda value: Binary(Arithmetic.SUBTRACT, Constant(0), value), variable),
        st.builds(lambda function, value: Call(function, (value,)), st.sampled_from(ONE), inner),
        st.builds(
            lambda value, digits: Call(ScalarFunction.ROUND, (value, Constant(digits))),
            inner,
            st.integers(-12, 12),
        ),
        st.builds(
            lambda value, width: Call(ScalarFunction.BIN, (value, Constant(width))),
            inner,
            st.integers(1, 10**6) | st.decimals(Decimal("0.01"), 10**6, places=2),
        ),
        st.builds(
            lambda function, values: Call(function, tuple(values)),
            st.sampled_from(MANY),
            st.lists(inner, min_size=2, max_size=3),
        ),
        st.builds(lambda one, other: Call(ScalarFunction.NULLIF, (one, other)), inner, inner),
        st.builds(lambda value, of: Call(ScalarFunction.DATE_TRUNC, (value,), of), inner, part),
        st.builds(lambda value, of: Call(ScalarFunction.EXTRACT, (value,), of), inner, st.sampled_from(Part)),
        st.builds(Case, st.lists(branch, min_size=1, max_size=2).map(tuple), results),
    )


def _simple(
    variable: st.SearchStrategy[Scalar], values: st.SearchStrategy[Scalar]
) -> st.SearchStrategy[Predicate]:
    return st.one_of(
        st.builds(Compare, variable, OPERATORS, values),
        st.builds(Among, variable, st.lists(LITERALS, min_size=1, max_size=4).map(tuple)),
        st.builds(Missing, variable),
        st.builds(Like, variable, TEXTS),
    )


@cache
def predicates(sources: tuple[str, ...] = ("",)) -> st.SearchStrategy[Predicate]:
    """Conditions on rows that come from ``sources``."""
    simple = st.deferred(lambda: _simple(terms(sources), scalars(sources)))
    joined = st.deferred(lambda: _joined(simple))
    return st.one_of(simple, simple, joined, st.deferred(lambda: _joined(simple | joined)))


def _joined(inner: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(All, parts), st.builds(AnyOf, parts))


@cache
def aggregates(sources: tuple[str, ...] = ("",)) -> st.SearchStrategy[Aggregate]:
    """Aggregates of rows that come from ``sources``."""
    return st.deferred(lambda: _aggregates(sources))


def _aggregates(sources: tuple[str, ...]) -> st.SearchStrategy[Aggregate]:
    value = scalars(sources)
    column = st.builds(Column, NAMES, st.sampled_from(sources))
    where = st.none() | predicates(sources)
    fraction = st.integers(1, 9_999).map(lambda parts: (Decimal(parts) / 10_000).normalize())
    of_one = st.sampled_from(ONE_VALUE)
    return st.one_of(
        st.builds(lambda test: Aggregate(Function.COUNT_ROWS, (), test), where),
        st.builds(
            lambda of, test: Aggregate(Function.COUNT_VALUES, (of,), test),
            terms(sources),
            where,
        ),
        st.builds(lambda of, test: Aggregate(Function.COUNT_UNITS, (of,), test), column, where),
        st.builds(lambda function, of, test: Aggregate(function, (of,), test), of_one, value, where),
        st.builds(
            lambda function, y, x, test: Aggregate(function, (y, x), test),
            st.sampled_from(TWO_VALUES),
            value,
            value,
            where,
        ),
        st.builds(lambda of, test, p: Aggregate(Function.QUANTILE, (of,), test, p), value, where, fraction),
    )


@cache
def formulas(sources: tuple[str, ...]) -> st.SearchStrategy[Formula]:
    """Formulas that hold an aggregate."""
    arithmetic = st.sampled_from([kind for kind in Arithmetic if kind is not Arithmetic.MODULO])
    numbers = NUMBERS.map(Constant)

    def larger(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        return st.one_of(
            st.builds(Combination, arithmetic, inner, inner | numbers),
            st.builds(Combination, arithmetic, numbers, inner),
            st.builds(Rounded, inner, st.integers(-12, 12)),
        )

    one: st.SearchStrategy[Formula] = aggregates(sources)
    once = st.deferred(lambda: larger(one))
    return st.one_of(one, once, st.deferred(lambda: larger(once)))


@st.composite
def sources_of_rows(draw: st.DrawFn, alias: str, depth: int = 1) -> Source:
    """A table or sub-query of the name ``alias``."""
    kind = draw(st.sampled_from(["table", "rows", "unit", "stack"] if depth else ["table"]))
    if kind == "table":
        return Table(f"t_{alias}", alias)
    if kind == "stack":
        names = draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
        parts = [_rows(draw, "", names) for _ in range(draw(st.integers(2, 3)))]
        return Stacked(tuple(parts), alias)
    if kind == "rows":
        names = draw(st.lists(NAMES, max_size=2, unique=True))
        return _rows(draw, alias, names, star=not names or draw(st.booleans()))
    unit = Column("person_id")
    of_unit = st.builds(
        lambda function, of, test: Aggregate(function, (of,), test),
        st.sampled_from([Function.SUM, Function.AVG, Function.MIN, Function.MAX]),
        scalars(),
        st.none() | predicates(),
    )
    values = draw(st.lists(of_unit | st.just(Aggregate(Function.COUNT_ROWS)), min_size=1, max_size=2))
    outputs: tuple[tuple[str, Column | Aggregate], ...] = (
        ("pid", unit),
        *((f"v{number}", value) for number, value in enumerate(values)),
    )
    return PerUnit(Table("inner_table"), unit, outputs, draw(st.none() | predicates()), alias)


def _rows(draw: st.DrawFn, alias: str, names: list[str], *, star: bool = False) -> Rows:
    outputs = tuple((name, draw(scalars())) for name in names)
    return Rows(Table("inner_table"), outputs, draw(st.none() | predicates()), alias, star)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Questions as the reader makes them."""
    aliases = ["v", "p", "d"][: draw(st.integers(1, 3))]
    source = draw(sources_of_rows(aliases[0]))
    for left, right in pairwise(aliases):
        on = draw(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=2))
        pairs = tuple((Column(one, left), Column(other, right)) for one, other in on)
        source = Join(source, draw(sources_of_rows(right)), pairs, draw(st.booleans()))
    if isinstance(source, Table):
        source = Table(source.name)
    known = ("", *aliases) if len(aliases) > 1 else ("",)
    keys, sets = draw(_groupings(known))
    shown: list[Key | Output] = [Key(index, f"key_{index}") for index in range(len(keys))]
    shown += [
        Output(formula, f"out_{number}")
        for number, formula in enumerate(draw(st.lists(formulas(known), min_size=1, max_size=2)))
    ]
    outputs = tuple(draw(st.permutations(shown)))
    order = st.builds(Order, st.sampled_from([output.name for output in outputs]), st.booleans())
    return Query(
        source=source,
        outputs=outputs,
        keys=keys,
        sets=sets,
        where=draw(st.none() | predicates(known)),
        having=draw(st.none() | _conditions(known)),
        order=tuple(draw(st.lists(order, max_size=2))),
        limit=draw(st.none() | st.integers(1, 10_000)),
    )


@cache
def _conditions(sources: tuple[str, ...]) -> st.SearchStrategy[Having | HavingAll | HavingAny]:
    having = st.builds(Having, formulas(sources), OPERATORS, formulas(sources) | NUMBERS.map(Constant))
    parts = st.lists(having, min_size=2, max_size=2).map(tuple)
    return having | parts.map(HavingAll) | parts.map(HavingAny)


@st.composite
def _groupings(
    draw: st.DrawFn, sources: tuple[str, ...]
) -> tuple[tuple[Scalar, ...], tuple[tuple[int, ...], ...]]:
    """Keys and their sets, in the order that the reader gives them."""
    keys = tuple(dict.fromkeys(draw(st.lists(terms(sources), max_size=3))))
    if not keys or draw(st.booleans()):
        return keys, ()
    whole = tuple(range(len(keys)))
    subsets = draw(st.lists(st.lists(st.sampled_from(whole), unique=True), min_size=1, max_size=3))
    smaller = dict.fromkeys(tuple(sorted(subset)) for subset in subsets if len(subset) < len(whole))
    if not smaller:
        return keys, ()
    return keys, (whole, *sorted(smaller, key=len, reverse=True))
