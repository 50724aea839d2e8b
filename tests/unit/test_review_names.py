"""What may be handed in is what the documentation says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.review.screen.names import INSTEAD, KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "canonical-forms.md").read_text()


@pytest.mark.parametrize("ending", [*KINDS, *INSTEAD])
def test_every_ending_is_in_the_documentation(ending: str) -> None:
    assert f"`{ending}`" in PAGE
