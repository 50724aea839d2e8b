"""How far noise moves an answer, from the plan alone.

Intervals cover the noise around the value in the bounded copy. Rows that registration dropped and
values it clamped are not in them; the truncation warning speaks of those.

Tail of the integer Laplace distribution with scale s (S. Ghosh et al., Universally Utility-Maximizing
Privacy Mechanisms, 2009): with a = e^(-1/s), P(|X| > t) = 2 a^(t+1) / (1 + a) for whole t >= 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from sandbox.privacy.fixed import FixedPoint
from sandbox.privacy.plan import Measurement, Plan, fixed_of, statistics_of
from sandbox.query.expr import Aggregate, Function

CONFIDENCE = 0.95
"""Of every interval shown."""
PART_CONFIDENCE = 1 - (1 - CONFIDENCE) / 2
"""Of each of two numbers, so that both hold together with :data:`CONFIDENCE` (union bound)."""
ASSUMED_ROWS = 1_000
"""Rows in a cell for which a dry run states the error of an average."""
_MARGIN = 1 + 1e-12
"""Covers the rounding of log and exp."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedError:
    """What a dry run says of one aggregate."""

    name: str
    """Output column."""
    half_width: Decimal
    """Half the width of the 95 % interval, in the aggregate's own unit."""
    note: str
    """What it depends on, in words; empty where it is the same for every cell."""


def half_width(measurement: Measurement, confidence: float = CONFIDENCE) -> int:
    """Return the smallest t such that noise stays within +-t with ``confidence``.

    The unit is the statistic's fixed-point unit.
    """
    scale = measurement.scale
    ratio = math.exp(-1 / scale)
    bound = scale * math.log(2 / ((1 + ratio) * (1 - confidence))) * _MARGIN - 1
    return max(0, math.ceil(bound))


def expected_errors(plan: Plan) -> tuple[ExpectedError, ...]:
    """Return the expected error of each aggregate, in the order of the question; reads no data."""
    return tuple(_expected(plan, aggregate) for aggregate in plan.checked.query.aggregates)


def _expected(plan: Plan, aggregate: Aggregate) -> ExpectedError:
    parts = [plan.measurements[plan.index_of(part)] for part in statistics_of(aggregate)]
    if aggregate.function is Function.AVG:
        return _expected_average(aggregate.name, fixed_of(plan.checked, parts[0].statistic), *parts)
    decimals = (
        fixed_of(plan.checked, parts[0].statistic).decimals if aggregate.function is Function.SUM else 0
    )
    return ExpectedError(
        name=aggregate.name, half_width=Decimal(half_width(parts[0])).scaleb(-decimals), note=""
    )


def _expected_average(name: str, fixed: FixedPoint, total: Measurement, count: Measurement) -> ExpectedError:
    """(S + a) / (n + b) - S / n is at most (a + |S / n| b) / (n - b), and |S / n| at most half the range."""
    of_total, of_count = half_width(total, PART_CONFIDENCE), half_width(count, PART_CONFIDENCE)
    whole = Decimal(fixed.high - fixed.low)
    rest = ASSUMED_ROWS - of_count
    error = whole if rest <= 0 else min(whole, Decimal(of_total + fixed.half_range * of_count) / rest)
    return ExpectedError(
        name=name,
        half_width=error.scaleb(-fixed.decimals).quantize(Decimal("0.000001"), ROUND_CEILING),
        note=f"At most this for a cell with {ASSUMED_ROWS} rows; it shrinks as the number of rows grows.",
    )
