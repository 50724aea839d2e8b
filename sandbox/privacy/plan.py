"""What will be measured, with how much noise, and what that costs: fixed before any row is read.

A plan is a function of the question, the policy and the epsilon alone. Each aggregate becomes one or
two statistics; equal statistics are measured once. A measurement is a vector with one integer per
cell of the public key domains, and its sensitivity is the largest L1 distance of two such vectors
when one unit, with all its rows, is added or removed. With K kept rows a unit:

======================  ===================================================================
statistic               sensitivity
======================  ===================================================================
rows, values            K: each kept row adds 1 to one cell
units                   min(K, cells): 1 in each cell that the unit reaches
sum                     K * max(abs(low), abs(high)): the values are clamped
centered sum            K * max(high - middle, middle - low)
======================  ===================================================================

WHERE and GROUP BY act on rows after the copy was bounded, so they change none of this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Context, Decimal
from enum import StrEnum
from fractions import Fraction
from functools import reduce
from itertools import product

from sandbox.canonical import digest_of
from sandbox.errors import Malformed, NotAnswerable, OverBudget
from sandbox.policy.check import CheckedQuery
from sandbox.privacy.fixed import FixedPoint
from sandbox.privacy.loss import LARGEST_EPSILON, Loss
from sandbox.query.expr import Aggregate, Function
from sandbox.query.render import canonical

MOST_CELLS = 10_000
"""Cells one answer may have; each is shown, empty or not."""
LARGEST_SENSITIVITY = 2**53
"""Above it a float does not hold a sensitivity exactly, and noise would be all there is."""
LARGEST_SCALE = 2**56
"""Above it noise could reach the ends of 64 bits; below it 2^62 is reached once in e^64 draws."""
Cell = tuple[int | str, ...]
_SHARE = Context(prec=24, rounding=ROUND_FLOOR)


class StatisticKind(StrEnum):
    """What is counted or summed in each cell."""

    ROWS = "rows"
    VALUES = "values"
    """Rows in which the column is not NULL."""
    UNITS = "units"
    SUM = "sum"
    CENTERED_SUM = "centered_sum"
    """Sum of the distances from the middle of the bounds: half the sensitivity of a sum, or less."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number per cell, before noise."""

    kind: StatisticKind
    column: str | None = None
    """The column counted or summed; None for rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """A statistic together with the noise it will get."""

    statistic: Statistic
    sensitivity: int
    """L1 over all cells under add/remove of one unit, in the statistic's fixed-point unit."""
    epsilon: Decimal
    """Pure epsilon of this measurement."""
    scale: float
    """Scale of the integer Laplace noise, at least sensitivity / epsilon."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything about an answer but the data; made by :func:`make_plan`."""

    checked: CheckedQuery
    key_domains: tuple[tuple[int | str, ...], ...]
    """Public values of each key, sorted, in the order of the question's keys."""
    measurements: tuple[Measurement, ...]
    epsilon: Decimal
    """Pure epsilon of all measurements together, as asked for."""
    loss: Loss
    """What is charged: the zCDP losses of the measurements added up."""
    max_rows: int
    """Rows of one unit that are looked at."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every combination of key values, sorted; one empty combination without GROUP BY."""
        return tuple(product(*self.key_domains))

    @property
    def digest(self) -> str:
        """Digest of the question, the policy it was allowed under, and the noise."""
        checked = self.checked
        return digest_of(
            {
                "authorization": checked.authorization.name,
                "dataset": checked.dataset.name,
                "policy": checked.policy_digest,
                "query": canonical(checked.query),
                "epsilon": str(self.epsilon),
                "max_rows": self.max_rows,
                "measurements": [
                    [m.statistic.kind.value, m.statistic.column, m.sensitivity, str(m.epsilon), m.scale.hex()]
                    for m in self.measurements
                ],
            }
        )

    def index_of(self, statistic: Statistic) -> int:
        """Return which measurement measures ``statistic``."""
        return next(i for i, m in enumerate(self.measurements) if m.statistic == statistic)


@dataclass(frozen=True, slots=True)
class ExactCells:
    """The true values of a plan's measurements; never shown, never logged."""

    plan: Plan
    values: tuple[tuple[int, ...], ...] = field(repr=False)
    """One row per measurement, aligned with ``plan.cells``."""


@dataclass(frozen=True, slots=True)
class NoisyCells:
    """The same with noise: the first thing that may be shown. Made by ``noise.add_noise`` alone."""

    plan: Plan
    values: tuple[tuple[int, ...], ...]
    """One row per measurement, aligned with ``plan.cells``."""


