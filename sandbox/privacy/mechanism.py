"""Which noise a sensitivity needs, and how far it reaches; mathematics only, no noise is drawn here.

Scales stand on a public grid, 32 steps to the octave, and are always rounded up: more noise than is
needed, never less, by at most 2.2 %. So few scales serve all questions, and noise for them can be
drawn ahead of time.

- Integer Laplace noise of scale s on a vector that one unit changes by at most d in L1 is
  (d / s)-DP (A. Ghosh, T. Roughgarden, M. Sundararajan, Universally Utility-Maximizing Privacy
  Mechanisms, 2009).
- Discrete Gaussian noise of scale s on one that it changes by at most d in L2 is (d^2 / (2 s^2))-zCDP
  (C. Canonne, G. Kamath, T. Steinke, The Discrete Gaussian for Differential Privacy, 2020, Theorem 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from statistics import NormalDist

from sandbox.privacy.loss import PICO, Loss

STEPS_PER_OCTAVE = 32
LARGEST_SCALE = 2**56
"""Above it noise could reach the ends of 64 bits; below it 2^62 is reached once in e^64 draws."""
_ROOM = 1 + Fraction(1, 2**40)
"""Covers the roundings of the mechanisms' own maps; it changes no visible digit."""
_MARGIN = 1 + 1e-12
"""Covers the rounding of log and exp."""


class Mechanism(StrEnum):
    """Kinds of integer noise."""

    LAPLACE = "discrete-laplace"
    GAUSSIAN = "discrete-gaussian"


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise:
    """Integer noise of one scale of the grid."""

    mechanism: Mechanism
    scale: float
    """Of Laplace noise the s in e^(-|x| / s), of Gaussian noise the s in e^(-x^2 / (2 s^2))."""


def laplace(*, l1: int, epsilon: Decimal) -> Noise:
    """Return the least noise of the grid with l1 / scale <= epsilon.

    Raises:
        OverflowError: the noise would not fit into 64 bits.
        ValueError: nothing can be hidden: the sensitivity or the epsilon is not above 0.
    """
    if l1 < 1 or not epsilon > 0:
        raise ValueError("noise needs a sensitivity and an epsilon above 0")
    return Noise(mechanism=Mechanism.LAPLACE, scale=_on_grid(Fraction(l1) / Fraction(epsilon)))


def gaussian(*, l2_squared: int, loss: Loss) -> Noise:
    """Return the least noise of the grid with l2_squared / (2 scale^2) <= rho.

    Raises:
        OverflowError, ValueError: as :func:`laplace`.
    """
    if l2_squared < 1 or loss.picorho < 1:
        raise ValueError("noise needs a sensitivity and a loss above 0")
    squared = Fraction(l2_squared) * int(PICO) / (2 * loss.picorho)
    # The root of the next larger whole number of 2^-80, so that it is never too small.
    root = Fraction(math.isqrt(math.ceil(squared * 2**80)) + 1, 2**40)
    return Noise(mechanism=Mechanism.GAUSSIAN, scale=_on_grid(root))


def half_width(noise: Noise, confidence: float) -> int:
    """Return a t, the least for Laplace noise, such that noise stays within +-t with ``confidence``.

    Laplace: with a = e^(-1/s), P(|X| > t) = 2 a^(t+1) / (1 + a) for whole t >= 0. Gaussian: P(X > t) is
    at most that of the normal distribution above t, because the sum of e^(-x^2/(2 s^2)) from t + 1 on is
    at most its integral from t on, and the sum over all whole x is at least the whole integral (by
    Poisson's summation formula; Canonne, Kamath and Steinke 2020, Proposition 25).
    """
    rest = 1 - confidence
    if noise.mechanism is Mechanism.GAUSSIAN:
        return math.ceil(noise.scale * -NormalDist().inv_cdf(rest / 2) * _MARGIN)
    ratio = math.exp(-1 / noise.scale)
    bound = noise.scale * math.log(2 / ((1 + ratio) * rest)) * _MARGIN - 1
    return max(0, math.ceil(bound))


def _on_grid(least: Fraction) -> float:
    wanted = least * _ROOM
    if wanted > LARGEST_SCALE:
        raise OverflowError("the noise would not fit into 64 bits")
    step = math.floor(math.log2(float(wanted)) * STEPS_PER_OCTAVE)
    while Fraction(_grid(step)) < wanted:
        step += 1
    return _grid(step)


def _grid(step: int) -> float:
    octave, rest = divmod(step, STEPS_PER_OCTAVE)
    return math.ldexp(2 ** (rest / STEPS_PER_OCTAVE), octave)
