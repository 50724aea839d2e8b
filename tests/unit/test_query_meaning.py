"""A question means what DuckDB would have understood: written out again, it gives the same answer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from sandbox.query.render import statement
from sandbox.query.sql import parse

_LINES = (Path(__file__).parent / "cases" / "questions.sql").read_text(encoding="utf-8").splitlines()
ACCEPTED = [
    question
    for question, expected in pairwise(_LINES)
    if question.lower().startswith("select") and expected.startswith("SELECT")
]


@pytest.fixture(scope="module")
def visits() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE TABLE visits AS SELECT 'P' || (i % 7) AS person_id,
               CASE WHEN i % 5 = 0 THEN NULL ELSE ['Anlan', 'Beihe', 'Xicheng'][1 + i % 3] END AS district,
               ['general', 'dental'][1 + i % 2] AS service,
               CASE WHEN i % 4 = 0 THEN NULL ELSE (i % 13)::DECIMAL(10, 2) END AS cost,
               DATE '2024-10-01' + (i::INTEGER * 30) % 400 AS visit_date,
               CASE WHEN i % 9 = 0 THEN NULL ELSE i % 4 END AS a, i % 3 AS b, i % 5 AS c, i % 2 = 0 AS d
               FROM range(200) t(i)"""
        )
        yield connection


@pytest.mark.parametrize("question", ACCEPTED)
def test_a_question_written_out_has_the_answer_of_the_original(
    visits: duckdb.DuckDBPyConnection, question: str
) -> None:
    meant = sorted(map(repr, visits.execute(question).fetchall()))
    assert sorted(map(repr, visits.execute(statement(parse(question))).fetchall())) == meant


def test_every_accepted_case_is_tried() -> None:
    assert len(ACCEPTED) >= 28
