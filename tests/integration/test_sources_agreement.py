"""One question has one meaning: DuckDB, PostgreSQL and Spark give the same exact cells.

They are held against two references that share no code with the printing of SQL: Python, which evaluates
the typed question row by row, and DuckDB, which is asked the question as a person wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import isclose
from typing import Any

import duckdb
import pytest
from agreement import cases
from engines import KINDS, Bench, make_bench
from health import kept_tables
from questions import HEALTH, dataset_with, plan_of
from reference import cells_of, raw_rows
from sqlglot import exp

from sandbox.policy.dataset import TablePolicy, Use
from sandbox.privacy.cells import ExactCells, NoisyCells
from sandbox.privacy.post import finish
from sandbox.query.expr import Key, Output
from sandbox.sources.snapshot import Snapshot

DATASET = dataset_with(HEALTH)
KEPT = kept_tables(11)
CASES = cases()


@dataclass(frozen=True)
class Subject:
    """One engine with its copy of the rows."""

    bench: Bench
    snapshot: Snapshot

    def exact(self, sql: str) -> ExactCells:
        """Return the cells of one question."""
        return self.bench.exact(plan_of(sql, self.bench.policy(DATASET)), self.snapshot)


@pytest.fixture(scope="module", params=KINDS, ids=str)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """Each engine with the same rows."""
    bench = make_bench(request.param, request, tmp_path_factory.mktemp("agreement"))
    raw = {name: raw_rows(table, KEPT[name]) for name, table in DATASET.tables.items()}
    yield Subject(bench, bench.load(DATASET, raw))
    bench.close()


def test_every_engine_gives_the_cells_of_the_reference(subject: Subject) -> None:
    assert [sql for sql in CASES if vectors(subject.exact(sql)) != reference(sql)] == []


def vectors(exact: ExactCells) -> list[list[tuple[int, ...]]]:
    """Return the cells as the reference has them: one list for each scan."""
    measured = [list(exact.measured)] if exact.plan.measurements else []
    return measured + [[tuple(count for group in bins for count in group)] for bins in exact.bins]


def reference(sql: str) -> list[list[tuple[int, ...]]]:
    return cells_of(plan_of(sql, DATASET), KEPT)


def test_the_comparison_finds_an_engine_that_rounds_where_it_should_cut(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.sources.terms.divided", _floored)
    sql = "SELECT SUM(change / 3) AS b FROM visits"
    assert vectors(subject.exact(sql)) != reference(sql)


def _floored(left: Any, right: Any, _: object) -> Any:
    return exp.cast(exp.Floor(this=exp.Div(this=left, expression=right)), "BIGINT")


def test_without_noise_a_question_has_the_answer_that_its_sql_has() -> None:
    with plain() as connection:
        wrong = {
            sql: (said, meant)
            for sql, plainly in CASES.items()
            if plainly and not alike(said := told(sql), meant := asked(connection, sql))
        }
    assert wrong == {}


def test_there_are_questions_enough() -> None:
    assert len(CASES) >= 60
    assert sum(CASES.values()) >= 60


@contextmanager
def plain() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the raw tables as an analyst would have them, with no policy between."""
    with duckdb.connect() as connection:
        connection.execute("CREATE MACRO bin(x, width) AS floor(x / width) * width")
        for name, table in DATASET.tables.items():
            columns = ", ".join(f'"{column}" {_plain_type(table, column)}' for column in table.columns)
            connection.execute(f"CREATE TABLE {name} ({columns})")
            places = ", ".join("?" for _ in table.columns)
            rows = [[row[column] for column in table.columns] for row in raw_rows(table, KEPT[name])]
            connection.executemany(f"INSERT INTO {name} VALUES ({places})", rows)  # noqa: S608 - own names
        yield connection


def _plain_type(table: TablePolicy, name: str) -> str:
    column = table.columns[name]
    if column.use is Use.MEASURE:
        return f"DECIMAL(12, {column.decimals})"
    types = {"integer": "INTEGER", "date": "DATE", "boolean": "BOOLEAN"}
    return types.get(str(column.type), "VARCHAR")


Answer = dict[tuple[str, ...], list[float]]
"""Numbers by the keys of their group; an empty one is 0."""


def asked(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Return what DuckDB answers, without the groups that have no key."""
    outputs = plan_of(sql, DATASET).checked.query.outputs
    rows = connection.execute(sql).fetchall()
    return _answer(outputs, (row for row in rows if not _lacks_a_key(outputs, row)))


def told(sql: str) -> Answer:
    """Return what the product would answer if it added no noise, without the groups that are empty."""
    plan = plan_of(sql, DATASET)
    outputs = plan.checked.query.outputs
    table = finish(NoisyCells(plan, tuple(cells_of(plan, KEPT)[0]), ()))
    shown = [table.columns.index(output.name) for output in outputs]
    found = _answer(outputs, ([row[place] for place in shown] for row in table.rows))
    return {key: numbers for key, numbers in found.items() if any(numbers)}


def alike(one: Answer, other: Answer) -> bool:
    """Tell whether two answers are the same but for the digits that a quotient of one row loses."""
    empty = [0.0] * max((len(numbers) for numbers in (*one.values(), *other.values())), default=0)
    return all(
        isclose(left, right, rel_tol=1e-4, abs_tol=0.02)
        for key in one.keys() | other.keys()
        for left, right in zip(one.get(key, empty), other.get(key, empty), strict=True)
    )


def _answer(outputs: Sequence[Key | Output], rows: Iterable[Sequence[Any]]) -> Answer:
    found: Answer = {}
    for row in rows:
        both = list(zip(outputs, row, strict=True))
        keys = tuple(_spelled(value) for output, value in both if isinstance(output, Key))
        found[keys] = [float(value or 0) for output, value in both if isinstance(output, Output)]
    return found


def _lacks_a_key(outputs: Sequence[Key | Output], row: Sequence[Any]) -> bool:
    return any(value is None for output, value in zip(outputs, row, strict=True) if isinstance(output, Key))


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.date().isoformat()
    try:
        return f"{float(str(value)):g}"
    except ValueError:
        return str(value)
