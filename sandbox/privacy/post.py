"""From noisy numbers to the table a person reads; post-processing, so it costs nothing.

Each noisy output becomes three columns: ``name``, ``name_low`` and ``name_high``, a 95 % interval for
the value in the bounded copy. No number is a float: whole numbers are ints, others are text with a
fixed number of digits. A count or sum near zero may come out negative and is left so: clamping would
bias every total built from it. What has no value, as an average where the noisy count is below 1, is
empty. Totals of ROLLUP, CUBE and GROUPING SETS are sums of the finest groups, so that parts add up.

HAVING, ORDER BY and LIMIT look at the noisy numbers, never at true ones. Without ORDER BY rows are
sorted by key.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from itertools import product

from sandbox.privacy.cells import NoisyCells
from sandbox.privacy.estimate import Chosen, Estimate, Estimator, Noisy, evaluate, leaves
from sandbox.privacy.fixed import spell
from sandbox.privacy.formula import decimals_of, estimator_of
from sandbox.privacy.having import holds
from sandbox.privacy.measurement import CONFIDENCE, Measurement
from sandbox.privacy.mechanism import Noise, half_width
from sandbox.privacy.plan import Cell, Key, Plan
from sandbox.privacy.total import half_width_of_sum
from sandbox.query.expr import Formula, Output
from sandbox.query.expr import Key as KeyOutput
from sandbox.query.typed import Kind, Term

Value = int | str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerTable:
    """A noisy table."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """One row of the answer: its key values, None in the place of a key that it totals over."""

    cell: Cell
    members: tuple[int, ...]
    """Places of the finest groups it is made of."""


def finish(noisy: NoisyCells) -> AnswerTable:
    """Return the table of an answer, columns in the order of the question."""
    query = noisy.plan.checked.query
    columns: list[str] = []
    for output in query.outputs:
        columns += (
            [output.name, f"{output.name}_low", f"{output.name}_high"]
            if isinstance(output, Output)
            else [output.name]
        )
    read = _columns(noisy.plan)
    kept = [group for group in _groups(noisy) if _passes(noisy, group)]
    shown = [(group, tuple(_shown(noisy, group, read))) for group in kept]
    for order in reversed(query.order):  # the last first: sorting is stable
        place = columns.index(order.name)
        numeric = any(isinstance(output, Output) and output.name == order.name for output in query.outputs)
        shown = _ordered(shown, place, numeric=numeric, descending=order.descending)
    rows = tuple(row for _, row in shown[: query.limit])
    return AnswerTable(columns=tuple(columns), rows=rows)


def _groups(noisy: NoisyCells) -> Iterator[_Group]:
    plan = noisy.plan
    if plan.threshold is not None:
        yield from (_Group(cell, (index,)) for index, cell in enumerate(noisy.cells))
        return
    sets = plan.checked.query.sets or (tuple(range(len(plan.key_domains))),)
    finest = {cell: index for index, cell in enumerate(plan.cells)}
    for chosen in sets:
        members: dict[Cell, list[int]] = {cell: [] for cell in _cells_of(plan, chosen)}
        for key, index in finest.items():
            members[_coarse(key, chosen)].append(index)
        for cell, indices in members.items():
            yield _Group(cell, tuple(indices))


def _cells_of(plan: Plan, chosen: Sequence[int]) -> Iterator[Cell]:
    nothing: tuple[Key | None, ...] = (None,)
    yield from product(
        *(domain if index in chosen else nothing for index, domain in enumerate(plan.key_domains))
    )


def _coarse(cell: Sequence[Key], chosen: Sequence[int]) -> Cell:
    return tuple(value if index in chosen else None for index, value in enumerate(cell))


def _passes(noisy: NoisyCells, group: _Group) -> bool:
    having = noisy.plan.checked.query.having
    if having is None:
        return True
    return holds(having, lambda formula: _estimate(noisy, group, _read_by(formula, noisy.plan)).value)


@dataclass(frozen=True, slots=True)
class _Column:
    """What is the same for one output in every group."""

    estimator: Estimator
    confidence: float
    """Of each part of it."""
    decimals: int


def _columns(plan: Plan) -> tuple[_Column | KeyOutput, ...]:
    return tuple(
        _read_by(output.formula, plan) if isinstance(output, Output) else output
        for output in plan.checked.query.outputs
    )


def _read_by(formula: Formula, plan: Plan) -> _Column:
    estimator = estimator_of(formula, plan)
    return _Column(estimator, part_confidence(estimator), decimals_of(formula, plan))


def _shown(noisy: NoisyCells, group: _Group, columns: Sequence[_Column | KeyOutput]) -> Iterator[Value]:
    for column in columns:
        if isinstance(column, _Column):
            estimate = _estimate(noisy, group, column)
            yield _spelled(estimate.value, column.decimals, round)
            yield _spelled(estimate.low, column.decimals, math.floor)
            yield _spelled(estimate.high, column.decimals, math.ceil)
        else:
            yield _key(group.cell[column.index], noisy.plan.checked.keys[column.index])


def _estimate(noisy: NoisyCells, group: _Group, column: _Column) -> Estimate:
    def read(leaf: Noisy | Chosen) -> Estimate:
        if isinstance(leaf, Chosen):
            return _chosen(noisy, leaf.index, group.members[0])
        measurement = noisy.plan.measurements[leaf.index]
        values = noisy.measured[leaf.index]
        value = sum(values[member] for member in group.members)
        width = _width(measurement, len(group.members), column.confidence)
        return Estimate(value * leaf.unit, (value - width) * leaf.unit, (value + width) * leaf.unit)

    return evaluate(column.estimator, read)


def part_confidence(estimator: Estimator) -> float:
    """Return the confidence of each part, so that all hold together with 95 % (union bound)."""
    parts = len(set(leaves(estimator)))
    return 1 - (1 - CONFIDENCE) / max(1, parts)


def _width(measurement: Measurement, members: int, confidence: float) -> int:
    if members == 1:
        return _one_width(measurement.noise, confidence)
    return _sum_width(measurement.noise, members, confidence)


@lru_cache(maxsize=1024)  # by the noise, whose scales are few, where measurements are new with each epsilon
def _one_width(noise: Noise, confidence: float) -> int:
    return half_width(noise, confidence)


@lru_cache(maxsize=1024)
def _sum_width(noise: Noise, members: int, confidence: float) -> int:
    return half_width_of_sum(noise, members, confidence)


def _chosen(noisy: NoisyCells, index: int, member: int) -> Estimate:
    selection, choice = noisy.plan.selections[index], noisy.chosen[index][member]
    candidates, decimals = selection.candidates, selection.term.type.decimals
    return Estimate(
        candidates.value(choice.value, decimals),
        candidates.value(min(choice.low, choice.value), decimals, end=-1),
        candidates.value(max(choice.high, choice.value), decimals, end=1),
    )


def _spelled(value: Fraction | None, decimals: int, whole: Callable[[Fraction], int]) -> Value:
    return None if value is None else spell(whole(value * 10**decimals), decimals)


def _key(value: Key | None, term: Term) -> Value:
    if isinstance(value, date):
        return value.isoformat()
    if term.type.kind is Kind.BOOLEAN and value is not None:
        return "true" if value else "false"
    return spell(value, term.type.decimals) if isinstance(value, int) else value


_Row = tuple[_Group, tuple[Value, ...]]


def _ordered(shown: list[_Row], place: int, *, numeric: bool, descending: bool) -> list[_Row]:
    """Sort by one column, empty values last whichever way."""
    full = [row for row in shown if row[1][place] is not None]
    empty = [row for row in shown if row[1][place] is None]

    def rank(row: _Row) -> Fraction | Value:
        value = row[1][place]
        return Fraction(value) if numeric and value is not None else value

    full.sort(key=rank, reverse=descending)  # type: ignore[arg-type]  # of one kind, and not None
    return full + empty
