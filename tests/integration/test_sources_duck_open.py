"""Copies that stay open between questions: quick, still locked down, never stale."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from sandbox.sources.engines import duck
from sandbox.sources.engines.duck import DuckEngine

COUNT = "SELECT count(*) FROM visits"
ENDLESS = "SELECT count(*) FROM range(10000000000) a, range(10000000000) b WHERE hash(a.range, b.range) = 7"


def copy(path: Path, rows: int) -> str:
    made = path.with_suffix(".new")
    with duckdb.connect(str(made)) as connection:
        connection.execute("CREATE TABLE visits AS SELECT range AS n FROM range(?)", [rows])
    made.replace(path)
    return str(path)


@pytest.fixture
def engine() -> Iterator[DuckEngine]:
    opened = DuckEngine(keep=2)
    yield opened
    opened.close()


@pytest.fixture
def opened_paths(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Paths in the order in which they were really opened."""
    seen: list[Path] = []
    right = duck.open_copy

    def counted(path: Path) -> duckdb.DuckDBPyConnection:
        seen.append(path)
        return right(path)

    monkeypatch.setattr(duck, "open_copy", counted)
    return seen


def test_a_copy_is_opened_once_for_many_questions(
    engine: DuckEngine, opened_paths: list[Path], tmp_path: Path
) -> None:
    location = copy(tmp_path / "a.duckdb", 7)
    assert [engine.run(location, COUNT, deadline=5) for _ in range(20)] == [[(7,)]] * 20
    assert len(opened_paths) == 1


def test_a_small_question_takes_a_few_milliseconds_at_most(engine: DuckEngine, tmp_path: Path) -> None:
    location = copy(tmp_path / "a.duckdb", 1000)
    engine.run(location, COUNT, deadline=5)
    taken = []
    for _ in range(50):
        before = time.perf_counter()
        engine.run(location, COUNT, deadline=5)
        taken.append(time.perf_counter() - before)
    assert sorted(taken)[10] < 0.01  # about 1 ms where the machine is free; opening alone takes 20


def test_the_copy_asked_longest_ago_is_closed_for_the_next(
    engine: DuckEngine, opened_paths: list[Path], tmp_path: Path
) -> None:
    a, b, c = (copy(tmp_path / f"{name}.duckdb", rows) for rows, name in enumerate("abc"))
    for location in (a, b, a, c, a, b):
        engine.run(location, COUNT, deadline=5)
    assert [path.stem for path in opened_paths] == ["a", "b", "c", "b"]


def test_a_replaced_copy_is_read_anew_and_a_removed_one_no_more(engine: DuckEngine, tmp_path: Path) -> None:
    location = copy(tmp_path / "a.duckdb", 7)
    assert engine.run(location, COUNT, deadline=5) == [(7,)]
    copy(tmp_path / "a.duckdb", 8)
    assert engine.run(location, COUNT, deadline=5) == [(8,)]
    Path(location).unlink()
    with pytest.raises(FileNotFoundError):
        engine.run(location, COUNT, deadline=5)
    assert not engine._copies


@pytest.mark.parametrize(
    "statement",
    ["SET threads = 4", "SET lock_configuration = false", "CREATE TABLE t (i INTEGER)", "DELETE FROM visits",
     "SELECT * FROM read_csv('/etc/passwd')", "ATTACH '/tmp/other.duckdb'", "LOAD httpfs"],
)  # fmt: skip
def test_every_question_of_an_open_copy_is_as_locked_down_as_the_first(
    engine: DuckEngine, tmp_path: Path, statement: str
) -> None:
    location = copy(tmp_path / "a.duckdb", 7)
    for _ in range(2):
        with pytest.raises(duckdb.Error):
            engine.run(location, statement, deadline=5)
    assert engine.run(location, COUNT, deadline=5) == [(7,)]


def test_a_question_past_its_deadline_ends_alone(engine: DuckEngine, tmp_path: Path) -> None:
    location = copy(tmp_path / "a.duckdb", 1_000_000)
    with ThreadPoolExecutor(4) as pool:
        slow = pool.submit(engine.run, location, ENDLESS, deadline=0.5)
        quick = [pool.submit(engine.run, location, COUNT, deadline=30) for _ in range(30)]
        assert all(one.result() == [(1_000_000,)] for one in quick)
        with pytest.raises(duckdb.InterruptException):
            slow.result(timeout=20)


def test_many_threads_ask_while_copies_come_and_go(engine: DuckEngine, tmp_path: Path) -> None:
    locations = [copy(tmp_path / f"{rows}.duckdb", rows) for rows in range(5)]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda n: engine.run(locations[n % 5], COUNT, deadline=30), range(200))
        assert [rows[0][0] for rows in found] == [n % 5 for n in range(200)]
    assert len(engine._copies) == 2


def test_a_copy_that_questions_run_on_is_neither_evicted_nor_opened_beside_them(
    engine: DuckEngine, opened_paths: list[Path], tmp_path: Path
) -> None:
    a, b, c = (copy(tmp_path / f"{name}.duckdb", rows) for rows, name in enumerate("abc"))
    with engine._connection(Path(a)):
        for location in (b, c, b, a):
            engine.run(location, COUNT, deadline=5)
        copy(tmp_path / "a.duckdb", 9)
        with pytest.raises(RuntimeError, match="replaced"):
            engine.run(a, COUNT, deadline=5)
    assert [path.stem for path in opened_paths] == ["a", "b", "c", "b"]
    assert engine.run(a, COUNT, deadline=5) == [(9,)]


def test_a_forked_process_gets_an_error_instead_of_a_crash(engine: DuckEngine, tmp_path: Path) -> None:
    location = copy(tmp_path / "a.duckdb", 7)
    engine.run(location, COUNT, deadline=5)
    with engine._lock:  # as if another thread of the parent held it at that moment
        child = os.fork()
        if child == 0:
            try:
                engine.run(location, COUNT, deadline=5)
            except RuntimeError:
                os._exit(42)
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    assert engine.run(location, COUNT, deadline=5) == [(7,)]


def test_a_closed_engine_opens_again_when_asked(engine: DuckEngine, tmp_path: Path) -> None:
    location = copy(tmp_path / "a.duckdb", 7)
    engine.run(location, COUNT, deadline=5)
    engine.close()
    assert not engine._copies
    assert engine.run(location, COUNT, deadline=5) == [(7,)]
