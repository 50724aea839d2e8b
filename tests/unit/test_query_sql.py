"""What is accepted as a question, what is refused, and that nothing else ever happens."""

from __future__ import annotations

import contextlib
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Malformed, NotAnswerable, Refusal
from sandbox.query.expr import Aggregate, All, Among, Compare, Function, Key, Not, Operator, Query
from sandbox.query.predicate import MAX_NESTING
from sandbox.query.render import template
from sandbox.query.sql import MAX_CHARACTERS, is_plain_name, parse

CASES = Path(__file__).parent / "cases" / "questions.sql"


def _cases() -> list[tuple[str, str]]:
    blocks = CASES.read_text(encoding="utf-8").split("\n\n")
    lines = [[line for line in block.splitlines() if line and line[0] != "#"] for block in blocks]
    return [("\n".join(block[:-1]), block[-1]) for block in lines if block]


def test_the_file_of_cases_is_read() -> None:
    assert len(_cases()) >= 100


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


@pytest.mark.parametrize("question", [question for question, expected in _cases() if expected[0] == "!"])
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
        table="visits",
        outputs=(
            Key("district", "d"),
            Aggregate(Function.COUNT_ROWS, None, "count"),
            Aggregate(Function.COUNT_UNITS, "person_id", "persons"),
        ),
        keys=("district",),
        where=All(
            (
                Compare("cost", Operator.GE, Decimal("-2.50")),
                Not(Among("district", ("Anlan", "Beihe"))),
                Compare("visit_date", Operator.LT, date(2025, 7, 1)),
            )
        ),
    )


def test_a_negative_number_keeps_every_digit() -> None:
    digits = "0." + "123456789" * 4
    query = parse(f"SELECT COUNT(*) FROM t WHERE x = -{digits}")  # noqa: S608 - parsed only
    assert query.where == Compare("x", Operator.EQ, Decimal(digits).copy_negate())


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
    ],
)
def test_deep_nesting_is_malformed_and_quickly_so(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(Malformed):
        parse(text)
    assert time.perf_counter() - began < 5


def test_nots_nested_beyond_the_limit_are_malformed() -> None:
    with pytest.raises(Malformed, match="nested"):
        parse("SELECT COUNT(*) FROM t WHERE " + "NOT " * (MAX_NESTING + 1) + "a = 1")


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
"""
_WORDS = _PIECES.split()


@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(_WORDS), max_size=40).map(" ".join)))
def test_any_text_is_a_question_or_a_refusal(text: str) -> None:
    with contextlib.suppress(Refusal):
        assert isinstance(parse(text), Query)


@given(st.lists(st.sampled_from(_WORDS), max_size=25).map(" ".join))
def test_any_condition_is_a_question_or_a_refusal(text: str) -> None:
    with contextlib.suppress(Malformed, NotAnswerable):
        assert isinstance(parse("SELECT COUNT(*) FROM t WHERE a = 1 AND " + text), Query)  # noqa: S608 - parsed only
