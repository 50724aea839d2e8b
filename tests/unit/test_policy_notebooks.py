"""Sizes of notebooks as a policy: who may have which, and every mistake told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.errors import NotAllowed
from sandbox.policy.load import PolicyMistakes, load_notebooks

SHIPPED = Path(__file__).parents[2] / "policies"
WHOLE = """
idle_minutes = 60
age_hours = 24
home_mib = 1024
home_files = 10_000

[sizes.tiny]
title = "Tiny"
groups = ["analysts"]
processors = 1
memory_mib = 512
scratch_mib = 64
processes = 128

[sizes.huge]
title = "Huge"
groups = ["modellers", "statisticians"]
processors = 8
memory_mib = 65536
scratch_mib = 4096
processes = 1024
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "notebooks.toml").write_text(WHOLE)
    return tmp_path


def test_the_shipped_file_gives_analysts_the_small_one() -> None:
    policy = load_notebooks(SHIPPED)
    assert list(policy.sizes_of({"analysts"})) == ["small"]
    assert list(policy.sizes_of({"analysts", "large-notebooks"})) == ["small", "large"]


def test_the_first_size_of_ones_groups_is_taken_unasked(directory: Path) -> None:
    policy = load_notebooks(directory)
    assert policy.chosen("", {"analysts", "modellers"}).title == "Tiny"
    assert policy.chosen("huge", {"analysts", "modellers"}).title == "Huge"
    assert policy.chosen("", {"statisticians"}).title == "Huge"


@pytest.mark.parametrize(("name", "groups"), [("huge", {"analysts"}), ("vast", {"modellers"}), ("", set())])
def test_a_size_of_another_group_or_of_nobody_is_refused(
    directory: Path, name: str, groups: set[str]
) -> None:
    with pytest.raises(NotAllowed) as caught:
        load_notebooks(directory).chosen(name, groups)
    assert "Huge" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("idle_minutes = 60", "idle_minutes = 0", "idle_minutes"),
        ("idle_minutes = 60", "idle_minutes = 1.5", "idle_minutes"),
        ("home_mib = 1024", "home_mib = 8", "home_mib"),
        ("home_files = 10_000", "", "home_files"),
        ("processors = 8", "processors = 0", "sizes.huge.processors"),
        ("memory_mib = 512", 'memory_mib = "512"', "sizes.tiny.memory_mib"),
        ('groups = ["analysts"]', "groups = []", "sizes.tiny.groups"),
        ('title = "Huge"', 'title = "Huge"\nnetwork = "bridge"', "sizes.huge.network"),
        ("processes = 1024", "processes = -1", "sizes.huge.processes"),
    ],
)
def test_each_mistake_is_told_with_its_key(directory: Path, old: str, new: str, key: str) -> None:
    (directory / "notebooks.toml").write_text(WHOLE.replace(old, new, 1))
    with pytest.raises(PolicyMistakes) as caught:
        load_notebooks(directory)
    assert [mistake.key for mistake in caught.value.mistakes] == [key]


def test_without_the_file_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(PolicyMistakes, match=r"notebooks\.toml"):
        load_notebooks(tmp_path)
