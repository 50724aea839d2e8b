"""What a noisy histogram says once its noise is taken into account; costs nothing, being made of it alone.

1. *Cut.* Bins beyond the last significant ones are taken as empty: noise of +2 in a bin of persons with
   50,000 rows would else add 100,000 rows that nobody has. First single bins are looked at, then, beyond
   these, 2, 4 and 8 bins in a row, since a few persons with very many rows are spread over several. What
   counts as significant is chosen so that at most one histogram in 20 shows something where there is
   nothing: by the union bound over all that is looked at; for one bin with noise X of scale s by
   P(X > t s) <= exp(-t) / 2, for several by Chernoff's bound, ln P(X1 + .. + Xm > t s) <=
   -u t - m ln(1 - u^2), which is smallest at t = 2 m u / (1 - u^2).
2. *Projection.* What lies above an edge never grows with the edge. The sums from the end are replaced
   by the nearest non-increasing ones, and these are not negative (isotonic regression by pooling
   adjacent violators; M. Hay et al., Boosting the Accuracy of Differentially Private Histograms Through
   Consistency, 2010). Negative bins vanish without lifting the total, as setting each to 0 would.

The cut forgets few persons in far bins where the epsilon is small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

_CHANCE = 20
"""One histogram in so many may show something where there is nothing."""
_TOGETHER = (1, 2, 4, 8)
"""Neighboring bins that are looked at together."""


def significance(bins: int, epsilon: Decimal, *, together: int = 1) -> float:
    """Return the count above which some bins of a histogram of sensitivity 1 are not taken for empty.

    Args:
        bins: of the histogram.
        epsilon: what it was released at.
        together: how many neighboring bins are added up.
    """
    needed = -math.log(_CHANCE * len(_TOGETHER) * bins)
    if together == 1:
        return (-needed - math.log(2)) / float(epsilon)
    low, high = 0.0, 1.0
    for _ in range(60):  # bisection: the bound falls as u grows
        u = (low + high) / 2
        bound = -2 * together * u * u / (1 - u * u) - together * math.log1p(-u * u)
        low, high = (u, high) if bound > needed else (low, u)
    return 2 * together * high / (1 - high * high) / float(epsilon)


def estimated(counts: Sequence[int], epsilon: Decimal, *, cut_start: bool = False) -> list[Fraction]:
    """Return the estimated count of each bin, none negative.

    Args:
        counts: noisy counts of a histogram of sensitivity 1.
        epsilon: what it was released at.
        cut_start: cut bins before the first significant ones too, not only those after the last.
    """
    end = _significant_end(counts, epsilon)
    start = max(0, len(counts) - _significant_end(counts[::-1], epsilon)) if cut_start else 0
    if end <= start:
        return [Fraction(0)] * len(counts)
    from_end = list(accumulate(reversed(counts[start:end])))[::-1]
    at_least = [max(Fraction(0), part) for part in non_increasing(from_end)]
    each = [left - right for left, right in pairwise([*at_least, Fraction(0)])]
    return [Fraction(0)] * start + each + [Fraction(0)] * (len(counts) - end)


def _significant_end(counts: Sequence[int], epsilon: Decimal) -> int:
    """Return how many bins come before those that are taken as empty."""
    end = 0
    for together in _TOGETHER:
        threshold = significance(len(counts), epsilon, together=together)
        starts = range(end, len(counts) - together + 1)  # beyond what is shown: its counts prove nothing
        ends = [start + together for start in starts if sum(counts[start : start + together]) > threshold]
        end = max([end, *ends])
    return end


def non_increasing(values: Sequence[int]) -> list[Fraction]:
    """Return the non-increasing sequence nearest to ``values`` in the sum of squares."""
    pools: list[tuple[Fraction, int]] = []  # mean and length
    for value in values:
        mean, length = Fraction(value), 1
        while pools and pools[-1][0] < mean:
            other, more = pools.pop()
            mean, length = (mean * length + other * more) / (length + more), length + more
        pools.append((mean, length))
    return [mean for mean, length in pools for _ in range(length)]
