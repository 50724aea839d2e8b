"""Can a claimed loss be refuted? Draws of one number on two neighbors, and what they prove of the loss.

An event is chosen on one half of the draws and counted on the other. Its two shares are held apart by
Chernoff's bound for binomials, so that what is reported is below the true loss but for a chance of ERROR.
It can refute a claim and never prove one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ERROR = 1e-6
"""Chance that a report lies above the truth."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Numbers that answers showed on two neighbors."""

    one: Sequence[float]
    other: Sequence[float]

    @classmethod
    def of(cls, one: Callable[[], float], other: Callable[[], float], count: int) -> Draws:
        """Ask each neighbor ``count`` times."""
        return cls([one() for _ in range(count)], [other() for _ in range(count)])

    def least_epsilon(self) -> float:
        """Return an epsilon that no claim of pure differential privacy may be below; 0 refutes none."""
        shares = self._shares(lambda p, q: math.log((p + 0.01) / (q + 0.01)))
        return max(0.0, *(math.log(max(low, high) / high) for low, high in shares))

    def least_delta(self, epsilon: float) -> float:
        """Return a delta that no claim at ``epsilon`` may be below; 0 refutes none."""
        factor = math.exp(epsilon)
        return max(0.0, *(low - factor * high for low, high in self._shares(lambda p, q: p - factor * q)))

    def _shares(self, worth: Callable[[float, float], float]) -> list[tuple[float, float]]:
        """Return, both ways round, a share that is at least so large and one at most so large."""
        return [_bounded(*pair, worth) for pair in ((self.one, self.other), (self.other, self.one))]


def _bounded(
    one: Sequence[float], other: Sequence[float], worth: Callable[[float, float], float]
) -> tuple[float, float]:
    half = len(one) // 2
    event = _best_event(one[:half], other[:half], worth)
    seen = len(one) - half
    p, q = (sum(map(event, draws[half:])) / seen for draws in (one, other))
    return _end(p, seen, up=False), _end(q, seen, up=True)


def _best_event(
    one: Sequence[float], other: Sequence[float], worth: Callable[[float, float], float]
) -> Callable[[float], bool]:
    """Return the event, at least or at most some number, that tells the two apart best."""
    cuts = sorted({*one, *other})
    cuts = cuts[:: max(1, len(cuts) // 100)]
    events = [event for cut in cuts for event in (_at_least(cut), _at_most(cut))]
    return max(
        events,
        key=lambda event: worth(sum(map(event, one)) / len(one), sum(map(event, other)) / len(other)),
    )


def _at_least(cut: float) -> Callable[[float], bool]:
    return lambda value: value >= cut


def _at_most(cut: float) -> Callable[[float], bool]:
    return lambda value: value <= cut


def _end(share: float, draws: int, *, up: bool) -> float:
    """Return the end of the interval for a probability: P(further away) <= e^(-n KL(share, p))."""
    limit = math.log(4 / ERROR) / draws  # two ends, both ways round
    near, far = share, 1.0 if up else 0.0
    for _ in range(60):
        middle = (near + far) / 2
        if _divergence(share, middle) <= limit:
            near = middle
        else:
            far = middle
    return far


def _divergence(share: float, p: float) -> float:
    if p in {0.0, 1.0}:
        return 0.0 if share == p else math.inf
    parts = ((share, p), (1 - share, 1 - p))
    return sum(a * math.log(a / b) for a, b in parts if a > 0)


def delta_of(rho: float, epsilon: float) -> float:
    """Return a delta at which rho-zCDP is (epsilon, delta)-DP.

    The least of e^((a - 1)(a rho - epsilon)) (1 - 1/a)^a / (a - 1) over a > 1 (C. Canonne, G. Kamath,
    T. Steinke, The Discrete Gaussian for Differential Privacy, 2020, Corollary 13).
    """
    orders = (1 + step / 100 for step in range(1, 2000))
    return min(math.exp((a - 1) * (a * rho - epsilon)) * math.pow(1 - 1 / a, a) / (a - 1) for a in orders)
