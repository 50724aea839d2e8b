"""What an analyst is told of further questions: what they cost, how many fit, and what stops them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sandbox.ledger.ledger import Balance
from sandbox.ledger.scopes import BudgetLine, spoken
from sandbox.privacy.loss import Loss
from sandbox.web.pages_budgets import _cost, _possible

DELTA = Decimal("1e-6")


def left(scope: str, amount: int) -> Balance:
    line = BudgetLine(scope=scope, cap=Loss(amount), delta=DELTA)
    return Balance(line=line, spent=Loss(0), left=Loss(amount))


BALANCES = (
    left("analyst:study:ana", 30),
    left("authorization:study", 100),
    left("authorization-delta:study", 7),
    left("window:study:2026-06-01", 45),
)


def test_the_budget_with_the_least_room_says_how_many_more_fit() -> None:
    assert _possible(10, {}, BALANCES) == {"possible": 3, "limit": "analyst ana under authorization study"}
    assert _possible(31, {}, BALANCES)["possible"] == 0


def test_a_question_that_takes_delta_is_limited_by_its_reserve_too() -> None:
    deltas = {"authorization-delta:study": 4}
    assert _possible(10, deltas, BALANCES) == {
        "possible": 1,
        "limit": "reserved delta of authorization study",
    }


def test_more_questions_cost_what_their_losses_add_up_to() -> None:
    one = Loss.of_pure(Decimal("0.5")).picorho
    told = _cost(10 * one, BALANCES)
    assert told == {"more_loss": 10 * one, "more_epsilon": str(Loss(10 * one).epsilon(DELTA))}
    assert Decimal(told["more_epsilon"]) != 10 * Decimal("0.5")  # epsilons do not add up


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("population:residents", "population residents"),
        ("dataset:visits", "dataset visits"),
        ("authorization:study", "authorization study"),
        ("analyst:study:ana", "analyst ana under authorization study"),
        ("window:study:2026-06-01", "window 2026-06-01 of authorization study"),
        ("window:study", "window of authorization study"),
        ("population-delta:residents", "reserved delta of population residents"),
    ],
)
def test_every_scope_has_words(scope: str, words: str) -> None:
    assert spoken(scope) == words
