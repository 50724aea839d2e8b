"""What is accepted as a question, what is refused, and that nothing else ever happens."""

from __future__ import annotations

import contextlib
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from sandbox.canonical import digest_of
from sandbox.errors import Malformed, NotAnswerable, Refusal
from sandbox.query.expr import (
    Aggregate,
    All,
    Among,
    Column,
    Combination,
    Compare,
    Constant,
    Function,
    Join,
    Key,
    Not,
    Operator,
    Output,
    PerUnit,
    Query,
    Table,
)
from sandbox.query.render import canonical, statement, template
from sandbox.query.scope import MAX_DEPTH, MAX_NESTING, MAX_TERMS
from sandbox.query.sql import MAX_CHARACTERS, is_plain_name, parse

CASES = sorted((Path(__file__).parent / "cases").glob("*.sql"))


def _cases() -> list[tuple[str, str]]:
    blocks = [block for path in CASES for block in path.read_text(encoding="utf-8").split("\n\n")]
    lines = [[line for line in block.splitlines() if line and line[0] != "#"] for block in blocks]
    return [("\n".join(block[:-1]), block[-1]) for block in lines if block]


ACCEPTED = [question for question, expected in _cases() if expected[0] != "!"]
REFUSED = [question for question, expected in _cases() if expected[0] == "!"]


def test_the_files_of_cases_are_read() -> None:
    assert len(CASES) >= 4
    assert len(ACCEPTED) >= 230
    assert len(REFUSED) >= 400


def test_no_case_stands_twice() -> None:
    questions = [question for question, _ in _cases()]
    assert sorted({question for question in questions if questions.count(question) > 1}) == []


@pytest.mark.parametrize(("question", "expected"), _cases())
def test_a_question_is_read_or_refused_as_the_file_of_cases_says(question: str, expected: str) -> None:
    if not expected.startswith("! "):
        assert template(parse(question)) + ";" == expected
        return
    code, sentence = expected.removeprefix("! ").split(": ", 1)
    with pytest.raises(Refusal) as caught:
        parse(question)
    assert caught.value.code == code
    assert caught.value.sentence.startswith(sentence)


@pytest.mark.parametrize("question", ACCEPTED)
def test_an_accepted_question_written_out_is_the_same_question(question: str) -> None:
    query = parse(question)
    assert parse(statement(query)) == query


def test_different_questions_have_different_digests_and_equal_ones_the_same() -> None:
    queries = [parse(question) for question in ACCEPTED]
    digests = [digest_of(canonical(query)) for query in queries]
    assert len(set(digests)) == len({statement(query) for query in queries})
    assert dict(zip(map(statement, queries), digests, strict=True)) == {
        statement(query): digest_of(canonical(query)) for query in reversed(queries)
    }


