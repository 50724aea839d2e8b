"""Keys that are not public: a group is shown only where enough units are in it, under noise.

Each group that the data holds gets a noisy number of distinct units, and is shown if that is at least
the threshold. Two neighbors differ in one unit, which lies in at most ``groups`` groups. In groups that
hold other units too, both neighbors have the same keys, and the noise on the counts hides the
difference as it does for public keys. The rest are groups that one neighbor alone has: there the count
is 1, because nobody else is in them, and such a group is shown with probability P(1 + X >= t). With the
chance of showing any of them, by the union bound at most groups * P(X >= t - 1), the promise fails; if
none is shown, the outputs are those of a mechanism on the common groups. So the whole is
delta-approximately zCDP at the loss of its measurements (M. Bun, T. Steinke 2016, section 8.1; the idea
is from A. Korolova, K. Kenthapadi, N. Mishra, A. Ntoulas, Releasing Search Queries and Clicks
Privately, 2009).

For integer Laplace noise P(X >= m) = a^m / (1 + a) with a = e^(-1/s), for whole m >= 1; the noise is
added to whole numbers, so a threshold derived for real-valued noise would be too small. For discrete
Gaussian noise see :func:`sandbox.privacy.mechanism.tail`.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from sandbox.privacy.mechanism import Noise, reach

DELTA_UNITS = 10**18
"""Whole numbers in which deltas are charged; rounded up."""


def threshold(noise: Noise, *, groups: int, delta: Decimal) -> int:
    """Return the least threshold at which showing costs at most ``delta``.

    Args:
        noise: on the number of units of each group.
        groups: that one unit may be in.
        delta: chance that the promise fails.
    """
    return 1 + reach(noise, math.nextafter(float(Fraction(delta) / groups), 0))


def charged(delta: Decimal) -> int:
    """Return a delta in the units of the ledger, rounded up."""
    return math.ceil(Fraction(delta) * DELTA_UNITS)


def delta_text(units: int) -> str:
    """Return so many units of the ledger as the delta they are, such as ``0.0000001``."""
    return format((Decimal(units) / DELTA_UNITS).normalize(), "f")


def capped(delta: Decimal) -> int:
    """Return a reserve of deltas in the units of the ledger, rounded down."""
    return math.floor(Fraction(delta) * DELTA_UNITS)
