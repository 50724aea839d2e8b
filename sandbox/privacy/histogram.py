"""What a noisy histogram says once its noise is taken into account; costs nothing, being made of it alone.

1. *Cut.* Bins beyond the outermost one whose count is significant are taken as empty: noise of +2 in a
   bin of persons with 50,000 rows would else add 100,000 rows that nobody has. A count is significant
   above s ln(10 B), with s the scale of the noise and B the number of bins. An empty bin's noise exceeds
   t with probability at most exp(-t / s) / 2, so by the union bound at most one histogram in 20 shows
   something where there is nothing.
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


def significance(bins: int, epsilon: Decimal) -> float:
    """Return the count above which a bin of a histogram of sensitivity 1 is not taken for empty."""
    return math.log(_CHANCE / 2 * bins) / float(epsilon)


def estimated(counts: Sequence[int], epsilon: Decimal, *, cut_start: bool = False) -> list[Fraction]:
    """Return the estimated count of each bin, none negative.

    Args:
        counts: noisy counts of a histogram of sensitivity 1.
        epsilon: what it was released at.
        cut_start: cut bins before the first significant one too, not only those after the last.
    """
    threshold = significance(len(counts), epsilon)
    significant = [index for index, count in enumerate(counts) if count > threshold]
    if not significant:
        return [Fraction(0)] * len(counts)
    start, end = significant[0] if cut_start else 0, significant[-1] + 1
    from_end = list(accumulate(reversed(counts[start:end])))[::-1]
    at_least = [max(Fraction(0), part) for part in non_increasing(from_end)]
    each = [left - right for left, right in pairwise([*at_least, Fraction(0)])]
    return [Fraction(0)] * start + each + [Fraction(0)] * (len(counts) - end)


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
