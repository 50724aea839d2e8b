"""A compiled scan means on every engine what the algebra says, number for number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from evaluation import extracted, truncated
from hypothesis import HealthCheck, find, given, settings
from reference import result
from scan_engines import Engine, opened
from sqlglot import exp
from typed_questions import DATE, TEXT, TEXTS, TRUNCATED, number, scans, table, tables

from sandbox.privacy.scan import Scan, Statistic, StatisticKind
from sandbox.query.expr import Operator, Part
from sandbox.query.typed import (
    Apply,
    Comparison,
    Conjunction,
    Disjunction,
    Field,
    Matches,
    Operation,
    Term,
    Value,
)
from sandbox.sources import terms
from sandbox.sources.terms import Dialect

EXAMPLES = {Dialect.DUCKDB: 60, Dialect.POSTGRES: 40, Dialect.SPARK: 6}
HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
ROWS = Statistic(kind=StatisticKind.ROWS, max_rows=4)
DAY = Field("v", "d", DATE)
WIDE = Field("v", "w", number(-(2**60), 2**60))
NUMBER = number(-(2**30), 2**30)


@pytest.fixture(
    scope="module",
    params=[Dialect.DUCKDB, Dialect.POSTGRES, pytest.param(Dialect.SPARK, marks=pytest.mark.spark)],
)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with opened(request.param) as running:
        yield running


def typed(rows: Iterable[tuple[Any, ...]]) -> Counter[tuple[tuple[str, object], ...]]:
    """Count rows, telling TRUE from 1; an engine's wide whole numbers are decimals."""
    whole = ([int(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in rows)
    return Counter(tuple((type(cell).__name__, cell) for cell in row) for row in whole)


def test_a_scan_means_what_the_algebra_says(engine: Engine) -> None:
    kept = tables()

    @settings(max_examples=EXAMPLES[engine.dialect], deadline=None, suppress_health_check=HEALTH)
    @given(scans())
    def holds(scan: Scan) -> None:
        assert typed(engine.result(scan)) == typed(result(scan, kept))

    holds()


def test_a_floor_in_place_of_a_cut_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def floor(left: exp.Expr, right: exp.Expr, _dialect: Dialect) -> exp.Expr:
        divided = exp.Anonymous(this="floor", expressions=[exp.Div(this=left, expression=right)])
        return exp.Cast(this=divided, to=exp.DataType.build("bigint"))

    kept = tables()
    monkeypatch.setattr(terms, "divided", floor)
    with opened(Dialect.DUCKDB) as duckdb:
        found = find(
            scans(),
            lambda scan: typed(duckdb.result(scan)) != typed(result(scan, kept)),
            settings=settings(max_examples=5000, database=None, suppress_health_check=HEALTH),
        )
    assert Operation.DIVIDE.name in repr(found)


def test_every_text_is_itself_and_no_other(engine: Engine) -> None:
    for text in TEXTS:
        same = Comparison(Value(text, TEXT), Operator.EQ, Field("v", "t", TEXT))
        scan = Scan(source=table("visits", "v", 4), where=same, keys=(same.right,), statistics=(ROWS,))
        assert typed(engine.result(scan)) == typed(result(scan, tables()))
        constant = Scan(source=table("visits", "v", 4), where=None, keys=(same.left,), statistics=(ROWS,))
        assert [row[0] for row in engine.result(constant)] == [text]


def test_only_percent_and_underscore_are_special_in_a_pattern(engine: Engine) -> None:
    for pattern in (*TEXTS, "a\\%", "a\\_b", "\\%", "%\\", "_\\_", "a_b", "%\n%", "__", "%'%", "[a]", "a.b"):
        like = Matches(Field("v", "t", TEXT), pattern)
        key = Field("v", "t", TEXT)
        scan = Scan(source=table("visits", "v", 4), where=like, keys=(key,), statistics=(ROWS,))
        assert typed(engine.result(scan)) == typed(result(scan, tables())), pattern


def test_a_sum_beyond_64_bits_is_exact(engine: Engine) -> None:
    centered = Apply(Operation.SUBTRACT, (WIDE, Value(2**60, WIDE.type)), number(-(2**61), 0))
    scan = Scan(
        source=table("visits", "v", 4),
        where=None,
        keys=(),
        statistics=tuple(
            Statistic(kind=StatisticKind.SUM, term=term, max_rows=4)
            for term in (Value(2**62, WIDE.type), centered, WIDE)
        ),
    )
    (expected,) = result(scan, tables())
    assert expected[0] > 2**64
    assert typed(engine.result(scan)) == typed([expected])


def test_a_thousand_conditions_are_not_too_deep(engine: Engine) -> None:
    parts = tuple(Comparison(WIDE, Operator.NE, Value(index, WIDE.type)) for index in range(1000))
    where = Disjunction((Conjunction(parts), Disjunction(parts)))
    scan = Scan(source=table("visits", "v", 4), where=where, keys=(), statistics=(ROWS,))
    assert typed(engine.result(scan)) == typed(result(scan, tables()))


def test_every_engine_has_the_same_calendar_from_year_1_to_9999(engine: Engine) -> None:
    days = [*[_applied(Operation.EXTRACT, part) for part in Part], _applied(Operation.DAYS)]
    truncated_days = (
        Apply(Operation.DAYS, (Apply(Operation.DATE_TRUNC, (DAY,), DATE, part),), NUMBER)
        for part in TRUNCATED
    )
    scan = Scan(
        source=table("dates", "v", 1),
        where=Disjunction((_turn_of_year(12, Operator.GE, 28), _turn_of_year(1, Operator.LE, 4), _sample())),
        keys=(*days, *truncated_days),
        statistics=(ROWS,),
    )
    assert Counter(map(tuple, engine.result(scan))) == calendar()


@cache
def calendar() -> Counter[tuple[int, ...]]:
    epoch = date(1970, 1, 1).toordinal()
    days = (date.fromordinal(ordinal) for ordinal in range(1, date.max.toordinal() + 1))
    looked_at = (
        day
        for day in days
        if (day.month, day.day) >= (12, 28)
        or (day.month, day.day) <= (1, 4)
        or (day.toordinal() - epoch) % 101 == 0
    )
    return Counter(
        (
            *(extracted(day, part) for part in Part),
            day.toordinal() - epoch,
            *(truncated(day, part).toordinal() - epoch for part in TRUNCATED),
            1,
        )
        for day in looked_at
    )


def _applied(operation: Operation, part: Part | None = None) -> Term:
    return Apply(operation, (DAY,), NUMBER, part)


def _turn_of_year(month: int, operator: Operator, day: int) -> Conjunction:
    same_month = Comparison(_applied(Operation.EXTRACT, Part.MONTH), Operator.EQ, Value(month, NUMBER))
    return Conjunction(
        (same_month, Comparison(_applied(Operation.EXTRACT, Part.DAY), operator, Value(day, NUMBER)))
    )


def _sample() -> Comparison:
    days, step = _applied(Operation.DAYS), Value(101, NUMBER)
    multiple = Apply(Operation.MULTIPLY, (Apply(Operation.DIVIDE, (days, step), NUMBER), step), NUMBER)
    return Comparison(multiple, Operator.EQ, days)
