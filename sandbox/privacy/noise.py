"""Noise; the one module that speaks to OpenDP.

Only vectors of 64-bit integers: the integer mechanisms have no floating-point side channel. Every use
compares what the mechanism's own map says that it costs with what was paid, and refuses to run above it.

Both mechanisms add noise that does not depend on the data, so noise drawn on zeros ahead of time and
added here has the same distribution. Nothing overflows: a true value v is first saturated at +-2^62,
which is 1-Lipschitz in each group, so no distance between neighbors grows; and the noisy value is cut
at +-(2^62 - 1) afterwards, which is post-processing. Where OpenDP itself had to cut noise n at -2^63 or
2^63 - 1, v + n is at or beyond that bound with its cut as without, so the result is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from opendp import domains, measurements, metrics, mod

from sandbox.errors import SandboxError
from sandbox.privacy.cells import Choice, ExactCells, NoisyCells
from sandbox.privacy.loss import PICO
from sandbox.privacy.measurement import CONFIDENCE, Measurement, Selection
from sandbox.privacy.mechanism import Mechanism, Noise, half_width, l2_distance, laplace
from sandbox.privacy.pool import Draws, Pool
from sandbox.privacy.quantile import scores

SATURATION = 2**62
"""Largest absolute value of a number that noise is added to."""
LARGEST_RELEASED = SATURATION - 1
"""Largest absolute value of one that is released: -2^62 plus the largest 64-bit number."""
MECHANISMS = 256
"""Mechanisms kept ready: making one costs more than using it."""


class NoiseFault(SandboxError):
    """The noise would cost more than was charged, or cannot be drawn; nothing was released."""


def add_noise(exact: ExactCells) -> NoisyCells:
    """Add to each measurement its noise, and make each choice; this is where exact values end.

    Raises:
        NoiseFault: noise would cost more than the plan paid for it.
    """
    plan = exact.plan
    if (len(exact.measured), len(exact.bins)) != (len(plan.measurements), len(plan.selections)):
        raise NoiseFault("one row of groups is needed for each measurement and each selection")
    measured = tuple(
        _measure(row, measurement) for row, measurement in zip(exact.measured, plan.measurements, strict=True)
    )
    chosen = tuple(
        _choose(np.array(bins, dtype=np.int64), selection)
        for bins, selection in zip(exact.bins, plan.selections, strict=True)
    )
    if plan.threshold is None:
        return NoisyCells(plan, measured, chosen)
    units = measured[plan.threshold.index]
    kept = [place for place, count in enumerate(units) if count >= plan.threshold.least]
    rows = tuple(tuple(row[place] for place in kept) for row in measured)
    return NoisyCells(plan, rows, chosen, tuple((exact.found or ())[place] for place in kept))


def noisy_counts(counts: Sequence[int], *, sensitivity: int, epsilon: Decimal) -> tuple[int, ...]:
    """Release a vector of counts that one unit changes by at most ``sensitivity`` in L1.

    Raises:
        NoiseFault: the noise would cost more than ``epsilon``.
    """
    noise = laplace(l1=sensitivity, epsilon=epsilon)
    _require_pure(noise, sensitivity=sensitivity, epsilon=epsilon)
    return _added(counts, noise)


def noisy_max(
    candidates: npt.NDArray[np.int64], *, sensitivity: int, epsilon: Decimal
) -> npt.NDArray[np.int64]:
    """Return the place of the largest score of each row, chosen under noise; epsilon-DP together.

    Args:
        candidates: scores, shape (groups, candidates).
        sensitivity: how far one unit moves any one score, summed over the groups.
        epsilon: of all rows together.

    Report-noisy-max (C. Dwork and A. Roth, The Algorithmic Foundations of Differential Privacy, 2014,
    section 3.3), with integer Laplace noise of scale s = 2 d / epsilon and the first of equal scores.
    Fix the noise of all candidates but i. On one database i is chosen when its noise is at least some
    whole number t (which settles ties); on a neighbor, on which no score moved by more than k, it is
    chosen when its noise is at least some t' <= t + 2 k. For integer Laplace noise
    P(X >= t + 2 k) >= e^(-2 k / s) P(X >= t) for whole t and k, so a row whose scores move by k costs
    2 k / s, and rows whose k sum to d cost 2 d / s = epsilon together.

    Raises:
        NoiseFault: the noise would cost more than ``epsilon``.
    """
    noise = laplace(l1=2 * sensitivity, epsilon=epsilon)
    _require_pure(noise, sensitivity=2 * sensitivity, epsilon=epsilon)
    drawn = _POOL.take(noise, candidates.size).reshape(candidates.shape)
    if not _within_62_bits(drawn):
        raise NoiseFault("noise beyond 62 bits")  # once in e^64 draws, whatever the data
    places: npt.NDArray[np.int64] = (candidates + drawn).argmax(axis=1)
    return places


def draw(noise: Noise, count: int) -> Draws:
    """Return fresh noise, drawn now by the mechanism itself on zeros."""
    return np.array(_mechanism(noise)([0] * count), dtype=np.int64)


_POOL = Pool(draw)


def _measure(values: Sequence[int], measurement: Measurement) -> tuple[int, ...]:
    noise, reach = measurement.noise, measurement.sensitivity
    if noise.mechanism is Mechanism.LAPLACE:
        _require_pure(noise, sensitivity=reach.l1, epsilon=measurement.epsilon)
    else:
        rho = _map(noise, l2_distance(reach.l2_squared))
        if rho * PICO > measurement.loss.picorho:
            raise NoiseFault("the noise would cost more than was charged")
    return _added(values, noise)


def _require_pure(noise: Noise, *, sensitivity: int, epsilon: Decimal) -> None:
    if sensitivity < 1 or _map(noise, sensitivity) > epsilon:
        raise NoiseFault("the noise would cost more than was charged")


def _added(values: Sequence[int], noise: Noise) -> tuple[int, ...]:
    drawn = _POOL.take(noise, len(values))
    if _within_62_bits(drawn) and _fit(values):
        exact = np.array(values, dtype=np.int64)
        return tuple(np.clip(exact + drawn, -LARGEST_RELEASED, LARGEST_RELEASED).tolist())
    return tuple(
        _cut(_cut(value, SATURATION) + more, LARGEST_RELEASED)
        for value, more in zip(values, drawn.tolist(), strict=True)
    )


def _within_62_bits(drawn: Draws) -> bool:
    # Not abs(): of the least 64-bit number that is negative again.
    return int(drawn.max(initial=0)) < SATURATION and int(drawn.min(initial=0)) > -SATURATION


def _fit(values: Sequence[int]) -> bool:
    return not values or (max(values) <= SATURATION and min(values) >= -SATURATION)


def _cut(value: int, largest: int) -> int:
    return max(-largest, min(largest, value))


def _choose(counts: npt.NDArray[np.int64], selection: Selection) -> tuple[Choice, ...]:
    """Choose the value and the two ends of its interval; see :mod:`sandbox.privacy.quantile`."""
    places: list[list[int]] = []
    for towards, epsilon in zip((0, -1, 1), selection.shares, strict=True):
        reach = half_width(
            laplace(l1=2 * selection.sensitivity, epsilon=epsilon),
            1 - (1 - CONFIDENCE) / 2 / selection.candidates.count,
        )
        found = scores(counts, selection.fraction, shift=2 * towards * reach)
        places.append(noisy_max(found, sensitivity=selection.sensitivity, epsilon=epsilon).tolist())
    return tuple(Choice(*chosen) for chosen in zip(*places, strict=True))


@cache
def _features() -> None:
    mod.enable_features("contrib")


@lru_cache(maxsize=MECHANISMS)
def _mechanism(noise: Noise) -> Any:  # OpenDP's measurements carry no useful static type
    _features()
    integers = domains.vector_domain(domains.atom_domain(T="i64"))
    if noise.mechanism is Mechanism.GAUSSIAN:
        return measurements.make_gaussian(integers, metrics.l2_distance(T="f64"), scale=noise.scale)
    return measurements.make_laplace(integers, metrics.l1_distance(T="i64"), scale=noise.scale)


@lru_cache(maxsize=MECHANISMS)
def _map(noise: Noise, distance: float) -> Decimal:
    """Return what the mechanism says that hiding ``distance`` costs: epsilon, or rho of Gaussian noise.

    Of public numbers alone, so it is asked once; what was charged is compared with it at every release.
    """
    return Decimal(_mechanism(noise).map(distance))
