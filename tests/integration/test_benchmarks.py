"""The benchmarks run from their command line, here with the smallest tables, and keep every figure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from postgres_server import programs

PROJECT = Path(__file__).parents[2]


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--tiny",
        "--output",
        str(tmp_path / "figures.json"),
    ]
    return subprocess.run([*command, *words], cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], str]:
    """Return what is kept and what is printed of one run."""
    directory = tmp_path_factory.mktemp("benchmarks")
    done = run(directory, "--only", "small", "--only", "speed", "--only", "growth")
    assert done.returncode == 0, done.stderr
    return json.loads((directory / "figures.json").read_text()), done.stdout


def test_every_figure_is_kept_with_its_goal_and_whether_it_holds(
    measured: tuple[list[dict[str, Any]], str],
) -> None:
    figures, _ = measured
    assert len(figures) > 10
    for figure in figures:
        assert list(figure) == ["name", "value", "unit", "goal", "holds"]
        assert figure["value"] > 0
        assert figure["goal"] is None or isinstance(figure["goal"], int | float)
        assert isinstance(figure["holds"], bool)


def test_names_are_unique_and_say_the_size_that_was_measured(
    measured: tuple[list[dict[str, Any]], str],
) -> None:
    names = [figure["name"] for figure in measured[0]]
    assert len(set(names)) == len(names)
    assert any("2,000 rows" in name for name in names)
    assert not any("10,000,000" in name for name in names)


def test_the_table_shows_each_figure_and_each_missed_goal(measured: tuple[list[dict[str, Any]], str]) -> None:
    figures, printed = measured
    lines = printed.splitlines()[2:]
    for figure, line in zip(figures, lines, strict=False):
        assert line.startswith(figure["name"])
        assert (" NO" in line) is not figure["holds"]


def test_the_time_of_a_small_question_is_shown_by_its_steps(
    measured: tuple[list[dict[str, Any]], str],
) -> None:
    steps = [figure["name"].split("which ")[1] for figure in measured[0] if "of which" in figure["name"]]
    assert steps[0] == "parse"
    assert {"plan", "charge", "extract", "noise", "post"} < set(steps)


@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed (Debian package postgresql)")
def test_postgresql_is_measured_on_a_server_of_its_own_where_it_is_installed(tmp_path: Path) -> None:
    done = run(tmp_path, "--only", "postgres")
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert {figure["name"].split(",")[0] for figure in figures} == {"PostgreSQL"}
    assert all(figure["value"] > 0 and figure["goal"] == 1.1 for figure in figures)


def test_a_measurement_that_cannot_be_named_is_refused_with_the_names(tmp_path: Path) -> None:
    done = run(tmp_path, "--only", "everything")
    assert done.returncode == 2
    assert (
        "'small', 'speed', 'growth', 'postgres', 'log', 'search', 'flood', 'screening', 'notebooks', 'peer'"
        in done.stderr
    )
    assert not (tmp_path / "figures.json").exists()
