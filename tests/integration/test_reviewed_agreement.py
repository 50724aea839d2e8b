"""What stands behind a reviewed answer is the same on every engine, and what plain SQL says by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest
from engines import KINDS, Bench, make_bench, schema_of
from health import kept_tables
from questions import HEALTH, checked_of, dataset_with
from reference import raw_rows
from sqlglot import exp

from sandbox.privacy.plan import Cell
from sandbox.reviewed.plan import make_reviewed_plan
from sandbox.reviewed.read import read_behind
from sandbox.reviewed.rules import Rules
from sandbox.reviewed.table import table_of
from sandbox.sources.contributions import Contributed
from sandbox.sources.snapshot import Snapshot

DATASET = dataset_with(HEALTH).model_copy(update={"reviewed": True})
KEPT = kept_tables(5, persons=90)
RAW = {name: raw_rows(table, KEPT[name]) for name, table in DATASET.tables.items()}
EXACTLY = Rules(min_units=1, round_to=1, significant_digits=15)
BY_HAND = """
WITH kept AS (SELECT {keys} person_id AS p, {value} AS x FROM {source} WHERE {where}),
     people AS (SELECT {names} p, count(*) AS n, sum(x) AS t, sum(abs(x)) AS a FROM kept GROUP BY ALL)
SELECT {qualified} count(DISTINCT kept.p), count(*), sum(x), sum(x * x), sum(abs(x)),
    (SELECT max(a) FROM people WHERE {same}),
    coalesce((SELECT a FROM people WHERE {same} ORDER BY a DESC OFFSET 1 LIMIT 1), 0),
    least(2, count(DISTINCT x))
FROM kept GROUP BY ALL
"""
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "one column by two keys": (
        "SELECT district, year, SUM(cost) AS s FROM visits GROUP BY district, year",
        {"keys": {"district": "district", "year": "year"}, "value": "cost", "scale": 10},
    ),
    "negative values": (
        "SELECT year, AVG(debt) AS m FROM visits GROUP BY year",
        {"keys": {"year": "year"}, "value": "debt", "scale": 100},
    ),
    "values of both signs, under a condition": (
        "SELECT year, VAR_SAMP(change) AS v FROM visits WHERE urgent = TRUE AND year <> 7 GROUP BY year",
        {"keys": {"year": "year"}, "value": "change", "where": "urgent AND year <> 7"},
    ),
    "rows without a key": ("SELECT SUM(cost) AS s FROM visits", {"keys": {}, "value": "cost", "scale": 10}),
    "a key that is computed": (
        "SELECT BIN(cost, 25) AS band, SUM(change) AS s FROM visits GROUP BY band",
        {"keys": {"band": "CAST(floor(cost / 25) * 250 AS BIGINT)"}, "value": "change"},
    ),
    "a public table beside it": (
        "SELECT region, SUM(cost) AS s FROM visits JOIN places ON district = name GROUP BY region",
        {
            "keys": {"region": "region"},
            "value": "cost",
            "scale": 10,
            "source": "visits JOIN places ON district = name",
        },
    ),
}


@dataclass(frozen=True)
class Subject:
    """One engine with its copy of the rows."""

    bench: Bench
    snapshot: Snapshot

    def behind(self, sql: str) -> dict[Cell, Contributed]:
        """Return what stands behind each group of a question's only measure, empty groups left out."""
        plan = make_reviewed_plan(checked_of(sql, self.bench.policy(DATASET)), most_rows=5000)
        found = read_behind(plan, snapshot=self.snapshot, engines=self.bench.engines, deadline=60)
        return {row.cell: behind[0] for row, behind in found if behind[0].units}

    def table(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Return the table of a question that is neither masked nor rounded."""
        plan = make_reviewed_plan(checked_of(sql, self.bench.policy(DATASET)), most_rows=5000)
        found = read_behind(plan, snapshot=self.snapshot, engines=self.bench.engines, deadline=60)
        return table_of(plan, found, [None] * len(found), EXACTLY).rows


@pytest.fixture(scope="module", params=KINDS, ids=str)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """Each engine with the same rows."""
    bench = make_bench(request.param, request, tmp_path_factory.mktemp("reviewed"))
    yield Subject(bench, bench.load(DATASET, RAW))
    bench.close()


@pytest.fixture(scope="module")
def plain() -> Iterator[duckdb.DuckDBPyConnection]:
    """The same rows where anybody may write any SQL."""
    with duckdb.connect() as connection:
        for name, rows in RAW.items():
            held = pa.Table.from_pylist(rows, schema=schema_of(DATASET.tables[name], rows))
            connection.register(name, held)
        yield connection


def by_hand(connection: duckdb.DuckDBPyConnection, of: dict[str, Any]) -> dict[Cell, Contributed]:
    keys, scale = of["keys"], of.get("scale", 1)
    known = [f"({made}) IS NOT NULL" for made in keys.values()]
    statement = BY_HAND.format(
        keys="".join(f"{made} AS {name}, " for name, made in keys.items()),
        names="".join(f"{name}, " for name in keys),
        qualified="".join(f"kept.{name}, " for name in keys),
        value=f"CAST(round({of['value']} * {scale}) AS HUGEINT)",
        source=of.get("source", "visits"),
        where=" AND ".join([f"({of.get('where', 'true')})", f"{of['value']} IS NOT NULL", *known]),
        same=" AND ".join(f"people.{name} = kept.{name}" for name in keys) or "true",
    )
    found = {}
    for row in connection.execute(statement).fetchall():
        units, rows, total, squares, size, top, second, values = map(int, row[len(keys) :])
        found[row[: len(keys)]] = Contributed(
            units=units, rows=rows, total=total, squares=squares, size=size, top=top, second=second,
            values=values,
        )  # fmt: skip
    return found


@pytest.mark.parametrize("case", CASES)
def test_every_engine_finds_behind_a_cell_what_plain_sql_finds(
    subject: Subject, plain: duckdb.DuckDBPyConnection, case: str
) -> None:
    sql, of = CASES[case]
    found = subject.behind(sql)
    assert found == by_hand(plain, of)
    assert found


def test_the_comparison_finds_an_engine_that_adds_contributions_up_with_their_signs(
    subject: Subject, plain: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.sources.contributions.exp.Abs", lambda this: exp.Paren(this=this))
    sql, of = CASES["negative values"]
    assert subject.behind(sql) != by_hand(plain, of)


def test_every_aggregate_is_the_one_of_plain_sql_totals_and_missing_values_included(
    subject: Subject, plain: duckdb.DuckDBPyConnection
) -> None:
    rows = subject.table(
        "SELECT district, COUNT(*) AS n, COUNT(DISTINCT person_id) AS p, COUNT(cost) AS c, SUM(cost) AS s, "
        "AVG(cost) AS m, VAR_SAMP(cost) AS v, STDDEV_POP(cost) AS d FROM visits GROUP BY ROLLUP (district)"
    )
    expected = plain.execute(
        "SELECT district, count(*), count(DISTINCT person_id), count(cost), sum(cost), avg(cost), "
        "var_samp(cost), stddev_pop(cost) FROM visits WHERE district IS NOT NULL GROUP BY ROLLUP (district)"
    ).fetchall()
    by_key = {row[0]: row[1:] for row in expected}
    assert {row[0] for row in rows} == set(by_key)
    for key, *values in rows:
        assert [float(value) for value in values] == pytest.approx(by_key[key], rel=1e-9)
