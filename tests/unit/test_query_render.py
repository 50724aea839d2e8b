"""A question written out is the same question; the template shows no value of a row."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from questions_made import queries

from sandbox.canonical import digest_of, encode
from sandbox.query.expr import (
    Aggregate,
    Column,
    Compare,
    Constant,
    Function,
    Literal,
    Operator,
    Output,
    Query,
    Table,
)
from sandbox.query.render import canonical, statement, template
from sandbox.query.sql import parse

SLOW = [HealthCheck.too_slow]  # a question has many parts, and the machine may be busy
COUNT = (Output(Aggregate(Function.COUNT_ROWS), "n"),)


@settings(suppress_health_check=SLOW)
@given(queries())
def test_a_question_written_out_is_the_same_question_with_the_same_digest(query: Query) -> None:
    again = parse(statement(query))
    assert again == query
    assert encode(canonical(again)) == encode(canonical(query))


@settings(max_examples=50, suppress_health_check=SLOW)
@given(queries())
def test_a_template_holds_no_text_value(query: Query) -> None:
    shown = template(query)
    for part in ("year", "quarter", "month", "week", "day"):
        shown = shown.replace(f"DATE_TRUNC('{part}'", "")
    assert "'" not in shown


def test_a_template_hides_how_many_values_a_list_has() -> None:
    one = parse("SELECT COUNT(*) FROM t WHERE a IN (1)")
    two = parse("SELECT COUNT(*) FROM t WHERE a IN (1, 2)")
    assert template(one) == template(two) == "SELECT COUNT(*) AS count FROM t WHERE a IN (?)"


def test_a_template_keeps_what_is_done_to_the_noisy_numbers() -> None:
    query = parse(
        "SELECT BIN(cost, 10) AS bin, ROUND(100 * SUM(cost + 7) / COUNT(*), 1) AS v, "
        "QUANTILE(cost, 0.9) AS q FROM t WHERE name LIKE 'A%' GROUP BY bin HAVING COUNT(*) > 20 LIMIT 3"
    )
    assert template(query) == (
        "SELECT BIN(cost, 10) AS bin, ROUND(100 * SUM(cost + ?) / COUNT(*), 1) AS v, "
        "QUANTILE(cost, 0.9) AS q FROM t WHERE name LIKE ? "
        "GROUP BY BIN(cost, 10) HAVING COUNT(*) > 20 LIMIT 3"
    )


def _where(value: Literal) -> Query:
    return Query(Table("t"), COUNT, where=Compare(Column("a"), Operator.EQ, Constant(value)))


def test_the_spelling_of_a_number_does_not_change_the_digest() -> None:
    short, long = _where(Decimal("5.1")), _where(Decimal("5.10"))
    assert digest_of(canonical(short)) == digest_of(canonical(long))


def test_values_of_different_types_give_different_digests() -> None:
    values: list[Literal] = [True, 1, "1", Decimal(1), date(2025, 1, 1), "2025-01-01"]
    assert len({digest_of(canonical(_where(value))) for value in values}) == len(values)