@pytest.mark.parametrize("question", REFUSED)
def test_a_refusal_says_what_would_be_allowed(question: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse(question)
    assert caught.value.allowed
    assert caught.value.status in {400, 422}


def test_a_question_becomes_the_value_that_states_it() -> None:
    query = parse(
        "SELECT district AS d, COUNT(*), COUNT(DISTINCT person_id) AS persons FROM visits "
        "WHERE cost >= -2.50 AND NOT district IN ('Anlan', 'Beihe') AND visit_date < DATE '2025-07-01' "
        "GROUP BY district"
    )
    assert query == Query(
        source=Table("visits"),
        outputs=(
            Key(0, "d"),
            Output(Aggregate(Function.COUNT_ROWS), "count"),
            Output(Aggregate(Function.COUNT_UNITS, (Column("person_id"),)), "persons"),
        ),
        keys=(Column("district"),),
        where=All(
            (
                Compare(Column("cost"), Operator.GE, Constant(Decimal("-2.50"))),
                Not(Among(Column("district"), ("Anlan", "Beihe"))),
                Compare(Column("visit_date"), Operator.LT, Constant(date(2025, 7, 1))),
            )
        ),
    )


def test_a_question_of_two_sources_says_where_each_column_comes_from() -> None:
    query = parse(
        "WITH t AS (SELECT person_id, COUNT(*) AS n FROM visits GROUP BY person_id) "
        "SELECT sex, AVG(t.n) FROM people p LEFT JOIN t USING (person_id) GROUP BY sex"
    )
    unit = Column("person_id")
    counted = PerUnit(
        Table("visits"), unit, (("person_id", unit), ("n", Aggregate(Function.COUNT_ROWS))), None, "t"
    )
    on = ((Column("person_id", "p"), Column("person_id", "t")),)
    assert query.source == Join(Table("people", "p"), counted, on, outer=True)
    assert query.keys == (Column("sex"),)
    assert query.outputs[1] == Output(Aggregate(Function.AVG, (Column("n", "t"),)), "avg_n")


def test_sets_stand_with_the_finest_first_and_keys_as_the_sets_name_them() -> None:
    query = parse("SELECT a, b, c, COUNT(*) FROM t GROUP BY GROUPING SETS ((c), (b, a), ())")
    assert query.keys == (Column("b"), Column("a"), Column("c"))
    assert query.sets == ((0, 1), (2,), ())
    assert query.outputs[:3] == (Key(1, "a"), Key(0, "b"), Key(2, "c"))


def test_a_divisor_that_is_null_where_it_is_zero_is_the_divisor() -> None:
    plain, safe = (parse(f"SELECT SUM(x) / {by} AS v FROM t") for by in ("COUNT(*)", "NULLIF(COUNT(*), 0)"))  # noqa: S608 - parsed only
    assert plain == safe
    assert isinstance(plain.formulas[0], Combination)


def test_a_negative_number_keeps_every_digit() -> None:
    digits = "0." + "123456789" * 4
    query = parse(f"SELECT COUNT(*) FROM t WHERE x = -{digits}")  # noqa: S608 - parsed only
    assert query.where == Compare(Column("x"), Operator.EQ, Constant(Decimal(digits).copy_negate()))


@pytest.mark.parametrize(
    "text",
    ["\0", "SELECT COUNT(*) FROM t WHERE a = '\0'", "SELECT '\ud800'", "SELECT " + "x" * MAX_CHARACTERS, ""],
)
def test_unsound_text_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 9_000,
        "SELECT COUNT(*) FROM t WHERE " + "(" * 5_000 + "a = 1" + ")" * 5_000,
        "SELECT COUNT(*) FROM t WHERE " + "NOT " * 4_900 + "a = 1",
        "SELECT COUNT(*) FROM t WHERE a = " + "- " * 9_000 + "1",
        "SELECT " + "CASE WHEN " * 1_900,
        "SELECT COUNT(*) FROM t WHERE a IN (" + "[" * 9_000,
        "SELECT " + "f(" * 9_000,
        "SELECT COUNT(*) FROM t" + " JOIN t" * 2_000 + " ON a = b" * 100,
        "SELECT COUNT(*) FROM " + "(SELECT * FROM " * 500 + "t" + ")" * 500,
        "WITH a AS " * 1_500,
        "SELECT COUNT(*) FROM t WHERE " + "EXISTS " * 2_000,
        "SELECT COUNT(*) FROM t WHERE " + "~ " * 4_000 + "a = 1",
        "SELECT COUNT(*) FROM t WHERE " + "a -> " * 3_000 + "1 = 1",
        "SELECT SUM(" + "x + " * 4_000 + "x) FROM t",
        "SELECT " + "COUNT(*) + " * 1_500 + "1 FROM t",
    ],
)
def test_deep_nesting_is_refused_and_quickly_so(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(Refusal):
        parse(text)
    assert time.perf_counter() - began < 5


def test_nots_nested_beyond_the_limit_are_malformed() -> None:
    with pytest.raises(Malformed, match="nested"):
        parse("SELECT COUNT(*) FROM t WHERE " + "NOT " * (MAX_NESTING + 1) + "a = 1")


def test_a_value_of_more_levels_than_the_limit_is_malformed() -> None:
    levels = MAX_DEPTH // 3 + 1
    with pytest.raises(Malformed, match="nested"):
        parse("SELECT SUM(x) FROM t WHERE " + "CASE WHEN " * levels + "x = 1" + " THEN 1 END = 1" * levels)  # noqa: S608 - parsed only


def _grown(levels: int, grow: str) -> str:
    value = "x"
    for _ in range(levels):
        value = grow.format(value)
    return value


@pytest.mark.parametrize(
    ("grow", "levels"),
    [
        ("POWER({}, 4)", 9),
        ("CASE WHEN {} BETWEEN 1 AND 2 THEN 1 END", 9),
        ("CASE {} WHEN 1 THEN 1 WHEN 2 THEN 2 WHEN 3 THEN 3 WHEN 4 THEN 4 END", 9),
        ("CASE WHEN POWER({}, 4) BETWEEN 1 AND 2 THEN 1 END", 6),
    ],
)
def test_a_short_question_does_not_grow_without_bound(grow: str, levels: int) -> None:
    began = time.perf_counter()
    with pytest.raises(Refusal) as caught:
        parse(f"SELECT SUM({_grown(levels, grow)}) FROM t")  # noqa: S608 - parsed only
    assert caught.value.code in {"sql-too-large", "sql-too-deep"}
    assert time.perf_counter() - began < 5


def test_ctes_that_use_one_another_twice_do_not_grow_without_bound() -> None:
    ctes = [f"c{n} AS (SELECT a.k FROM c{n - 1} a JOIN c{n - 1} b USING (k))" for n in range(1, 60)]  # noqa: S608 - parsed only
    with pytest.raises(NotAnswerable, match="at most 8 tables"):
        parse(f"WITH c0 AS (SELECT k FROM t), {', '.join(ctes)} SELECT COUNT(*) FROM c59")  # noqa: S608 - parsed only


def test_a_question_has_at_most_so_many_terms() -> None:
    assert MAX_TERMS < 7 * 1_900
    with pytest.raises(NotAnswerable, match="values and conditions"):
        parse("SELECT COUNT(*) FROM t WHERE " + " OR ".join(["x**4=1"] * 1_900))  # noqa: S608 - parsed only


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("SELECT " + ", ".join(f"SUM(x{n})" for n in range(41)) + " FROM t", "at most 40 columns"),  # noqa: S608 - parsed only
        ("SELECT " + ", ".join(["AVG(x) + AVG(x)"] * 33) + " FROM t", "at most 64 aggregates"),  # noqa: S608 - parsed only
    ],
)
def test_an_answer_has_at_most_so_many_columns_and_aggregates(question: str, sentence: str) -> None:
    with pytest.raises(NotAnswerable, match=sentence):
        parse(question)


