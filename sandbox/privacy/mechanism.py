"""Which noise hides one unit, and how far it moves a number: mathematics alone, nothing is drawn here.

Two distributions over the integers, both centered on 0, each independent from cell to cell:

discrete Laplace of scale s
    P(X = x) is proportional to a^|x| with a = e^(-1/s). Costs epsilon = l1 / s, where l1 is how far one
    unit moves the vector in L1 (A. Ghosh, T. Roughgarden, M. Sundararajan, Universally
    Utility-Maximizing Privacy Mechanisms, 2009).
discrete Gaussian of scale s
    P(X = x) is proportional to e^(-x^2 / 2s^2). Costs rho = l2^2 / 2s^2 of zCDP for every s, however
    small (C. Canonne, G. Kamath, T. Steinke, The Discrete Gaussian for Differential Privacy, 2020,
    https://arxiv.org/abs/2004.00010, Theorem 14; the continuous case is Proposition 1.6 of Bun and
    Steinke, 2016).

Scales lie on a public grid, 64 to the octave and exact in binary, so that questions share noise drawn
ahead of time and no rounding of a logarithm decides anything. A scale is only ever rounded up to the
grid, by less than 1/64, which only lowers the loss. Whole scales up to 128 are on the grid.

Every probability here is an upper bound of a tail, so intervals never cover less than they say.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate

from sandbox.errors import SandboxError
from sandbox.privacy.loss import PICO, Loss

LARGEST_SCALE = 2.0**56
"""Above it noise could reach the ends of 64 bits; at it 2^62 is passed once in e^64 draws."""
SMALLEST_SCALE = 2.0**-7
"""Already next to no noise: it hides a change of 1 at an epsilon of 128, which nobody may ask for."""
_MANTISSAS = 128
"""A scale is k / 128 times a power of two, with whole k from 64 to 127."""
_TABULATED = 64
"""Up to this scale sums over the discrete Gaussian are taken term by term; above, by integrals."""
_MARGIN = 1 + 1e-12
"""Covers the rounding of exp and erfc wherever the result is above 1e-300."""
_LEAST_CHANCE = 1e-300
"""Chances below it leave the range in which :data:`_MARGIN` holds."""


class NoiseTooLarge(SandboxError, OverflowError):
    """One unit moves a number further than noise of 64 bits can hide at this loss."""


class Mechanism(StrEnum):
    """Distribution of the noise."""

    LAPLACE = "discrete-laplace"
    GAUSSIAN = "discrete-gaussian"


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise:
    """A distribution over the integers; made by :func:`laplace` and :func:`gaussian`.

    Raises:
        ValueError: the scale is not on the public grid from 2^-7 to 2^56.
    """

    mechanism: Mechanism
    scale: float
    """Decay length of the Laplace, sigma of the Gaussian, in units of the noised integers."""

    def __post_init__(self) -> None:
        inside = SMALLEST_SCALE <= self.scale <= LARGEST_SCALE  # false for NaN as well
        if not inside or not (math.frexp(self.scale)[0] * _MANTISSAS).is_integer():
            raise ValueError("a scale of noise lies on the public grid")


def laplace(*, l1: int, epsilon: Decimal) -> Noise:
    """Return the least Laplace noise that hides a change of ``l1`` in L1 at pure ``epsilon``.

    Raises:
        NoiseTooLarge: it would not fit 64 bits.
        ValueError: ``l1`` or ``epsilon`` is not above 0.
    """
    if l1 < 1 or not (epsilon.is_finite() and epsilon > 0):
        raise ValueError("noise hides a change of at least 1 at a finite epsilon above 0")
    wanted = Fraction(epsilon)
    scale = _least_scale(l1 / wanted, lambda s: Fraction(rounded_up(l1 / Fraction(s))) <= wanted)
    return Noise(mechanism=Mechanism.LAPLACE, scale=scale)


def gaussian(*, l2_squared: int, loss: Loss) -> Noise:
    """Return the least Gaussian noise that hides a change of squared L2 ``l2_squared`` at ``loss``.

    The square is an integer where the distance is not: sqrt(K c) for K rows of which c share a cell.

    Raises:
        NoiseTooLarge: it would not fit 64 bits, or the loss is 0.
        ValueError: ``l2_squared`` is not above 0.
    """
    if l2_squared < 1:
        raise ValueError("noise hides a change of at least 1")
    if loss.picorho == 0:
        raise NoiseTooLarge("no noise costs nothing")
    rho = Fraction(loss.picorho, int(PICO))
    square = l2_squared / (2 * rho)
    if square > Fraction(LARGEST_SCALE) ** 2:
        raise NoiseTooLarge("the noise does not fit 64 bits")
    distance = Fraction(l2_distance(l2_squared))

    def affordable(scale: float) -> bool:
        return Fraction(rounded_up((distance / Fraction(scale)) ** 2 / 2)) <= rho

    below = Fraction(math.sqrt(square) * (1 - 2.0**-50))  # just under the root: the search only moves up
    return Noise(mechanism=Mechanism.GAUSSIAN, scale=_least_scale(below, affordable))


def l2_distance(l2_squared: int) -> float:
    """Return the smallest float whose square is at least ``l2_squared``."""
    root = math.isqrt(l2_squared)
    distance = rounded_up(Fraction(root)) if root * root == l2_squared else math.sqrt(l2_squared)
    while Fraction(distance) ** 2 < l2_squared:
        distance = math.nextafter(distance, math.inf)
    while Fraction(below := math.nextafter(distance, 0)) ** 2 >= l2_squared:
        distance = below
    return distance


def rounded_up(exact: Fraction) -> float:
    """Return the smallest float at or above ``exact``: how the mechanisms' maps round their result."""
    nearest = float(exact)
    return math.nextafter(nearest, math.inf) if Fraction(nearest) < exact else nearest


