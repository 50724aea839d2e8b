"""Keys that are not public: how unlikely a group of one person is shown, and what is shown at all."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from questions import VISITS, dataset_of, plan_of

from sandbox.errors import NotAllowed, NotAnswerable
from sandbox.privacy.cells import ExactCells
from sandbox.privacy.loss import Loss
from sandbox.privacy.mechanism import Noise, gaussian, laplace
from sandbox.privacy.noise import add_noise, draw
from sandbox.privacy.plan import Plan
from sandbox.privacy.post import finish
from sandbox.privacy.threshold import DELTA_UNITS, capped, charged, threshold

NOISES = (laplace(l1=3, epsilon=Decimal(1)), gaussian(l2_squared=3, loss=Loss.of_pure(Decimal(1))))
WITH_TOWN: dict[str, dict[str, Any]] = {
    **VISITS,
    "town": {"use": "filter", "type": "text", "may_group": True},
}
RESERVED = {"threshold_delta": "1e-7", "reserved_delta": "5e-7"}
BY_TOWN = "SELECT town, COUNT(*) AS n FROM visits GROUP BY town"


def plan(sql: str = BY_TOWN) -> Plan:
    return plan_of(sql, dataset_of(WITH_TOWN), epsilon="2", loss=RESERVED)


def chance_of_one(noise: Noise, least: int) -> float:
    """Return P(1 + X >= least) of integer Laplace noise, by its closed form."""
    ratio = math.exp(-1 / noise.scale)
    return ratio ** (least - 1) / (1 + ratio)


@pytest.mark.parametrize("groups", [1, 4, 50])
@pytest.mark.parametrize("delta", ["1e-3", "1e-7", "1e-10"])
def test_a_laplace_threshold_is_the_least_that_costs_no_more_than_its_delta(groups: int, delta: str) -> None:
    least = threshold(NOISES[0], groups=groups, delta=Decimal(delta))
    assert groups * chance_of_one(NOISES[0], least) <= float(delta)
    assert groups * chance_of_one(NOISES[0], least - 1) > float(delta)


@pytest.mark.parametrize("noise", NOISES, ids=["laplace", "gaussian"])
def test_a_group_of_one_person_is_shown_no_more_often_than_its_delta(noise: Noise) -> None:
    draws, delta = 40_000, 0.01
    least = threshold(noise, groups=1, delta=Decimal(str(delta)))
    shown = (1 + draw(noise, draws) >= least).mean()
    slack = 4 * math.sqrt(delta / draws)
    assert shown <= delta + slack
    off = (1 + draw(noise, draws) >= least - 2 * math.ceil(noise.scale)).mean()
    assert off > delta + slack  # a threshold that is too low is found


def test_deltas_are_charged_rounded_up_and_reserved_rounded_down() -> None:
    third = Decimal(1) / 3 / 10**6
    assert charged(third) == capped(third) + 1
    assert charged(Decimal("1e-7")) * 10 == capped(Decimal("1e-6")) == DELTA_UNITS // 10**6


def test_a_key_whose_values_are_not_public_is_refused_where_no_delta_is_reserved() -> None:
    with pytest.raises(NotAllowed, match="not public"):
        plan_of(BY_TOWN, dataset_of(WITH_TOWN))
    with pytest.raises(NotAnswerable, match="cannot group"):
        plan_of("SELECT day, COUNT(*) AS n FROM visits GROUP BY day", dataset_of(WITH_TOWN))


def test_only_groups_that_reach_the_threshold_are_shown_sorted_by_key() -> None:
    made = plan()
    assert made.threshold is not None
    high, low = made.threshold.least + 400, made.threshold.least - 400
    exact = ExactCells(made, ((900, 9, 900), (high, low, high)), (), (("Alpha",), ("Beta",), ("Gamma",)))
    table = finish(add_noise(exact))
    assert [row[0] for row in table.rows] == ["Alpha", "Gamma"]


def test_the_number_of_persons_is_measured_even_where_it_is_not_asked_for() -> None:
    made = plan()
    assert made.threshold is not None
    assert [m.statistic.kind.value for m in made.measurements] == ["rows", "units"]
    assert made.threshold.delta == Decimal("1e-7")
    assert made.cells == ()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT town, MEDIAN(cost) AS m FROM visits GROUP BY town",
        "SELECT town, COUNT(*) AS n FROM visits GROUP BY ROLLUP(town)",
    ],
)
def test_quantiles_and_totals_of_such_keys_are_refused(sql: str) -> None:
    with pytest.raises(NotAnswerable) as refusal:
        plan(sql)
    assert refusal.value.code == "unlisted-keys"
