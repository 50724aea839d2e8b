"""What a policy may say of budgets: parts of the whole, or a mistake with its key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sandbox.policy.agree import Mistake
from sandbox.policy.load import PolicyMistakes, load
from sandbox.sources.snapshot import shape_of

SHIPPED = Path(__file__).parents[2] / "policies"
DATASET = "datasets/health_visits.toml"
STUDY = "authorizations/visits-study.toml"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the policies that are shipped, to be changed."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "policies"))


def _limit(directory: Path, epsilon: str) -> None:
    """Give the dataset a budget of its own."""
    path = directory / DATASET
    path.write_text(f'lifetime_epsilon = "{epsilon}"\n' + path.read_text(encoding="utf-8"), encoding="utf-8")


def _mistakes(directory: Path) -> tuple[Mistake, ...]:
    with pytest.raises(PolicyMistakes) as caught:
        load(directory)
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("written", "key", "sentence"),
    [
        ('analyst_epsilon = "8.5"', "loss.analyst_epsilon", "part of total_epsilon; write at most 8"),
        ('initial_epsilon = "9"', "loss.initial_epsilon", "part of total_epsilon"),
        ('analyst_most_epsilon = "4"', "loss.analyst_most_epsilon", "nothing to raise"),
        (
            'analyst_epsilon = "4"\nanalyst_most_epsilon = "4"',
            "loss.analyst_most_epsilon",
            "more than analyst_epsilon",
        ),
        ('[loss.window]\nepsilon = "9"\ndays = 30', "loss.window.epsilon", "part of total_epsilon"),
        ('[loss.window]\nepsilon = "2"\ndays = 0', "loss.window.days", "at least 1"),
        ('[loss.window]\nepsilon = "2"\ndays = "30"', "loss.window.days", "whole number"),
        ('[loss.window]\nepsilon = "2"', "loss.window.days", "missing"),
    ],
)
def test_a_budget_that_is_no_part_of_the_whole_is_a_mistake(
    directory: Path, written: str, key: str, sentence: str
) -> None:
    path = directory / STUDY
    path.write_text(path.read_text(encoding="utf-8") + written + "\n", encoding="utf-8")
    (mistake,) = _mistakes(directory)
    assert (mistake.file, mistake.key) == (STUDY, key)
    assert sentence in mistake.sentence


@pytest.mark.parametrize(
    ("epsilon", "key", "sentence"),
    [
        ("20.5", "lifetime_epsilon", "population's lifetime budget; write at most 20"),
        ("0.05", "profile_epsilon", "Registration alone would spend the dataset's 0.05"),
    ],
)
def test_a_datasets_own_budget_lies_between_registration_and_population(
    directory: Path, epsilon: str, key: str, sentence: str
) -> None:
    _limit(directory, epsilon)
    (mistake,) = _mistakes(directory)
    assert mistake.key == key
    assert sentence in mistake.sentence


def test_a_datasets_own_budget_does_not_change_the_copy_it_needs(directory: Path) -> None:
    before = shape_of(load(directory).datasets["health_visits"])
    _limit(directory, "9")
    assert shape_of(load(directory).datasets["health_visits"]) == before
