"""Quantiles by selection: which of public candidates splits the rows best, chosen under noise.

A candidate is a bin of the term's bounds. Of candidate b, with ``less`` rows below it, ``equal`` in it
and ``greater`` above it, the distance from the p-quantile is the larger of

    (1 - p) less - p (equal + greater),   p greater - (1 - p) (less + equal),   0

which is 0 where the quantile lies in b, and which one row moves by at most max(p, 1 - p). The bin with
the least distance is chosen by report-noisy-max. Two more selections, with their targets moved down
and up by as much as the noise can mislead, give the ends of an interval: with 95 % no noise is beyond
``reach``, a choice is then off by at most 2 ``reach``, and so the choice at p n - 2 reach lies at or
below the quantile, the one at p n + 2 reach at or above it. The first bin stands for everything
below it and the last one for everything above, so that both exist.

A. Smith, Privacy-preserving statistical estimation with optimal convergence rates (2011), chooses
quantiles by the exponential mechanism; here the noise is integer Laplace noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from sandbox.query.intervals import bounds, floor_to, subtract, whole
from sandbox.query.typed import Term

MOST_BINS = 1_000
"""Candidates of one quantile."""
MOST_COUNTS = 200_000
"""Candidates times groups of one quantile."""
DENOMINATOR = 10_000
"""Fractions have at most 4 decimals, so distances times this are whole numbers."""
_FAR = np.int64(2**61)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """The bins of one term."""

    low: int
    """Lower end of the first bin, in the term's stored unit."""
    width: int
    """Of each bin, in the same unit."""
    count: int
    high: int
    """Largest value of the last bin, in the same unit."""

    @classmethod
    def of(cls, term: Term, groups: int) -> Candidates:
        """Return bins over the bounds of ``term``, as many as fit beside ``groups`` groups."""
        low, high = bounds(term)
        most = max(1, min(MOST_BINS, MOST_COUNTS // groups))
        width = -(-(high - low + 1) // most)
        return cls(low=low, width=width, count=-(-(high - low + 1) // width), high=high)

    def key(self, term: Term) -> Term:
        """Return the term whose value is the lower end of the bin that ``term`` lies in."""
        if self.width == 1:
            return term
        offset = whole(self.low, decimals=term.type.decimals)
        return floor_to(subtract(term, offset) if self.low else term, self.width)

    @property
    def keys(self) -> tuple[int, ...]:
        """Values of :meth:`key`, in order."""
        first = self.low if self.width == 1 else 0
        return tuple(range(first, first + self.count * self.width, self.width))

    def value(self, index: int, decimals: int, end: int = 0) -> Fraction:
        """Return the middle of a bin; with ``end`` -1 its lower end, with 1 its upper one."""
        first = self.low + index * self.width
        last = min(self.high, first + self.width - 1)
        return Fraction(2 * first + (end + 1) * (last - first), 2 * 10**decimals)


def step(fraction: Decimal) -> int:
    """Return how far one row moves any distance: max(p, 1 - p) times 10,000."""
    p = int(fraction * DENOMINATOR)
    return max(p, DENOMINATOR - p)


def scores(counts: npt.NDArray[np.int64], fraction: Decimal, *, shift: int = 0) -> npt.NDArray[np.int64]:
    """Return the negative distances of each candidate, times 10,000.

    Args:
        counts: rows in each bin; shape (groups, bins).
        fraction: p.
        shift: moves the target, in rows times 10,000.
    """
    p = np.int64(int(fraction * DENOMINATOR))
    q = np.int64(DENOMINATOR) - p
    up_to = np.cumsum(counts, axis=1)
    less = up_to - counts
    greater = up_to[:, -1:] - up_to
    above = q * less - p * (counts + greater) - shift  # by how much the bin lies above the target
    below = p * greater - q * up_to + shift
    above[:, 0] = -_FAR
    below[:, -1] = -_FAR
    distance: npt.NDArray[np.int64] = np.maximum(0, np.maximum(above, below))
    return -distance
