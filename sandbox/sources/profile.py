"""How many rows units have: one noisy histogram of each table, and everything that follows from it.

A unit is in exactly one bin, by its number of rows, and the bins are public. Adding or removing a unit
changes one bin by 1, so the L1 sensitivity of the whole histogram is 1 and it costs its epsilon once.
Whatever is computed from the noisy bins is post-processing: it costs nothing, however often it is asked.

Estimates come from :mod:`sandbox.privacy.histogram`: deterministic, never negative, and without rows that
only noise has. Units of one bin are taken to be spread evenly over its numbers of rows. Where the
epsilon is small, a few units with very many rows are forgotten, so :meth:`TruncationProfile.dropped` is
more often too small than too large.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

from sandbox.canonical import Canonical
from sandbox.policy.dataset import MOST_ROWS_PER_UNIT, TablePolicy
from sandbox.privacy.histogram import estimated
from sandbox.privacy.noise import noisy_counts

_REMEMBERED = 4096
"""Estimates kept ready: every question weighs the same few bounds of the same few tables."""


def edges_for(table: TablePolicy) -> tuple[int, ...]:
    """Return the largest number of rows of each bin but the last, which has no end.

    1, 2, 3, 4, 6, 8, 12 ... up to 100,000, the contribution bound and the rows of a unit that the
    copy holds, so that a sum of bins says how many units exceed either. Made of the policy alone.
    """
    steps = (value for power in range(MOST_ROWS_PER_UNIT.bit_length()) for value in _octave(power))
    within = {value for value in steps if value <= MOST_ROWS_PER_UNIT}
    return tuple(sorted(within | {MOST_ROWS_PER_UNIT, table.max_rows_per_unit, table.rows_in_copy}))


def _octave(power: int) -> tuple[int, ...]:
    return (2**power, 3 * 2 ** (power - 1)) if power else (1,)


def profile_statement(table: TablePolicy, *, reader: str, unit: str) -> str:
    """Return the statement, of any engine, that counts the units of ``table`` in each bin that has any.

    Args:
        table: the policy.
        reader: what stands for the raw table after FROM.
        unit: the expression for a row's unit.
    """
    cases = " ".join(f"WHEN row_count <= {edge} THEN {index}" for index, edge in enumerate(edges_for(table)))
    return (
        f"SELECT bin, count(*) FROM (SELECT CASE {cases} ELSE {len(edges_for(table))} END AS bin FROM "  # noqa: S608  # numbers, and the recipe's own names
        f"(SELECT unit, count(*) AS row_count FROM (SELECT {unit} AS unit FROM {reader}) AS units "
        "WHERE unit IS NOT NULL GROUP BY unit) AS counted) AS binned GROUP BY bin"
    )


def units_by_bin(table: TablePolicy, rows: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """Arrange what :func:`profile_statement` returned: exact units of every bin, to be noised at once."""
    found = {int(row[0]): int(row[1]) for row in rows}
    return tuple(found.get(index, 0) for index in range(len(edges_for(table)) + 1))


def noisy_profile(units: Sequence[int], table: TablePolicy, *, epsilon: Decimal) -> TruncationProfile:
    """Release the number of units in each bin of ``table``; one unit changes one of them by 1.

    Raises:
        ValueError: there is not one count for each bin.
        NoiseFault: the noise would cost more than ``epsilon``.
    """
    edges = edges_for(table)
    if len(units) != len(edges) + 1:
        raise ValueError("one count is needed for each bin")
    return TruncationProfile(
        edges=edges,
        counts=noisy_counts(units, sensitivity=1, epsilon=epsilon),
        max_rows=table.max_rows_per_unit,
        epsilon=epsilon,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TruncationProfile:
    """How many rows the units of one table have, and so what a contribution bound drops; noisy."""

    edges: tuple[int, ...]
    """Largest number of rows of each bin but the last, which has no end."""
    counts: tuple[int, ...]
    """Noisy number of units in each bin, as released; may be negative."""
    max_rows: int
    """The contribution bound; one of :attr:`edges`."""
    epsilon: Decimal
    """Pure epsilon the histogram was released at."""

    @property
    def units(self) -> int:
        """Estimated number of units; never negative."""
        return round(sum(self._estimate()))

    @property
    def units_over(self) -> int:
        """Estimated number of units with more rows than the contribution bound; never negative."""
        return round(sum(self._estimate()[self.edges.index(self.max_rows) + 1 :]))

    @property
    def rows(self) -> int:
        """Estimated number of rows of all units, dropped ones included."""
        return self.dropped(0)

    @property
    def share_over(self) -> Decimal | None:
        """Share of units that lose rows, within [0, 1], two digits; None where the noise hides all units."""
        if self.units < 1:
            return None
        share = Decimal(self.units_over) / self.units
        return min(Decimal(1), share).quantize(Decimal("0.01"), ROUND_HALF_EVEN)

    def dropped(self, rows: int) -> int:
        """Return about how many rows are lost if only ``rows`` of each unit are kept.

        Never negative, and never more for a larger bound.
        """
        return _dropped(self, rows)

    def kept(self, rows: int) -> int:
        """Return about how many rows are kept if at most ``rows`` of each unit are."""
        return self.rows - self.dropped(rows)

    def to_document(self) -> dict[str, Canonical]:
        """Return the profile as a canonical document."""
        return {
            "edges": list(self.edges),
            "counts": list(self.counts),
            "max_rows": self.max_rows,
            "epsilon": str(self.epsilon),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> TruncationProfile:
        """Read back what :meth:`to_document` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is another document.
        """
        edges, counts = tuple(document["edges"]), tuple(document["counts"])
        epsilon, max_rows = Decimal(str(document["epsilon"])), document["max_rows"]
        if len(counts) != len(edges) + 1 or max_rows not in edges or list(edges) != sorted(set(edges)):
            raise ValueError("not a profile")
        return cls(edges=edges, counts=counts, max_rows=max_rows, epsilon=epsilon)

    def _estimate(self) -> tuple[Fraction, ...]:
        return _estimate(self.counts, self.epsilon)


@lru_cache(maxsize=_REMEMBERED)
def _estimate(counts: tuple[int, ...], epsilon: Decimal) -> tuple[Fraction, ...]:
    return tuple(estimated(counts, epsilon))


@lru_cache(maxsize=_REMEMBERED)
def _dropped(profile: TruncationProfile, rows: int) -> int:
    beyond = [_beyond(low + 1, high, rows) for low, high in pairwise((0, *profile.edges))]
    # Of the bin without an end no more is known than its beginning.
    last = _beyond(profile.edges[-1] + 1, profile.edges[-1] + 1, rows)
    units = _estimate(profile.counts, profile.epsilon)
    return round(sum(n * lost for n, lost in zip(units, [*beyond, last], strict=True)))


def _beyond(low: int, high: int, rows: int) -> Fraction:
    """Return how many rows beyond ``rows`` a unit has on average, with ``low`` to ``high`` of them."""
    if rows >= high:
        return Fraction(0)
    if rows < low:
        return Fraction(low + high, 2) - rows
    over = high - rows
    return Fraction(over * (over + 1), 2 * (high - low + 1))
