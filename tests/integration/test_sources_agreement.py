"""One question has one meaning: DuckDB, PostgreSQL and Spark give the same exact cells.

They are held against two references that share no code with the printing of SQL: Python, which evaluates
the typed question row by row, and DuckDB, which is asked the question as a person wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from engines import Bench, make_bench
from health import kept_tables
from questions import HEALTH, dataset_with, plan_of
from reference import cells_of, raw_rows

from sandbox.policy.dataset import EngineKind, TablePolicy, Use
from sandbox.privacy.cells import Choice, ExactCells, NoisyCells
from sandbox.privacy.plan import Plan
from sandbox.privacy.post import finish
from sandbox.sources.snapshot import Snapshot

DATASET = dataset_with(HEALTH)
KEPT = kept_tables(11)


def cases() -> Iterator[tuple[str, bool]]:
    """Yield each question, and whether plain SQL means the same by it."""
    text = (Path(__file__).parent / "cases" / "agreement.sql").read_text(encoding="utf-8")
    for paragraph in text.split("\n\n"):
        lines = paragraph.strip().splitlines()
        sql = "\n".join(line for line in lines if not line.startswith("--"))
        if sql:
            yield sql, not any(line.startswith("-- own") for line in lines)


CASES = dict(cases())


@pytest.fixture(scope="module")
def loaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[EngineKind, tuple[Bench, Snapshot]]]:
    """Every engine with the same rows."""
    raw = {name: raw_rows(table, KEPT[name]) for name, table in DATASET.tables.items()}
    benches = {kind: make_bench(kind, request, tmp_path_factory.mktemp("agreement")) for kind in EngineKind}
    yield {kind: (bench, bench.load(DATASET, raw)) for kind, bench in benches.items()}
    for bench in benches.values():
        bench.close()


def exact_of(loaded: Mapping[EngineKind, tuple[Bench, Snapshot]], kind: EngineKind, sql: str) -> ExactCells:
    bench, snapshot = loaded[kind]
    return bench.exact(plan_of(sql, bench.policy(DATASET)), snapshot)


@pytest.mark.parametrize("kind", EngineKind)
def test_every_engine_gives_the_cells_of_the_reference(
    loaded: dict[EngineKind, tuple[Bench, Snapshot]], kind: EngineKind
) -> None:
    wrong = [sql for sql in CASES if vectors(exact_of(loaded, kind, sql)) != reference(sql)]
    assert wrong == []


def vectors(exact: ExactCells) -> list[list[tuple[int, ...]]]:
    """Return the cells as the reference has them: one list for each scan."""
    measured = [list(exact.measured)] if exact.plan.measurements else []
    return measured + [[tuple(count for group in bins for count in group)] for bins in exact.bins]


def reference(sql: str) -> list[list[tuple[int, ...]]]:
    return cells_of(plan_of(sql, DATASET), KEPT)


def test_the_comparison_finds_an_engine_that_rounds_where_it_should_cut(
    loaded: dict[EngineKind, tuple[Bench, Snapshot]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.sources.terms.divided", _floored)
    sql = "SELECT SUM(change / 3) AS b FROM visits"
    assert vectors(exact_of(loaded, EngineKind.DUCKDB, sql)) != reference(sql)


def _floored(left: Any, right: Any, _: object) -> Any:
    from sqlglot import exp  # noqa: PLC0415 - of the planted fault alone

    return exp.cast(exp.Floor(this=exp.Div(this=left, expression=right)), "BIGINT")


def test_without_noise_a_question_has_the_answer_that_its_sql_has() -> None:
    with plain() as connection:
        wrong = {
            sql: (said, meant)
            for sql, alike in CASES.items()
            if alike and (said := told(sql)) != (meant := asked(connection, sql))
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


Row = tuple[Any, ...]


def asked(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    """Return what DuckDB answers: groups of public keys alone, empty ones left out."""
    plan = plan_of(sql, DATASET)
    found = connection.execute(sql).fetchall()
    return sorted(_known(plan, [_neat(value) for value in row] for row in found), key=repr)


def told(sql: str) -> list[Row]:
    """Return what the product would answer without noise, the groups without a row left out."""
    plan = plan_of(sql, DATASET)
    scans = cells_of(plan, KEPT)
    nothing = tuple((Choice(0, 0, 0),) * len(plan.cells) for _ in plan.selections)
    table = finish(NoisyCells(plan, tuple(scans[0]), nothing))
    return sorted(_known(plan, ([_neat(v) for v in row] for row in table.rows)), key=repr)
