"""What is printed for each engine where the engines differ; what it means is tested on the engines."""

from __future__ import annotations

import pytest
from sqlglot import parse_one
from typed_questions import BOOLEAN, DATE, TEXT, number, table

from sandbox.privacy.scan import Scan, Statistic, StatisticKind
from sandbox.query.expr import Operator, Part
from sandbox.query.typed import Apply, Comparison, Field, Matches, Operation, Term, Test, Value
from sandbox.sources.compile import Dialect, compile_scan

NARROW = Field("v", "a", number(-(2**15), 2**15))
WIDE = Field("v", "w", number(-(2**60), 2**60))
NAME, DAY = Field("v", "t", TEXT), Field("v", "d", DATE)


def compiled(
    dialect: Dialect, *, key: Term | None = None, summed: Term | None = None, where: Test | None = None
) -> str:
    kind = StatisticKind.ROWS if summed is None else StatisticKind.SUM
    scan = Scan(
        source=table("visits", "v", 4),
        where=where,
        keys=() if key is None else (key,),
        statistics=(Statistic(kind=kind, term=summed, max_rows=4),),
    )
    sql = compile_scan(scan, dialect)
    parse_one(sql, dialect=dialect.value)
    return sql


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (Dialect.DUCKDB, "'${env:HOME}\\'"),
        (Dialect.POSTGRES, "'${env:HOME}\\'"),
        (Dialect.SPARK, "CAST(X'247b656e763a484f4d457d5c' AS STRING)"),
    ],
)
def test_no_engine_finds_more_in_a_text_than_the_text(dialect: Dialect, expected: str) -> None:
    same = Comparison(NAME, Operator.EQ, Value("${env:HOME}\\", TEXT))
    assert compiled(dialect, where=same).endswith(f" = {expected}")


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (Dialect.DUCKDB, "LIKE 'a\\%'"),
        (Dialect.POSTGRES, "LIKE 'a\\\\%'"),
        (Dialect.SPARK, "LIKE CAST(X'615c5c25' AS STRING)"),
    ],
)
def test_a_backslash_in_a_pattern_is_a_backslash(dialect: Dialect, expected: str) -> None:
    assert compiled(dialect, where=Matches(NAME, "a\\%")).endswith(expected)


@pytest.mark.parametrize(
    ("dialect", "narrow", "wide"),
    [
        (Dialect.DUCKDB, 'SUM("v"."a")', 'SUM("v"."w")'),
        (Dialect.POSTGRES, 'SUM("v"."a")', 'SUM(CAST("v"."w" AS BIGINT))'),
        (Dialect.SPARK, "SUM(`v`.`a`)", "SUM(CAST(`v`.`w` AS DECIMAL(38, 0)))"),
    ],
)
def test_a_sum_is_widened_where_many_rows_could_leave_64_bits(
    dialect: Dialect, narrow: str, wide: str
) -> None:
    assert narrow in compiled(dialect, summed=NARROW)
    assert wide in compiled(dialect, summed=WIDE)


def test_a_centered_sum_leaves_the_column_as_narrow_as_it_is() -> None:
    centered = Apply(Operation.SUBTRACT, (NARROW, Value(7, NARROW.type)), NARROW.type)
    sql = compiled(Dialect.DUCKDB, summed=centered)
    assert 'COALESCE(SUM("v"."a"), 0) - 7 * CAST(COUNT("v"."a") AS INT128)' in sql


@pytest.mark.parametrize("dialect", Dialect)
def test_a_constant_key_is_not_taken_for_a_position(dialect: Dialect) -> None:
    assert compiled(dialect, key=Value(5, number(5, 5))).endswith("GROUP BY 1")


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (Dialect.DUCKDB, 'CAST(DATE_TRUNC(\'week\', "v"."d") AS DATE)'),
        (Dialect.POSTGRES, 'CAST(DATE_TRUNC(\'week\', CAST("v"."d" AS TIMESTAMP)) AS DATE)'),
        (Dialect.SPARK, "TRUNC(`v`.`d`, 'week')"),
    ],
)
def test_a_date_is_truncated_in_no_time_zone(dialect: Dialect, expected: str) -> None:
    assert expected in compiled(dialect, key=Apply(Operation.DATE_TRUNC, (DAY,), DATE, Part.WEEK))


def test_texts_are_ordered_by_code_point_whatever_the_database_collates() -> None:
    before = Comparison(NAME, Operator.LT, Value("b", TEXT))
    assert compiled(Dialect.POSTGRES, where=before).endswith('"v"."t" COLLATE "C" < \'b\' COLLATE "C"')


@pytest.mark.parametrize("dialect", Dialect)
def test_constants_that_python_takes_for_equal_are_compiled_each_as_what_it_is(dialect: Dialect) -> None:
    one, true = Value(1, number(1, 1)), Value(True, BOOLEAN)
    assert compiled(dialect, key=one) != compiled(dialect, key=true)
    assert compiled(dialect, key=one) == compiled(dialect, key=Value(1, number(1, 1)))


@pytest.mark.parametrize("dialect", Dialect)
def test_a_statement_is_the_same_whether_it_is_kept_or_made_anew(dialect: Dialect) -> None:
    kept = compiled(dialect, key=NAME, summed=WIDE)
    compile_scan.cache_clear()
    assert compiled(dialect, key=NAME, summed=WIDE) == kept
