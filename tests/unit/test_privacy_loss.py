from __future__ import annotations

from decimal import Decimal
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Malformed
from sandbox.privacy.loss import Loss, parse_epsilon

EPSILONS = st.decimals(min_value="0.000001", max_value="100", places=6)
DELTAS = st.sampled_from([Decimal("1e-3"), Decimal("1e-6"), Decimal("1e-9")])


def test_an_epsilon_of_one_costs_half_a_rho() -> None:
    assert Loss.of_pure(Decimal(1)) == Loss(500_000_000_000)


def test_the_smallest_epsilon_is_rounded_up_and_never_free() -> None:
    assert Loss.of_pure(Decimal("0.000001")) == Loss(1)


def test_four_hundred_charges_of_a_four_hundredth_fit_a_budget_exactly() -> None:
    spent = sum((loss.picorho for loss in repeat(Loss.of_pure(Decimal("0.05")), 400)), start=0)
    assert Loss(spent) == Loss.of_pure(Decimal(1))


@given(total=EPSILONS, parts=st.integers(1, 8))
def test_parts_of_an_epsilon_never_cost_more_than_the_whole(total: Decimal, parts: int) -> None:
    part = (total / parts).quantize(Decimal("1e-12"), "ROUND_FLOOR")
    assert parts * (Loss.of_pure(part).picorho - 1) <= Loss.of_pure(total).picorho


@given(epsilon=EPSILONS, delta=DELTAS)
def test_a_cap_promises_its_own_epsilon_and_one_unit_more_would_not(epsilon: Decimal, delta: Decimal) -> None:
    cap = Loss.cap(epsilon=epsilon, delta=delta)
    assert cap.epsilon(delta) <= epsilon
    assert Loss(cap.picorho + 2).epsilon(delta) >= epsilon


def test_a_cap_agrees_with_the_published_conversion() -> None:
    # rho = (sqrt(ln 1e6 + 1) - sqrt(ln 1e6))^2 = 0.0174689...
    assert str(Loss.cap(epsilon=Decimal(1), delta=Decimal("1e-6")).picorho).startswith("174689")


def test_a_loss_is_never_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        Loss(-1)


@pytest.mark.parametrize("text", ["0.5", "1", "100", "0.000001", "2.25"])
def test_plain_decimals_are_read_as_written(text: str) -> None:
    assert parse_epsilon(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0.0",
        "-1",
        "NaN",
        "inf",
        "1e-3",
        "100.000001",
        "0.1000000",
        "",
        " 1",
        "1\n",
        "1_0",
        "\u0661",
        ".5",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_epsilon(text)
    assert refusal.value.code == "loss-invalid"
