"""What is read for a reviewed answer: fixed by the question and the policy, before a row is read.

Every row of the table has its own reading of what stands behind it, totals included: persons do not add
up, and a total of groups that are each too small may be large enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

from sandbox.canonical import digest_of
from sandbox.errors import NotAnswerable
from sandbox.policy.check import CheckedQuery
from sandbox.policy.reviewed import require_reviewed
from sandbox.privacy.plan import Cell
from sandbox.privacy.plan import Key as KeyValue
from sandbox.query.expr import Aggregate, Function, Key, Output
from sandbox.query.render import canonical
from sandbox.query.typed import Field, Term
from sandbox.sources.contributions import Contributions

MOST_SCANS = 64
"""Readings of one reviewed answer: one for each column and each set of keys."""
_OF_ROWS = frozenset({Function.COUNT_ROWS, Function.COUNT_UNITS})


@dataclass(frozen=True, slots=True)
class Shown:
    """One column of the table that holds numbers."""

    name: str
    function: Function
    measure: int
    """Which of the plan's measures it is made of."""


@dataclass(frozen=True, slots=True)
class KeyShown:
    """One column of the table that holds a key's values."""

    name: str
    index: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row of the table before anything is known of it."""

    cell: Cell
    """Its key values; None in the place of a key that it totals over."""
    keys: tuple[int, ...]
    """Which keys it does not total over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewedPlan:
    """Everything about a reviewed answer but the data; made by :func:`make_reviewed_plan`."""

    checked: CheckedQuery
    columns: tuple[Shown | KeyShown, ...]
    measures: tuple[Field | None, ...]
    """The columns that are read, each once; None for rows alone."""
    sets: tuple[tuple[int, ...], ...]
    """Sets of keys that the rows are grouped by, the set of all keys first."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row of the table, whether or not anybody is in it, in its order."""
        return tuple(
            Row(cell=cell, keys=chosen) for chosen in self.sets for cell in product(*self._values(chosen))
        )

    def scan(self, chosen: tuple[int, ...], measure: Field | None) -> Contributions:
        """Return what an engine is asked for one measure and one set of keys."""
        checked = self.checked
        return Contributions(
            source=checked.source,
            unit=checked.unit,
            where=checked.where,
            keys=tuple(checked.keys[index] for index in chosen),
            all_keys=checked.keys,
            column=measure,
        )

    @property
    def digest(self) -> str:
        """Digest of the question and of the policy it was allowed under."""
        checked = self.checked
        return digest_of(
            {
                "mode": "reviewed",
                "authorization": checked.authorization.name,
                "dataset": checked.dataset.name,
                "policy": checked.policy_digest,
                "query": canonical(checked.query),
            }
        )

    def _values(self, chosen: tuple[int, ...]) -> list[tuple[KeyValue | None, ...]]:
        return [_public(key) if index in chosen else (None,) for index, key in enumerate(self.checked.keys)]


def make_reviewed_plan(checked: CheckedQuery, *, most_rows: int) -> ReviewedPlan:
    """Decide what is read for ``checked``.

    Args:
        checked: the question.
        most_rows: rows that a released table may have.

    Raises:
        NotAllowed, NotAnswerable: it has no reviewed answer; see :mod:`sandbox.policy.reviewed`.
    """
    require_reviewed(checked)
    finest = tuple(range(len(checked.keys)))
    coarser = (tuple(sorted(chosen)) for chosen in checked.query.sets)
    sets = tuple(dict.fromkeys((finest, *coarser)))
    found: dict[Field | None, None] = {}
    columns: list[Shown | KeyShown] = []
    for output in checked.query.outputs:
        if isinstance(output, Key):
            columns.append(KeyShown(output.name, output.index))
            continue
        aggregate = _aggregate(output)
        typed = checked.aggregates[aggregate]
        term = None if typed.function in _OF_ROWS else typed.terms[0]
        if term is not None and not isinstance(term, Field):
            raise TypeError("only columns as they are pass the check")
        found.setdefault(term)
        columns.append(Shown(output.name, typed.function, list(found).index(term)))
    _require_size(checked, sets, measures=len(found), most_rows=most_rows)
    return ReviewedPlan(checked=checked, columns=tuple(columns), measures=tuple(found), sets=sets)


def _aggregate(output: Output) -> Aggregate:
    if not isinstance(output.formula, Aggregate):
        raise TypeError("only plain aggregates pass the check")
    return output.formula


def _public(key: Term) -> tuple[KeyValue, ...]:
    if key.type.values is None:
        raise TypeError("the policy check lets no key without public values through")
    return key.type.values


def _require_size(
    checked: CheckedQuery, sets: tuple[tuple[int, ...], ...], *, measures: int, most_rows: int
) -> None:
    sizes = [len(_public(key)) for key in checked.keys]
    rows = sum(math.prod(sizes[index] for index in chosen) for chosen in sets)
    if rows > most_rows or len(sets) * measures > MOST_SCANS:
        raise NotAnswerable(
            "reviewed-too-large",
            f"The table would have {rows} rows, of {measures} columns read for {len(sets)} sets of keys.",
            allowed=f"A reviewed answer has at most {most_rows} rows and {MOST_SCANS} readings; group by "
            "fewer or coarser keys.",
        )
