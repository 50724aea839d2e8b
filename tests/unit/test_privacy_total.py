"""Totals of several groups: their noise stays within the width that is shown."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sandbox.privacy.loss import Loss
from sandbox.privacy.mechanism import Noise, gaussian, half_width, laplace
from sandbox.privacy.noise import draw
from sandbox.privacy.total import half_width_of_sum

NOISES = (
    laplace(l1=1, epsilon=Decimal("0.1")),
    laplace(l1=20, epsilon=Decimal(1)),
    gaussian(l2_squared=400, loss=Loss.of_pure(Decimal(1))),
)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("members", [2, 12, 100])
def test_the_total_s_noise_stays_within_the_width_as_often_as_said(noise: Noise, members: int) -> None:
    width = half_width_of_sum(noise, members, 0.95)
    drawn = draw(noise, 400 * members).reshape(400, members).sum(axis=1)
    assert (abs(drawn) <= width).mean() >= 0.95


@pytest.mark.parametrize("noise", NOISES)
def test_the_width_grows_about_as_the_root_of_the_members(noise: Noise) -> None:
    one, hundred = half_width(noise, 0.95), half_width_of_sum(noise, 100, 0.95)
    assert 8 * one <= hundred <= 20 * one


def test_half_the_width_is_found_too_narrow() -> None:
    noise = NOISES[1]
    width = half_width_of_sum(noise, 12, 0.95) // 4
    drawn = draw(noise, 4_800).reshape(400, 12).sum(axis=1)
    assert (abs(drawn) <= width).mean() < 0.95
