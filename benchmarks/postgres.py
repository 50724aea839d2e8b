"""A private answer against the plain query, both in PostgreSQL, on the throw-away server that tests use."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks.bench import KEPT, Bench
from benchmarks.data import kept_share
from benchmarks.harness import Result, interleaved, say
from benchmarks.home import PROJECT, Registered, registered
from benchmarks.speed import QUESTIONS
from sandbox.governance.installation import Owners
from sandbox.settings import Settings

GOAL: Final = 1.1
TABLE: Final = "registers.visits"
COLUMNS: Final = (
    "person_id bigint, service text, region integer, tile_x integer, tile_y integer, day date, cost integer"
)
SESSION: Final = {"work_mem": "64MB", "max_parallel_workers_per_gather": "2", "jit": "off"}
"""Of the plain query: what the product sets for its own questions."""
BASELINE: Final = (
    f"As with DuckDB: a copy with {KEPT} rows a person ({kept_share(KEPT):.0%} of all rows) against the raw "
    "table with all rows, in one server on this machine, both analyzed and warm, the plain query under the "
    "same settings of memory and parallel workers."
)


def measure(bench: Bench) -> Iterator[Result]:
    """Ask in turns through the gateway and of the raw table."""
    rows = bench.sizes.postgresql
    server = tests_server()
    programs = server.programs()
    if programs is None:
        for name in QUESTIONS:
            yield Result(
                name=_name(rows, name),
                value=None,
                unit="ratio",
                goal=GOAL,
                notes=("PostgreSQL is not installed.",),
            )
        return
    with server.running(programs) as running, running.connect() as connection:
        running.directory.chmod(0o711)  # the registrar comes under a uid of its own
        _load(bench, connection, registrar=server.REGISTRAR)
        ours = _registered(bench, running)
        for setting, value in SESSION.items():
            connection.execute("SELECT set_config(%s, %s, false)", [setting, value])
        for name, (private, baseline) in QUESTIONS.items():
            say(f"PostgreSQL: {name}")
            plain = baseline.replace("FROM visits", f"FROM {TABLE}")
            answered, queried = interleaved(
                lambda sql=private: ours.ask(sql),  # type: ignore[misc]  # binds the loop's value
                lambda sql=plain: connection.execute(sql).fetchall(),  # type: ignore[misc]  # as above
                repetitions=bench.sizes.repetitions,
            )
            yield Result(
                name=_name(rows, name),
                value=answered / queried,
                unit="ratio",
                goal=GOAL,
                notes=(BASELINE, f"{name}: median {answered * 1e3:.1f} ms and {queried * 1e3:.1f} ms."),
            )
        ours.gateway.close()


def _name(rows: int, question: str) -> str:
    return f"PostgreSQL, {rows:,} rows, {question}: private / plain"


def tests_server() -> Any:
    """Return the tests' module that runs servers; it is on no path of the benchmarks."""
    sys.path.append(str(PROJECT / "tests"))
    return importlib.import_module("postgres_server")


def _load(bench: Bench, connection: Any, *, registrar: str) -> None:
    rows = bench.sizes.postgresql
    csv = bench.work / "postgres.csv"
    with duckdb.connect() as reader:
        reader.read_parquet(str(bench.source(rows))).write_csv(str(csv))
    connection.execute("CREATE SCHEMA registers")
    connection.execute(f"CREATE TABLE {TABLE} ({COLUMNS})")
    with (
        csv.open("rb") as file,
        connection.cursor().copy(f"COPY {TABLE} FROM STDIN (FORMAT csv, HEADER)") as copy,
    ):
        while block := file.read(1 << 20):
            copy.write(block)
    connection.execute(f"VACUUM ANALYZE {TABLE}")
    connection.execute(f"GRANT USAGE ON SCHEMA registers TO {registrar}")
    connection.execute(f"GRANT SELECT ON {TABLE} TO {registrar}")


def _registered(bench: Bench, running: Any) -> Registered:
    def give_keys(settings: Settings) -> None:
        owners = Owners.of(settings)
        _give(running.gateway, settings.postgresql_gateway, owners.gateway)
        _give(running.registrar, settings.postgresql_registrar, owners.registrar)

    say(f"registering {bench.sizes.postgresql:,} rows in PostgreSQL")
    return registered(
        bench.work / "home-postgresql",
        source=TABLE,
        engine="postgresql",
        bounds={"visits": KEPT},
        place=give_keys,
    )


def _give(key: Path, target: Path, uid: int) -> None:
    shutil.copy(key, target)  # with its mode
    if os.geteuid() == 0:
        os.chown(target, uid, uid)
