"""Noise; the one module that speaks to OpenDP.

Only vectors of 64-bit integers, and only Laplace noise: the integer mechanism has no floating-point
side channel. Every call asks the mechanism's own map what it costs and refuses to run if that is
more than the plan paid for.

Why nothing overflows: a true cell is first saturated at +-2^62. Saturating is 1-Lipschitz in each
cell, so no L1 distance between neighbors grows and every sensitivity still holds. The mechanism adds
in big integers and saturates the result at the ends of 64 bits, which is post-processing.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import opendp.prelude as dp

from sandbox.errors import SandboxError
from sandbox.privacy.plan import ExactCells, NoisyCells, noise_scale

SATURATION = 2**62
"""Largest absolute value of a cell that enters the mechanism."""
MECHANISMS = 256
"""Mechanisms kept ready: making one costs more than using it, and questions repeat few scales."""


class NoiseFault(SandboxError):
    """The mechanism would cost more than was charged, or cannot run; nothing was released."""


def add_noise(exact: ExactCells) -> NoisyCells:
    """Add to each measurement its integer Laplace noise; this is where exact values end.

    Raises:
        NoiseFault: a measurement's noise would cost more than its epsilon.
    """
    if len(exact.values) != len(exact.plan.measurements):
        raise NoiseFault("one row of cells is needed for each measurement")
    noisy = (
        _laplace(row, sensitivity=m.sensitivity, epsilon=m.epsilon, scale=m.scale)
        for row, m in zip(exact.values, exact.plan.measurements, strict=True)
    )
    return NoisyCells(exact.plan, tuple(noisy))


def noisy_counts(counts: Sequence[int], *, sensitivity: int, epsilon: Decimal) -> tuple[int, ...]:
    """Release a vector of counts that one unit changes by at most ``sensitivity`` in L1.

    Raises:
        NoiseFault: the noise would cost more than ``epsilon``.
    """
    scale = noise_scale(sensitivity, epsilon)
    return _laplace(counts, sensitivity=sensitivity, epsilon=epsilon, scale=scale)


def _laplace(values: Sequence[int], *, sensitivity: int, epsilon: Decimal, scale: float) -> tuple[int, ...]:
    if not 0 < scale < float("inf"):
        raise NoiseFault("noise needs a finite scale above 0")  # OpenDP accepts 0 and releases the truth
    mechanism = _mechanism(scale)
    if sensitivity < 1 or Decimal(mechanism.map(sensitivity)) > epsilon:
        raise NoiseFault("the noise would cost more than was charged")
    saturated = [max(-SATURATION, min(SATURATION, value)) for value in values]
    return tuple(int(value) for value in mechanism(saturated))


@cache
def _features() -> None:
    dp.enable_features("contrib")


@lru_cache(maxsize=MECHANISMS)
def _mechanism(scale: float) -> Any:  # OpenDP's measurements carry no useful static type
    _features()
    integers = dp.vector_domain(dp.atom_domain(T="i64"))
    return dp.m.make_laplace(integers, dp.l1_distance(T="i64"), scale=scale)
