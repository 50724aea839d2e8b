"""Measures as whole numbers.

A measure with ``decimals`` digits is stored, summed and noised as an integer of 10^-decimals: sums
of integers are exact in any order, sums of floats are not, and a sensitivity argument needs them
exact.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.policy.dataset import ColumnPolicy
from sandbox.policy.values import fixed_point


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedPoint:
    """The bounds of a measure in its fixed-point unit, 10^-decimals."""

    low: int
    high: int
    decimals: int

    @classmethod
    def of(cls, column: ColumnPolicy) -> FixedPoint:
        """Return the fixed-point bounds of a measure.

        Raises:
            TypeError: the column is not a measure with bounds that its decimals can hold.
        """
        low, high = (fixed_point(bound, column.decimals) for bound in column.limits)
        if low is None or high is None:
            raise TypeError("the policy's bounds have more decimals than the column")
        return cls(low=low, high=high, decimals=column.decimals)

    @property
    def middle(self) -> int:
        """What centered sums subtract from each value."""
        return (self.low + self.high) // 2

    @property
    def reach(self) -> int:
        """Largest absolute value of one row."""
        return max(abs(self.low), abs(self.high))

    @property
    def half_range(self) -> int:
        """Largest distance of one row from :attr:`middle`."""
        return max(self.high - self.middle, self.middle - self.low)


def spell(value: int, decimals: int) -> int | str:
    """Return a fixed-point number as it is shown: an int, or a decimal string with all its digits."""
    if decimals == 0:
        return value
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}"
