"""What answers cost, exactly.

Losses are integers: 1e-12 of rho in zero-concentrated differential privacy (zCDP), so that a sum of
charges compares with a cap without rounding. A conversion is rounded to the side that protects: the
loss of an answer up, the cap of a budget down.

Formulas: M. Bun, T. Steinke, Concentrated Differential Privacy (2016), https://arxiv.org/abs/1605.02065,
Propositions 1.3 (from rho to epsilon and delta) and 1.4 (from epsilon to rho).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext

from sandbox.errors import Malformed

PICO = Decimal("1e12")
"""Integer units in one rho."""
LARGEST_EPSILON = Decimal(100)
"""Above it nothing is promised any more: e^100 bounds no probability."""
EPSILON_STEP = Decimal("0.000001")
"""Finest epsilon that is read or shown."""
_EPSILON_TEXT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
_TARGET_TEXT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,6})?")
_EXACT = Context(prec=100)
"""100 digits: the square of a 24-digit epsilon and ln(1/delta) to 1e-90 both fit."""


@dataclass(frozen=True, order=True, slots=True)
class Loss:
    """A privacy loss under add/remove of one unit; losses of several answers add up."""

    picorho: int
    """zCDP rho in units of 1e-12; never negative."""

    def __post_init__(self) -> None:
        if self.picorho < 0:
            raise ValueError("a loss is never negative")

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.picorho + other.picorho)

    @classmethod
    def of_pure(cls, epsilon: Decimal) -> Loss:
        """Return the loss of an epsilon-DP mechanism: epsilon^2 / 2, rounded up (Proposition 1.4)."""
        with localcontext(_EXACT):
            exact = epsilon * epsilon / 2 * PICO
            return cls(int(exact.to_integral_value(ROUND_CEILING)))

    @classmethod
    def cap(cls, *, epsilon: Decimal, delta: Decimal) -> Loss:
        """Return the largest loss that still gives (epsilon, delta)-DP (Proposition 1.3, solved for rho).

        rho = (sqrt(ln(1/delta) + epsilon) - sqrt(ln(1/delta)))^2, rounded down.
        """
        with localcontext(_EXACT):
            log = -delta.ln()
            root = (log + epsilon).sqrt() - log.sqrt()
            # 1e-60 covers the rounding of ln and sqrt, so that the floor never lands above.
            exact = root * root * PICO - Decimal("1e-60")
            return cls(max(0, int(exact.to_integral_value(ROUND_FLOOR))))

    def epsilon(self, delta: Decimal) -> Decimal:
        """Return the epsilon that this loss gives at ``delta``, rounded up to 6 decimals.

        epsilon = rho + 2 sqrt(rho ln(1/delta)) (Proposition 1.3).
        """
        with localcontext(_EXACT):
            rho = Decimal(self.picorho) / PICO
            exact = rho + 2 * (rho * -delta.ln()).sqrt()
            return exact.quantize(EPSILON_STEP, ROUND_CEILING)


def parse_epsilon(text: str) -> Decimal:
    """Read the epsilon of a question: a plain decimal above 0 and at most 100, up to 6 decimals.

    Raises:
        Malformed: anything else, such as ``NaN``, ``1e-3`` or ``0``.
    """
    value = Decimal(text) if _EPSILON_TEXT.fullmatch(text) and text.isascii() else Decimal(0)
    if not 0 < value <= LARGEST_EPSILON:
        raise Malformed(
            "loss-invalid",
            "The epsilon is not a number this sandbox reads.",
            allowed='Write a plain decimal above 0 and at most 100 with up to 6 decimals, such as "0.5".',
        )
    return value


def parse_target(text: str) -> Decimal:
    """Read the error that a question wishes for: a plain decimal above 0, up to 6 decimals.

    Raises:
        Malformed: anything else.
    """
    value = Decimal(text) if _TARGET_TEXT.fullmatch(text) and text.isascii() else Decimal(0)
    if not value:
        raise Malformed(
            "target-invalid",
            "The wished error is not a number this sandbox reads.",
            allowed='Write a plain decimal above 0 with up to 6 decimals, such as "25" or "0.5".',
        )
    return value
