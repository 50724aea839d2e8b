"""Which rows of a reviewed answer are masked, so that no masked one can be computed from the others.

The rows are the groups of all keys and totals of them. A row that fails a rule by itself is masked
(*primary*). If totals are shown, more is: let R be the set of masked groups.

- R is enlarged by groups (*secondary*) until the sum over all of R may itself be known
  (:class:`~sandbox.reviewed.rules.Together`): it holds a group large enough, and nobody dominates.
- A total is shown if it takes in none of R or all of it, and is masked otherwise (*total*).

Then all that the shown rows tell of the masked groups is the sum over R: every shown total is made of
shown groups, and of that sum or nothing. A masked group may be anything from nothing to the whole sum.
Where no R can be found, every total that takes in a masked group is masked, and nothing at all is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.privacy.plan import Cell
from sandbox.reviewed.read import Behind, Found
from sandbox.reviewed.rules import Rules, Together, Use, failures

PRIMARY, SECONDARY, TOTAL = "primary", "secondary", "total"


@dataclass(frozen=True, slots=True)
class Mask:
    """Why one row is masked."""

    reason: str
    """``primary``, ``secondary`` or ``total``."""
    codes: tuple[str, ...] = ()
    """Rules that it fails by itself."""


def masks_of(found: Found, uses: Sequence[Use], rules: Rules) -> tuple[Mask | None, ...]:
    """Return for each row why it is masked; None where it is shown."""
    codes = [_codes(behind, uses, rules) for _, behind in found]
    everything = found[0][0].keys
    groups = [place for place, (row, _) in enumerate(found) if row.keys == everything]
    failing = [place for place in groups if codes[place]]
    made: list[Mask | None] = [
        Mask(PRIMARY, codes[place]) if codes[place] else None for place in range(len(found))
    ]
    if not failing or len(groups) == len(found):
        return tuple(made)
    hidden = _hidden(failing, groups, found, uses, rules)
    for place in hidden.places:
        made[place] = made[place] or Mask(SECONDARY)
    for place in range(len(groups), len(found)):
        row = found[place][0]
        inside = hidden.apart[row.keys][_coarse(row.cell, row.keys)]
        whole = inside == len(hidden.places) and hidden.may_be_known
        if inside and not whole:
            made[place] = made[place] or Mask(TOTAL)
    return tuple(made)


def _codes(behind: Behind, uses: Sequence[Use], rules: Rules) -> tuple[str, ...]:
    found = {code for part, use in zip(behind, uses, strict=True) for code in failures(part, use, rules)}
    return tuple(sorted(found, key=lambda code: int(code[1:])))


@dataclass(slots=True)
class _Hidden:
    """Groups that are masked, and what their sum would tell."""

    found: Found
    together: tuple[Together, ...]
    """One for each measure."""
    sets: tuple[tuple[int, ...], ...]
    """Sets of keys that totals are grouped by."""
    places: set[int]
    apart: dict[tuple[int, ...], Counter[Cell]]
    """By set, the totals that take in one of the groups, and how many of them."""

    @classmethod
    def of(cls, found: Found, places: Sequence[int], uses: Sequence[Use], rules: Rules) -> _Hidden:
        sets = tuple(dict.fromkeys(row.keys for row, _ in found))[1:]
        made = cls(
            found, tuple(Together(use, rules) for use in uses), sets, set(), {one: Counter() for one in sets}
        )
        for place in places:
            made.add(place)
        return made

    def add(self, place: int) -> None:
        row, behind = self.found[place]
        self.places.add(place)
        for together, part in zip(self.together, behind, strict=True):
            together.add(part)
        for keys in self.sets:
            self.apart[keys][_coarse(row.cell, keys)] += 1

    @property
    def may_be_known(self) -> bool:
        return all(together.may_be_known for together in self.together)

    def cost(self, place: int) -> tuple[int, int, int]:
        """Return how many totals must be masked if this group is too, then how many units it has."""
        row, behind = self.found[place]
        sizes = [
            len(self.apart[keys]) + (_coarse(row.cell, keys) not in self.apart[keys]) for keys in self.sets
        ]
        return sum(size for size in sizes if size > 1), behind[0].units, place


def _hidden(
    masked: Sequence[int], groups: Sequence[int], found: Found, uses: Sequence[Use], rules: Rules
) -> _Hidden:
    """Return the masked groups with those that hide them; alone, where even all groups would not."""
    hidden = _Hidden.of(found, masked, uses, rules)
    others = [place for place in groups if place not in hidden.places]
    if not _Hidden.of(found, groups, uses, rules).may_be_known:
        return hidden
    while not hidden.may_be_known:
        best = min(others, key=hidden.cost)
        hidden.add(best)
        others.remove(best)
    return hidden


def _coarse(cell: Cell, keys: tuple[int, ...]) -> Cell:
    return tuple(cell[index] for index in keys)
