"""How far the noise of several groups together moves their total.

Chernoff's bound: for m independent draws with moment generating function M,
P(sum > t) <= M(l)^m e^(-l t) for every l > 0. With a = e^(-1/s) the integer Laplace distribution of
scale s has M(l) = (1 - a)^2 / ((1 - a e^l) (1 - a e^-l)) for l < 1/s; the discrete Gaussian has
M(l) <= e^(l^2 s^2 / 2) (C. Canonne, G. Kamath, T. Steinke, The Discrete Gaussian for Differential
Privacy, 2020, Lemma 10).
"""

from __future__ import annotations

import math

from sandbox.privacy.mechanism import Mechanism, Noise

_STEPS = 400
"""Values of l that are tried; each gives a bound that holds."""
_MARGIN = 1 + 1e-9
"""Covers the rounding of log and exp."""


def half_width_of_sum(noise: Noise, members: int, confidence: float) -> int:
    """Return a t such that the sum of ``members`` draws stays within +-t with ``confidence``."""
    log = math.log(2 / (1 - confidence))
    if noise.mechanism is Mechanism.GAUSSIAN:
        bound = noise.scale * math.sqrt(2 * members * log)
    else:
        rate = 1 / noise.scale
        bound = min(
            (members * _log_moment(rate, l_part * rate / _STEPS) + log) / (l_part * rate / _STEPS)
            for l_part in range(1, _STEPS)
        )
    return math.ceil(bound * _MARGIN)


def _log_moment(rate: float, at: float) -> float:
    """Return the logarithm of M(at) of the integer Laplace distribution of scale 1 / rate."""
    return 2 * _log1mexp(rate) - _log1mexp(rate - at) - _log1mexp(rate + at)


def _log1mexp(value: float) -> float:
    return math.log(-math.expm1(-value))
