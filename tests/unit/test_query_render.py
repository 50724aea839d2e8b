"""A question written out is the same question; the template shows no value."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sandbox.canonical import digest_of, encode
from sandbox.query.expr import (
    Aggregate,
    All,
    Among,
    AnyOf,
    Compare,
    Function,
    Key,
    Literal,
    Missing,
    Not,
    Operator,
    Predicate,
    Query,
)
from sandbox.query.render import canonical, statement, template
from sandbox.query.sql import parse

NAMES = st.sampled_from(["district", "service", "cost", "age_group", "sex", "visit_date"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
LITERALS: st.SearchStrategy[Literal] = st.one_of(
    st.booleans(),
    st.integers(min_value=-(2**63), max_value=2**63),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4),
    st.dates(min_value=date(1900, 1, 1)),
    TEXTS,
)
SIMPLE: st.SearchStrategy[Predicate] = st.one_of(
    st.builds(Compare, NAMES, st.sampled_from(Operator), LITERALS),
    st.builds(Among, NAMES, st.lists(LITERALS, min_size=1, max_size=4).map(tuple)),
    st.builds(Missing, NAMES),
)
PREDICATES: st.SearchStrategy[Predicate] = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


@st.composite
def _queries(draw: st.DrawFn) -> Query:
    keys = draw(st.lists(NAMES, unique=True, max_size=3).map(tuple))
    functions = draw(st.lists(st.sampled_from(Function), min_size=1, max_size=4))
    aggregates = [
        Aggregate(function, None if function is Function.COUNT_ROWS else draw(NAMES), f"out_{number}")
        for number, function in enumerate(functions)
    ]
    shown = draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    written: list[Key | Aggregate] = [*(Key(key, key) for key in shown), *aggregates]
    outputs = draw(st.permutations(written))
    where = draw(st.one_of(st.none(), PREDICATES))
    return Query(table="visits", outputs=tuple(outputs), keys=keys, where=where)


@given(_queries())
def test_a_question_written_out_is_the_same_question(query: Query) -> None:
    assert parse(statement(query)) == query


@given(_queries())
def test_writing_out_keeps_the_digest(query: Query) -> None:
    assert encode(canonical(parse(statement(query)))) == encode(canonical(query))


@given(_queries())
def test_a_template_holds_no_text_value(query: Query) -> None:
    assert "'" not in template(query)


def test_a_template_hides_how_many_values_a_list_has() -> None:
    one = parse("SELECT COUNT(*) FROM t WHERE a IN (1)")
    two = parse("SELECT COUNT(*) FROM t WHERE a IN (1, 2)")
    assert template(one) == template(two) == "SELECT COUNT(*) AS count FROM t WHERE a IN (?)"


def test_the_spelling_of_a_number_does_not_change_the_digest() -> None:
    short, long = Compare("cost", Operator.EQ, Decimal("5.1")), Compare("cost", Operator.EQ, Decimal("5.10"))
    digests = {
        digest_of(canonical(Query("t", (Aggregate(Function.COUNT_ROWS, None, "n"),), (), where)))
        for where in (short, long)
    }
    assert len(digests) == 1


def test_values_of_different_types_give_different_digests() -> None:
    values: list[Literal] = [True, 1, "1", Decimal(1), date(2025, 1, 1), "2025-01-01"]
    outputs = (Aggregate(Function.COUNT_ROWS, None, "n"),)
    documents = [canonical(Query("t", outputs, (), Compare("a", Operator.EQ, value))) for value in values]
    assert len({digest_of(document) for document in documents}) == len(values)
