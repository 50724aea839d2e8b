"""From noisy cells to the table a person reads; post-processing, so it costs nothing.

Each aggregate becomes three columns: ``name``, ``name_low`` and ``name_high``, a 95 % interval for the
value in the bounded copy. No number is a float: counts are ints, measures have the policy's decimals
as text, averages two digits more. A count or sum near zero may come out negative and is left so:
clamping would bias every total built from it. An average is kept within the policy's bounds, and is
empty, with the bounds as its interval, where the noisy count is below 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from fractions import Fraction

from sandbox.privacy.accuracy import PART_CONFIDENCE, half_width
from sandbox.privacy.fixed import FixedPoint, spell
from sandbox.privacy.plan import NoisyCells, Plan, fixed_of, statistics_of
from sandbox.query.expr import Aggregate, Function, Key

AVERAGE_DIGITS = 2
"""Digits an average has beyond those of its measure: a mean of whole numbers is not whole."""
Value = int | str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerTable:
    """A noisy table; every cell of the public domains is in it, sorted by key."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def finish(noisy: NoisyCells) -> AnswerTable:
    """Return the table of an answer, columns in the order of the question."""
    plan = noisy.plan
    query = plan.checked.query
    positions = {key: position for position, key in enumerate(query.keys)}
    columns: list[str] = []
    data: list[tuple[Value, ...]] = []
    for output in query.outputs:
        if isinstance(output, Key):
            columns.append(output.name)
            data.append(tuple(cell[positions[output.column]] for cell in plan.cells))
        else:
            columns += [output.name, f"{output.name}_low", f"{output.name}_high"]
            data += zip(*_triples(plan, output, noisy), strict=True)
    return AnswerTable(columns=tuple(columns), rows=tuple(zip(*data, strict=True)))


def _triples(plan: Plan, aggregate: Aggregate, noisy: NoisyCells) -> Iterator[tuple[Value, Value, Value]]:
    indices = [plan.index_of(part) for part in statistics_of(aggregate)]
    first = plan.measurements[indices[0]]
    if aggregate.function is Function.AVG:
        fixed = fixed_of(plan.checked, first.statistic)
        total, count = (half_width(plan.measurements[index], PART_CONFIDENCE) for index in indices)
        for pair in zip(*(noisy.values[index] for index in indices), strict=True):
            yield _average(fixed, total=pair[0], count=pair[1], total_width=total, count_width=count)
        return
    decimals = fixed_of(plan.checked, first.statistic).decimals if aggregate.function is Function.SUM else 0
    width = half_width(first)
    for value in noisy.values[indices[0]]:
        yield spell(value, decimals), spell(value - width, decimals), spell(value + width, decimals)


def _average(
    fixed: FixedPoint, *, total: int, count: int, total_width: int, count_width: int
) -> tuple[Value, Value, Value]:
    """Divide, and enclose the quotient over every total and every count >= 1 within their intervals.

    A quotient is monotone in either part while the count is positive, so its extremes are at corners.
    """
    if count < 1:
        return None, _bound(fixed, fixed.low), _bound(fixed, fixed.high)
    least, most = max(1, count - count_width), count + count_width
    quotients = [
        Fraction(part, divisor)
        for part in (total - total_width, total + total_width)
        for divisor in (least, most)
    ]
    return (
        _shown(fixed, Fraction(total, count), ROUND_HALF_EVEN),
        _shown(fixed, min(quotients), ROUND_FLOOR),
        _shown(fixed, max(quotients), ROUND_CEILING),
    )


def _bound(fixed: FixedPoint, bound: int) -> str:
    return _shown(fixed, Fraction(bound - fixed.middle), ROUND_HALF_EVEN)


def _shown(fixed: FixedPoint, centered: Fraction, rounding: str) -> str:
    """Return an average within the bounds, rounded so that an interval only widens."""
    value = min(Fraction(fixed.high), max(Fraction(fixed.low), centered + fixed.middle))
    scaled = value * 10**AVERAGE_DIGITS
    if rounding == ROUND_HALF_EVEN:
        whole = round(scaled)
    else:
        whole = math.floor(scaled) if rounding == ROUND_FLOOR else math.ceil(scaled)
    return str(spell(whole, fixed.decimals + AVERAGE_DIGITS))
