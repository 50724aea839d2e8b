"""tmp"""

from __future__ import annotations
import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from sandbox.privacy.loss import Loss


class Mechanism(StrEnum):
    LAPLACE = "discrete-laplace"
    GAUSSIAN = "discrete-gaussian"


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise:
    mechanism: Mechanism
    scale: float


def _grid(scale: float) -> float:
    if scale > 2**56:
        raise OverflowError
    return 2 ** (math.ceil(math.log2(scale) * 32) / 32)


def laplace(*, l1: int, epsilon: Decimal) -> Noise:
    return Noise(
        mechanism=Mechanism.LAPLACE,
        scale=_grid(float(Fraction(l1) / Fraction(epsilon) * (1 + Fraction(1, 2**40)))),
    )


def gaussian(*, l2_squared: int, loss: Loss) -> Noise:
    return Noise(
        mechanism=Mechanism.GAUSSIAN,
        scale=_grid(math.sqrt(l2_squared / (2 * loss.picorho / 1e12)) * (1 + 2**-40)),
    )


def half_width(noise: Noise, confidence: float) -> int:
    if noise.mechanism is Mechanism.GAUSSIAN:
        return math.ceil(noise.scale * math.sqrt(2 * math.log(2 / (1 - confidence))))
    ratio = math.exp(-1 / noise.scale)
    return max(0, math.ceil(noise.scale * math.log(2 / ((1 + ratio) * (1 - confidence))) - 1))
