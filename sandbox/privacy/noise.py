"""tmp"""

from __future__ import annotations
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any
import numpy as np
import opendp.prelude as dp
from sandbox.errors import SandboxError
from sandbox.privacy.cells import Choice, ExactCells, NoisyCells
from sandbox.privacy.mechanism import Mechanism, Noise, half_width, laplace
from sandbox.privacy.quantile import scores
from sandbox.privacy.measurement import CONFIDENCE, Selection


class NoiseFault(SandboxError):
    """x"""


def add_noise(exact: ExactCells) -> NoisyCells:
    measured = tuple(
        _add(row, m.noise) for row, m in zip(exact.measured, exact.plan.measurements, strict=True)
    )
    chosen = tuple(_choose(bins, s) for bins, s in zip(exact.bins, exact.plan.selections, strict=True))
    return NoisyCells(exact.plan, measured, chosen)


def _add(values: Sequence[int], noise: Noise) -> tuple[int, ...]:
    return tuple(int(v) for v in _mechanism(noise)([int(v) for v in values]))


def _choose(bins: Any, s: Selection) -> tuple[Choice, ...]:
    counts = np.array(bins, dtype=np.int64)
    picks = []
    for place, epsilon in enumerate(s.shares):
        noise = laplace(l1=2 * s.sensitivity, epsilon=epsilon)
        reach = half_width(noise, 1 - (1 - CONFIDENCE) / 2 / s.candidates.count)
        shift = (0, -2 * reach, 2 * reach)[place]
        sc = scores(counts, s.fraction, shift=shift)
        noisy = sc + np.array(_add([0] * sc.size, noise)).reshape(sc.shape)
        picks.append(noisy.argmax(axis=1))
    return tuple(Choice(int(a), int(b), int(c)) for a, b, c in zip(*picks, strict=True))


def noisy_counts(counts: Sequence[int], *, sensitivity: int, epsilon: Decimal) -> tuple[int, ...]:
    return _add(counts, laplace(l1=sensitivity, epsilon=epsilon))


@lru_cache
def _mechanism(noise: Noise) -> Any:
    dp.enable_features("contrib")
    d = dp.vector_domain(dp.atom_domain(T="i64"))
    if noise.mechanism is Mechanism.GAUSSIAN:
        return dp.m.make_gaussian(d, dp.l2_distance(T="i64"), scale=noise.scale)
    return dp.m.make_laplace(d, dp.l1_distance(T="i64"), scale=noise.scale)
