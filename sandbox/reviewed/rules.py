"""When a cell may be shown: rules of statistical disclosure control, as whole numbers and fractions.

Every rule but the least number of units is of the form "a weighted sum of the largest contributions is
less than a share of the whole": the weights fall from the largest contribution on, so what a rule
measures of two cells put together is at most what it measures of each added up (a weighted sum of the
largest parts is sublinear). Hence a group of cells whose measures add up to no more than 0 may be shown
as one number, whoever is in several of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from sandbox.sources.contributions import Contributed


@dataclass(frozen=True, slots=True)
class Dominance:
    """The ``units`` largest contributions may not reach ``share`` of the whole."""

    units: int
    """1 or 2."""
    share: Fraction


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What a cell must fulfil, and how its numbers are rounded."""

    min_units: int
    """Least number of distinct units (C1)."""
    dominance: tuple[Dominance, ...] = (Dominance(1, Fraction(1, 2)), Dominance(2, Fraction(67, 100)))
    """C5; the pair of the ABS."""
    ratio: Fraction = Fraction(1, 10)
    """What all but the two largest contribute must be at least this share of the largest (C6)."""
    min_freedom: int = 10
    """Least number of units beyond the parameters of a spread (C11)."""
    round_to: int
    """Counts are rounded to multiples of this (C16)."""
    significant_digits: int
    """Of other numbers (C24)."""

    @property
    def least(self) -> int:
        """Units of a cell that is shown: no less than a rounded count may come out as."""
        return -(-self.min_units // self.round_to) * self.round_to

    def document(self) -> dict[str, int | str | list[str]]:
        """Return the rules as the evidence names them; shares as decimal fractions."""
        return {
            "min_units": self.least,
            "dominance": [f"{one.units}:{one.share}" for one in self.dominance],
            "ratio": str(self.ratio),
            "min_freedom": self.min_freedom,
            "round_to": self.round_to,
            "significant_digits": self.significant_digits,
        }


@dataclass(frozen=True, slots=True)
class Use:
    """How the columns of a table use one measure."""

    summed: bool
    """Whether it is in a sum, an average or a spread, so that single large values matter."""
    spread: bool
    """Whether it is in a variance or a standard deviation."""


def least_units(rules: Rules, use: Use) -> int:
    """Return how many units a cell must have."""
    return max(rules.least, rules.min_freedom + 1) if use.spread else rules.least


def failures(cell: Contributed, use: Use, rules: Rules) -> Iterator[str]:
    """Yield the code of each rule that a cell by itself does not fulfil."""
    if cell.units < rules.least:
        yield "C1"
    elif cell.units < least_units(rules, use):
        yield "C11"
    if use.summed:
        *dominance, ratio = _excesses(cell, rules)
        if any(excess >= 0 for excess in dominance):
            yield "C5"
        if ratio > 0:
            yield "C6"
        if cell.values < 2:  # noqa: PLR2004  # one value, which is everybody's
            yield "C8"


@dataclass(slots=True)
class Together:
    """Several cells of one measure of which no more than the sum is known, whoever is in several of them."""

    use: Use
    rules: Rules
    units: int = 0
    """Of the largest: all together have no fewer."""
    mixed: bool = False
    excesses: tuple[Fraction, ...] = ()

    def add(self, cell: Contributed) -> None:
        """Put one more cell in; one that fulfils the rules by itself never makes the sum less safe."""
        more = _excesses(cell, self.rules)
        known = self.excesses or (Fraction(0),) * len(more)
        self.excesses = tuple(one + other for one, other in zip(known, more, strict=True))
        self.units = max(self.units, cell.units)
        self.mixed = self.mixed or cell.values > 1

    @property
    def may_be_known(self) -> bool:
        """Whether the sum fulfils the rules."""
        if self.units < least_units(self.rules, self.use):
            return False
        *dominance, ratio = self.excesses
        large = any(excess >= 0 for excess in dominance) or ratio > 0
        return not self.use.summed or (self.mixed and not large)


def _excesses(cell: Contributed, rules: Rules) -> tuple[Fraction, ...]:
    """Return by how much a cell exceeds each rule on contributions, the ratio last; sublinear, each."""
    largest = (cell.top, cell.top + cell.second)
    dominance = (largest[one.units - 1] - one.share * cell.size for one in rules.dominance)
    return (*dominance, rules.ratio * cell.top - (cell.size - cell.top - cell.second))