def make_plan(checked: CheckedQuery, *, epsilon: Decimal) -> Plan:
    """Decide what is measured for ``checked`` and split ``epsilon`` evenly over it.

    Raises:
        Malformed: ``epsilon`` is not above 0 and at most 100.
        OverBudget: ``epsilon`` exceeds what one question may cost under the authorization.
        NotAnswerable: too many cells, or numbers too large to be summed exactly.
    """
    _check_epsilon(checked, epsilon)
    domains = tuple(tuple(sorted(checked.table.columns[key].domain)) for key in checked.query.keys)
    cells = math.prod(len(domain) for domain in domains)
    if cells > MOST_CELLS:
        raise NotAnswerable(
            "too-many-cells",
            f"The grouping has {cells} cells.",
            allowed=f"Group by fewer columns; an answer has at most {MOST_CELLS} cells.",
        )
    wanted = dict.fromkeys(
        part for aggregate in checked.query.aggregates for part in statistics_of(aggregate)
    )
    share = _SHARE.divide(epsilon, Decimal(len(wanted)))
    measurements = tuple(_measurement(checked, statistic, cells, share) for statistic in wanted)
    return Plan(
        checked=checked,
        key_domains=domains,
        measurements=measurements,
        epsilon=epsilon,
        loss=reduce(Loss.__add__, (Loss.of_pure(m.epsilon) for m in measurements)),
        max_rows=checked.table.max_rows_per_unit,
    )


def statistics_of(aggregate: Aggregate) -> tuple[Statistic, ...]:
    """Return what must be measured for one aggregate; an average needs a sum and a count."""
    match aggregate.function:
        case Function.COUNT_ROWS:
            return (Statistic(StatisticKind.ROWS),)
        case Function.COUNT_VALUES:
            return (Statistic(StatisticKind.VALUES, aggregate.column),)
        case Function.COUNT_UNITS:
            return (Statistic(StatisticKind.UNITS, aggregate.column),)
        case Function.SUM:
            return (Statistic(StatisticKind.SUM, aggregate.column),)
        case Function.AVG:
            return (
                Statistic(StatisticKind.CENTERED_SUM, aggregate.column),
                Statistic(StatisticKind.VALUES, aggregate.column),
            )


def noise_scale(sensitivity: int, epsilon: Decimal) -> float:
    """Return the smallest convenient float scale with sensitivity / scale <= epsilon.

    A margin of 2^-48 covers the roundings of the mechanism's own map; it changes no visible digit.
    """
    exact = Fraction(sensitivity) / Fraction(epsilon) * (1 + Fraction(1, 2**48))
    return math.nextafter(float(exact), math.inf)


def _check_epsilon(checked: CheckedQuery, epsilon: Decimal) -> None:
    if not (epsilon.is_finite() and 0 < epsilon <= LARGEST_EPSILON):
        raise Malformed("loss-invalid", "The epsilon must be above 0 and at most 100.")
    limit = checked.authorization.loss.per_query_epsilon
    if epsilon > limit:
        raise OverBudget(
            "loss-per-question",
            f"An epsilon of {epsilon} is more than one question may cost.",
            allowed=f"Under authorization {checked.authorization.name} it is at most {limit}.",
        )


def _measurement(checked: CheckedQuery, statistic: Statistic, cells: int, epsilon: Decimal) -> Measurement:
    sensitivity = _sensitivity(checked, statistic, cells)
    scale = noise_scale(sensitivity, epsilon)
    if sensitivity > LARGEST_SENSITIVITY or scale > LARGEST_SCALE:
        raise NotAnswerable(
            "sum-too-large",
            f"One unit may change a sum of {statistic.column} by more than can be hidden in 64 bits.",
            allowed="Ask with a larger epsilon; a steward can narrow the bounds or keep fewer rows a unit.",
        )
    return Measurement(statistic=statistic, sensitivity=sensitivity, epsilon=epsilon, scale=scale)


def _sensitivity(checked: CheckedQuery, statistic: Statistic, cells: int) -> int:
    rows = checked.table.max_rows_per_unit
    match statistic.kind:
        case StatisticKind.ROWS | StatisticKind.VALUES:
            return rows
        case StatisticKind.UNITS:
            return min(rows, cells)
        case StatisticKind.SUM:
            return rows * fixed_of(checked, statistic).reach
        case StatisticKind.CENTERED_SUM:
            return rows * fixed_of(checked, statistic).half_range


def fixed_of(checked: CheckedQuery, statistic: Statistic) -> FixedPoint:
    """Return the fixed-point bounds of the measure that ``statistic`` sums."""
    return FixedPoint.of(checked.table.columns[statistic.column or ""])
