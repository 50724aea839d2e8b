"""Profiles: limits of the checks that are named together."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from sandbox.policy.load import load

SHIPPED = Path(__file__).parents[2] / "policies"


@pytest.mark.parametrize(
    ("profile", "limits"),
    [
        ("opensafely", {"min_cell": 8, "round_to": 5, "flag_zeros": False}),
        ("bundesbank", {"min_cell": 5, "two_share": 85, "flag_zeros": True}),
        ("strict", {"min_cell": 15, "significant_digits": 4, "class_share": 80}),
    ],
)
def test_each_shipped_profile_loads_and_can_be_tried(
    tmp_path: Path, profile: str, limits: dict[str, Any]
) -> None:
    tried = load(SHIPPED, profile=profile)
    assert {key: getattr(tried.review, key) for key in limits} == limits
    directory = Path(shutil.copytree(SHIPPED, tmp_path / "policies"))
    review = directory / "review.toml"
    review.write_text(review.read_text().replace('"sdap-default"', f'"{profile}"'))
    assert load(directory).digest == tried.digest