def half_width(noise: Noise, confidence: float, *, together: int = 1) -> int:
    """Return the smallest t such that ``together`` samples all lie within +-t with ``confidence``.

    The smallest for one sample, up to the tail bound of :func:`tail`; several use the union bound.
    """
    return reach(noise, (1 - confidence) / (2 * together)) - 1


def variance(noise: Noise) -> float:
    """Return the variance of one sample.

    Laplace: 2a / (1 - a)^2 = 1 / (2 sinh^2(1 / 2s)) (S. Inusah, T. Kozubowski, A Discrete Analogue of the
    Laplace Distribution, 2006). Gaussian: by Poisson summation s^2 up to a part of
    e^(-2 pi^2 s^2), and never more; summed term by term where that could be seen.
    """
    if noise.mechanism is Mechanism.LAPLACE:
        return 1 / (2 * math.sinh(1 / (2 * noise.scale)) ** 2)
    if noise.scale > _TABULATED:
        return noise.scale**2
    weights = _weights(noise.scale)
    second = 2 * math.fsum(x * x * weight for x, weight in enumerate(weights))
    return second / (2 * math.fsum(weights) - 1)


def reach(noise: Noise, chance: float) -> int:
    """Return the smallest m >= 1 such that a sample is m or more with at most ``chance``.

    Raises:
        ValueError: ``chance`` is not between 1e-300 and 1.
    """
    if not _LEAST_CHANCE <= chance < 1:
        raise ValueError("a chance lies between 1e-300 and 1")
    low, high = 0, 1  # the tail at high is small enough; at low it is not, or low is 0
    while tail(noise, high) > chance:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if tail(noise, middle) > chance:
            low = middle
        else:
            high = middle
    return high


def tail(noise: Noise, least: int) -> float:
    """Return P(X >= least) for whole ``least`` >= 1: never below the truth, and above it by a hair.

    Laplace: a^m / (1 + a). Gaussian up to a scale of 64: the sum itself. Above, with f(x) = e^(-x^2 / 2s^2),
    the sum of f over the integers is at least s sqrt(2 pi) (Poisson summation: every term is positive), and

    - for m - 1/2 >= s the function f is convex on the tail, so each f(k) is at most its integral from
      k - 1/2 to k + 1/2 (Hermite and Hadamard), and P(X >= m) <= erfc((m - 1/2) / (s sqrt 2)) / 2;
    - below it f(k) is at most its integral from k - 1 to k, as f falls: the same with m - 1.
    """
    scale = noise.scale
    if noise.mechanism is Mechanism.LAPLACE:
        bound = math.exp(-least / scale) / (1 + math.exp(-1 / scale))
    elif scale <= _TABULATED:
        tails = _tails(scale)
        bound = tails[least] if least < len(tails) else 0.0
    else:
        start = least - 0.5 if least - 0.5 >= scale else least - 1
        bound = math.erfc(start / (scale * math.sqrt(2))) / 2
    return max(bound * _MARGIN, _LEAST_CHANCE)


def _least_scale(lower: Fraction, affordable: Callable[[float], bool]) -> float:
    """Return the smallest scale of the grid that is at least ``lower`` and affordable."""
    if lower > LARGEST_SCALE:
        raise NoiseTooLarge("the noise does not fit 64 bits")
    lower = max(lower, Fraction(SMALLEST_SCALE))
    mantissa, exponent = math.frexp(float(lower))
    step = int(mantissa * _MANTISSAS)
    while True:
        scale = math.ldexp(step, exponent) / _MANTISSAS
        if scale >= lower and affordable(scale):
            break
        step += 1 if step < _MANTISSAS else 2  # past a power of two the grid is twice as wide
    if scale > LARGEST_SCALE:
        raise NoiseTooLarge("the noise does not fit 64 bits")
    return scale


@lru_cache(maxsize=64)
def _weights(scale: float) -> tuple[float, ...]:
    """Return e^(-x^2 / 2s^2) for x = 0, 1, ... until it is no longer above the least float."""
    last = math.ceil(scale * math.sqrt(2 * 745))
    return tuple(math.exp(-((x / scale) ** 2) / 2) for x in range(last + 1))


@lru_cache(maxsize=64)
def _tails(scale: float) -> tuple[float, ...]:
    """Return P(X >= m) for m = 0, 1, ...; summed from the smallest term up."""
    weights = _weights(scale)
    sums = tuple(accumulate(reversed(weights)))[::-1]
    total = 2 * sums[0] - 1
    return tuple(part / total for part in sums)