def test_a_constant_of_another_type_is_another_key() -> None:
    with pytest.raises(NotAnswerable, match="without being grouped by"):
        parse("SELECT COALESCE(a, 1.0), COUNT(*) FROM t GROUP BY COALESCE(a, 1)")


def test_many_conditions_side_by_side_are_not_deep() -> None:
    query = parse("SELECT COUNT(*) FROM t WHERE " + " AND ".join(["a = 1"] * 1_500))  # noqa: S608 - parsed only
    assert isinstance(query.where, All)
    assert len(query.where.parts) == 1_500


def test_a_refusal_repeats_nothing_of_the_question() -> None:
    with pytest.raises(Refusal) as caught:
        parse("SELECT COUNT(*) FROM t WHERE name = 'Zhang San")
    assert "Zhang" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_word_that_sql_reads_otherwise_is_no_plain_name() -> None:
    assert is_plain_name("district")
    assert not is_plain_name("current_date")
    assert not is_plain_name("all")


_PIECES = """
SELECT FROM WHERE GROUP BY COUNT ( ) * , SUM AVG DISTINCT AS a b t visits = < > <> 1 2.5 'x' NULL IS NOT IN
BETWEEN AND OR DATE '2025-01-01' TRUE ; -- /* */ " ' [ ] { } :: - + / HAVING ORDER LIMIT JOIN ON UNION WITH
CASE WHEN THEN END OVER FILTER LIKE EXISTS ALL ANY LATERAL PIVOT VALUES UNNEST CAST INTERVAL $1 ? . QUALIFY
WINDOW USING SAMPLE LAMBDA x'ab' e'q' 1e9 0x1F EXCLUDE COLUMNS RETURNING @ # ~ ^ % ! | & \\
ROLLUP CUBE GROUPING SETS MEDIAN QUANTILE WITHIN PERCENTILE_CONT ROUND BIN FLOOR DATE_TRUNC EXTRACT month
LEFT RIGHT FULL CROSS NATURAL RECURSIVE OFFSET DESC NULLS FIRST ELSE IF COALESCE NULLIF POWER DATEDIFF CORR
"""
_WORDS = _PIECES.split()


@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(_WORDS), max_size=40).map(" ".join)))
def test_any_text_is_a_question_or_a_refusal(text: str) -> None:
    with contextlib.suppress(Refusal):
        assert isinstance(parse(text), Query)


@pytest.mark.parametrize(
    "start",
    [
        "SELECT COUNT(*) FROM t WHERE a = 1 AND",
        "SELECT a, SUM(a) FROM t GROUP BY a HAVING",
        "SELECT a, COUNT(*) AS n FROM t JOIN u ON t.a = u.a GROUP BY a ORDER BY",
        "SELECT a, COUNT(*) FROM t GROUP BY",
        "WITH v AS (SELECT a FROM t) SELECT COUNT(*) FROM v WHERE a = 1 OR",
        "SELECT COUNT(*) /",
        "SELECT SUM(",
    ],
)
@given(rest=st.lists(st.sampled_from(_WORDS), max_size=25).map(" ".join))
def test_any_end_of_a_question_makes_a_question_or_a_refusal(start: str, rest: str) -> None:
    with contextlib.suppress(Malformed, NotAnswerable):
        assert isinstance(parse(f"{start} {rest}"), Query)


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    words = draw(st.sampled_from(ACCEPTED + REFUSED)).replace("(", " ( ").replace(")", " ) ").split()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(words)))
        words[at : at + draw(st.integers(0, 2))] = draw(st.lists(st.sampled_from(_WORDS + words), max_size=3))
    return " ".join(words)


@settings(max_examples=400)
@given(_mutated())
def test_a_case_with_words_changed_is_a_question_written_out_alike_or_a_refusal(text: str) -> None:
    try:
        query = parse(text)
    except Refusal:
        return
    assert parse(statement(query)) == query


def test_no_class_that_is_read_has_subclasses_that_would_be_read_with_it() -> None:
    matched = [
        exp.Column,
        exp.Subquery,
        exp.Select,
        exp.Table,
        exp.Count,
        exp.Literal,
        exp.Boolean,
        exp.Paren,
    ]
    kinds = {kind for kind in matched for other in vars(exp).values() if _is_below(other, kind)}
    assert kinds <= {exp.Column, exp.Count}  # both are asked for by exact class


def _is_below(other: object, kind: type) -> bool:
    return isinstance(other, type) and issubclass(other, kind) and other is not kind
