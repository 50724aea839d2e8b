"""A benchmark's figure says whether it holds, and nothing that was missed is hidden."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
from benchmark_modules import load


@pytest.fixture(scope="module")
def harness() -> ModuleType:
    return load("harness")


@pytest.mark.parametrize(
    ("value", "goal", "more", "holds"),
    [
        (1.3, 1.3, False, True),
        (1.31, 1.3, False, False),
        (50.0, 50.0, True, True),
        (49.9, 50.0, True, False),
        (7.0, None, False, True),
        (None, 1.3, False, False),
        (None, None, False, False),
    ],
)
def test_a_figure_holds_if_it_was_measured_and_reaches_its_goal(
    harness: ModuleType, value: float | None, goal: float | None, more: bool, holds: bool
) -> None:
    result = harness.Result(name="figure", value=value, unit="ratio", goal=goal, more_is_better=more)
    assert result.holds is holds
    assert result.to_document()["holds"] is holds


def test_the_table_shows_what_is_missed_and_what_was_not_measured(harness: ModuleType) -> None:
    lines = harness.table(
        [
            harness.Result(name="slow", value=9.0, unit="ms", goal=8, notes=("how",)),
            harness.Result(name="absent", value=None, unit="ms", goal=1, notes=("why", "how")),
        ]
    ).splitlines()
    assert lines[2].split() == ["slow", "9", "ms", "<=", "8", "NO", "1"]
    assert lines[3].split() == ["absent", "not", "measured", "ms", "<=", "1", "NO", "2", "1"]
    assert lines[4:] == ["[1] how", "[2] why"]


def test_a_rounded_figure_never_turns_a_miss_into_a_hold(harness: ModuleType, tmp_path: Path) -> None:
    harness.save([harness.Result(name="close", value=1.30001, unit="ratio", goal=1.3)], tmp_path / "f.json")
    (kept,) = json.loads((tmp_path / "f.json").read_text())
    assert kept == {"name": "close", "value": 1.3, "unit": "ratio", "goal": 1.3, "holds": False}


def test_works_are_run_in_turns_and_the_first_turn_is_not_counted(harness: ModuleType) -> None:
    turns: list[str] = []
    medians = harness.interleaved(lambda: turns.append("a"), lambda: turns.append("b"), repetitions=3)
    assert turns == ["a", "b"] * 4
    assert len(medians) == 2
    assert all(0 <= seconds < 1 for seconds in medians)


def test_an_error_is_the_root_of_the_mean_square(harness: ModuleType) -> None:
    assert harness.root_mean_square([3.0, -4.0]) == pytest.approx(12.5**0.5)
