"""A question kept ready is still asked by somebody, at some moment: both are checked every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.errors import NotAllowed, Refusal
from sandbox.policy.load import load
from sandbox.policy.roles import Actor
from sandbox.question import Questions, Request

NOW = datetime(2027, 1, 1, tzinfo=UTC)
POLICIES = Path(__file__).parents[1] / "policies"


@pytest.fixture
def request_of_ana(actor: Callable[[str], Actor]) -> Request:
    return Request(
        sql="SELECT COUNT(*) AS n FROM visits",
        authorization="visits-study",
        epsilon=Decimal("0.5"),
        actor=actor("ana"),
        arrived=0.0,
    )


def test_what_was_made_ready_once_is_the_same_value_again(request_of_ana: Request) -> None:
    questions = Questions(load(POLICIES))
    assert questions.ready(request_of_ana, now=NOW) is questions.ready(request_of_ana, now=NOW)


def test_one_epsilon_has_one_spelling(request_of_ana: Request) -> None:
    ready = [
        Questions(load(POLICIES)).ready(replace(request_of_ana, epsilon=Decimal(text)), now=NOW).plan_digest
        for text in ("0.5", "0.50", "0.500000")
    ]
    assert len(set(ready)) == 1


@pytest.mark.parametrize("year", [2025, 2030])
def test_outside_its_term_a_kept_question_is_refused(request_of_ana: Request, year: int) -> None:
    questions = Questions(load(POLICIES))
    questions.ready(request_of_ana, now=NOW)
    with pytest.raises(NotAllowed, match="authorization"):
        questions.ready(request_of_ana, now=NOW.replace(year=year))


def test_out_of_the_group_a_kept_question_is_refused(request_of_ana: Request) -> None:
    questions = Questions(load(POLICIES))
    questions.ready(request_of_ana, now=NOW)
    left = replace(request_of_ana.actor, groups=frozenset({"analysts"}))
    with pytest.raises(NotAllowed, match="no authorization"):
        questions.ready(replace(request_of_ana, actor=left), now=NOW)


def test_a_refused_text_is_refused_every_time(request_of_ana: Request) -> None:
    questions = Questions(load(POLICIES))
    for _ in range(2):
        with pytest.raises(Refusal):
            questions.ready(replace(request_of_ana, sql="SELECT * FROM visits"), now=NOW)
