"""A private answer against the plain query, both in DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb

from benchmarks.bench import KEPT, Bench
from benchmarks.data import kept_share
from benchmarks.harness import Result, interleaved, say
from sandbox.sources.engines.duck import MEMORY, THREADS

GOAL: Final = 1.3
BASELINE: Final = (
    "Count, sum and average by key. Private: Gateway.ask from the text to the receipt, charge and outcome "
    f"durable in the log, over a copy with {KEPT} rows a person ({kept_share(KEPT):.0%} of all rows). Plain: "
    "the same aggregates over a native DuckDB table with all raw rows in their raw types, on a connection "
    f"that stays open. {THREADS} threads each, in turns."
)
QUESTIONS: Final = {
    "by service": (
        "SELECT service, COUNT(*) AS n, SUM(cost) AS total, AVG(cost) AS mean FROM visits GROUP BY service",
        "SELECT service, count(*), sum(cost), avg(cost) FROM visits GROUP BY service",
    ),
    "filtered, two keys": (
        """SELECT region, service, COUNT(*) AS n, SUM(cost) AS total, AVG(cost) AS mean FROM visits
           WHERE day >= '2024-07-01' GROUP BY region, service""",
        """SELECT region, service, count(*), sum(cost), avg(cost) FROM visits
           WHERE day >= DATE '2024-07-01' GROUP BY region, service""",
    ),
}


def measure(bench: Bench) -> Iterator[Result]:
    """Ask in turns through the gateway and of a plain table with all rows."""
    rows = bench.sizes.large
    ours, source = bench.registered(rows), bench.source(rows)
    plain = bench.work / "plain.duckdb"
    with duckdb.connect(str(plain)) as connection:
        connection.execute("CREATE TABLE visits AS SELECT * FROM read_parquet(?)", [str(source)])
    with duckdb.connect(
        str(plain), read_only=True, config={"threads": THREADS, "memory_limit": MEMORY}
    ) as connection:
        for name, (private, baseline) in QUESTIONS.items():
            say(f"DuckDB: {name}")
            answered, queried = interleaved(
                lambda sql=private: ours.ask(sql),  # type: ignore[misc]  # binds the loop's value
                lambda sql=baseline: connection.execute(sql).fetchall(),  # type: ignore[misc]  # as above
                repetitions=bench.sizes.repetitions,
            )
            yield Result(
                name=f"DuckDB, {rows:,} rows, {name}: private / plain",
                value=answered / queried,
                unit="ratio",
                goal=GOAL,
                notes=(
                    BASELINE,
                    f"{name}: median {answered * 1e3:.1f} ms and {queried * 1e3:.1f} ms.",
                ),
            )
