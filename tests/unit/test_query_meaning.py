"""A question means what DuckDB would have understood: written out again, it gives the same answer.

Left out are the questions that only the sandbox can answer (BIN, rows that a policy must know) or to
which it gives another meaning on purpose, each named with why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from sandbox.query.render import statement
from sandbox.query.sql import parse

_CASES = sorted((Path(__file__).parent / "cases").glob("*.sql"))
_OTHER_MEANING = re.compile(
    r"\bBIN\("  # a function of ours
    r"|LEAST|GREATEST"  # NULL where an argument is NULL, not the others'
    r"|QUANTILE|PERCENTILE"  # one quantile, whatever the engine calls it
    r"|USING \(person_id\) GROUP BY person_id|USING \(district\)|USING \(k\)"  # the policy knows whose column
    r"|\bVAR\(|COUNTIF|IIF|DAYOFMONTH|1_000|TABLESAMPLE"  # written otherwise in this engine
    r"|NULLIF\(COUNT|NULLIF\(SUM"  # an empty quotient in both
    r"|LIMIT",  # which of equal rows comes first is the engine's choice
    re.IGNORECASE,
)


def _accepted() -> list[str]:
    blocks = [block for path in _CASES for block in path.read_text(encoding="utf-8").split("\n\n")]
    lines = [[line for line in block.splitlines() if line and line[0] != "#"] for block in blocks]
    return [block[0] for block in lines if block and len(block) > 1 and block[1].startswith("SELECT")]


def _answer(connection: duckdb.DuckDBPyConnection, question: str) -> list[str]:
    rows = connection.execute(question).fetchall()
    return sorted(repr([float(cell) if isinstance(cell, Decimal) else cell for cell in row]) for row in rows)


def _runs(connection: duckdb.DuckDBPyConnection, question: str) -> bool:
    try:
        connection.execute(question)
    except duckdb.Error:
        return False
    return True


@pytest.fixture(scope="module")
def visits() -> Iterator[duckdb.DuckDBPyConnection]:
    numbers = ", ".join(f"(i % {7 + n})::INTEGER AS {name}" for n, name in enumerate("efghkxy"))
    scores = ", ".join(f"i % 5 AS q{n}" for n in range(1, 26))
    with duckdb.connect() as connection:
        connection.execute(
            f"""CREATE TABLE visits AS SELECT 'P' || (i % 7) AS person_id,
               CASE WHEN i % 5 = 0 THEN NULL ELSE ['Anlan', 'Beihe', 'Xicheng'][1 + i % 3] END AS district,
               ['general', 'dental'][1 + i % 2] AS service, ['male', 'female'][1 + i % 2] AS sex,
               CASE WHEN i % 4 = 0 THEN NULL ELSE (i % 13)::DECIMAL(10, 2) END AS cost,
               CASE WHEN i % 6 = 0 THEN NULL ELSE i % 8 END AS fee, i % 3 AS price, i % 2 = 0 AS billed,
               DATE '2024-10-01' + (i::INTEGER * 30) % 400 AS visit_date,
               DATE '2024-10-01' + i::INTEGER % 50 AS admitted, DATE '2024-10-15' + i::INTEGER AS discharged,
               2020 + i % 3 AS year, i % 12 AS month, 'R' || i % 2 AS region, i % 4 AS code, i % 3 AS name,
               CASE WHEN i % 9 = 0 THEN NULL ELSE i % 4 END AS a, i % 3 AS b, i % 5 AS c, i % 2 = 0 AS d,
               {numbers} FROM range(200) t(i);
               CREATE TABLE survey AS SELECT {scores} FROM range(50) t(i);
               CREATE TABLE stays AS SELECT * FROM visits WHERE cost > 3;
               CREATE TABLE drugs AS SELECT * FROM visits WHERE cost > 5;
               CREATE TABLE a AS SELECT cost FROM visits;
               CREATE TABLE people AS SELECT 'P' || i AS person_id, i AS id,
               ['male', 'female'][1 + i % 2] AS sex, 'R' || i % 2 AS region FROM range(7) t(i);
               CREATE TABLE districts AS SELECT i AS code, 'D' || i AS name FROM range(4) t(i)"""  # noqa: S608 - made here
        )
        yield connection


@pytest.mark.parametrize("question", [q for q in _accepted() if not _OTHER_MEANING.search(q)])
def test_a_question_written_out_has_the_answer_of_the_original(
    visits: duckdb.DuckDBPyConnection, question: str
) -> None:
    if not _runs(visits, question):
        pytest.skip("not about the tables made here")
    assert _answer(visits, statement(parse(question))) == _answer(visits, question)


def test_most_accepted_cases_are_tried(visits: duckdb.DuckDBPyConnection) -> None:
    tried = [q for q in _accepted() if not _OTHER_MEANING.search(q) and _runs(visits, q)]
    assert len(tried) >= 150
