"""A question kept ready is still asked by somebody, at some moment: both are checked every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.errors import NotAllowed, Refusal
from sandbox.governance import catalogue
from sandbox.governance.installation import open_books
from sandbox.policy.load import load
from sandbox.policy.roles import Actor
from sandbox.question import Questions, Request, Wish
from sandbox.settings import Settings
from sandbox.sources.snapshot import Snapshot

NOW = datetime(2027, 1, 1, tzinfo=UTC)
Copies = Callable[[str, str], Snapshot]
POLICIES = Path(__file__).parents[1] / "policies"


@pytest.fixture
def copies(settings: Settings) -> Iterator[Copies]:
    """What stands registered."""
    books = open_books(settings)
    yield lambda dataset, shape: catalogue.active(books.engine, dataset, shape=shape)
    books.close()


@pytest.fixture
def request_of_ana(actor: Callable[[str], Actor]) -> Request:
    return Request(
        sql="SELECT COUNT(*) AS n FROM visits",
        authorization="visits-study",
        wish=Wish(epsilon=Decimal("0.5")),
        actor=actor("ana"),
        arrived=0.0,
    )


def test_what_was_made_ready_once_is_the_same_value_again(request_of_ana: Request, copies: Copies) -> None:
    questions = Questions(load(POLICIES))
    assert questions.ready(request_of_ana, now=NOW, copies=copies) is questions.ready(
        request_of_ana, now=NOW, copies=copies
    )


def test_one_epsilon_has_one_spelling(request_of_ana: Request, copies: Copies) -> None:
    ready = [
        Questions(load(POLICIES))
        .ready(replace(request_of_ana, wish=Wish(epsilon=Decimal(text))), now=NOW, copies=copies)
        .plan_digest
        for text in ("0.5", "0.50", "0.500000")
    ]
    assert len(set(ready)) == 1


@pytest.mark.parametrize("year", [2025, 2030])
def test_outside_its_term_a_kept_question_is_refused(
    request_of_ana: Request, copies: Copies, year: int
) -> None:
    questions = Questions(load(POLICIES))
    questions.ready(request_of_ana, now=NOW, copies=copies)
    with pytest.raises(NotAllowed, match="authorization"):
        questions.ready(request_of_ana, now=NOW.replace(year=year), copies=copies)


def test_out_of_the_group_a_kept_question_is_refused(request_of_ana: Request, copies: Copies) -> None:
    questions = Questions(load(POLICIES))
    questions.ready(request_of_ana, now=NOW, copies=copies)
    left = replace(request_of_ana.actor, groups=frozenset({"analysts"}))
    with pytest.raises(NotAllowed, match="no authorization"):
        questions.ready(replace(request_of_ana, actor=left), now=NOW, copies=copies)


def test_a_refused_text_is_refused_every_time(request_of_ana: Request, copies: Copies) -> None:
    questions = Questions(load(POLICIES))
    for _ in range(2):
        with pytest.raises(Refusal):
            questions.ready(replace(request_of_ana, sql="SELECT * FROM visits"), now=NOW, copies=copies)


def test_an_error_is_wished_for_instead_of_an_epsilon_never_beside_it(
    request_of_ana: Request, copies: Copies
) -> None:
    questions = Questions(load(POLICIES))
    wished = replace(request_of_ana, wish=Wish(target_error=Decimal(40)))
    made = questions.ready(wished, now=NOW, copies=copies)
    named = replace(request_of_ana, wish=Wish(epsilon=made.plan.epsilon))
    assert questions.ready(named, now=NOW, copies=copies).plan_digest == made.plan_digest
    both = replace(request_of_ana, wish=Wish(epsilon=Decimal(1), target_error=Decimal(40)))
    with pytest.raises(Refusal, match="Both"):
        questions.ready(both, now=NOW, copies=copies)
