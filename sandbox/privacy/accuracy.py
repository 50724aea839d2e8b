"""How far noise moves an answer, from the plan alone; and the loss that a wished accuracy needs.

Intervals cover the noise around the value in the bounded copy. Rows that registration dropped and
values it clamped are not in them; the truncation warning speaks of those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

from sandbox.errors import OverBudget
from sandbox.policy.check import CheckedQuery
from sandbox.privacy.bound import Profile
from sandbox.privacy.estimate import Chosen, Estimate, Noisy, evaluate, leaves
from sandbox.privacy.formula import estimator_of
from sandbox.privacy.measurement import CONFIDENCE, Measurement, Selection
from sandbox.privacy.mechanism import half_width, laplace
from sandbox.privacy.plan import Plan, make_plan
from sandbox.privacy.post import part_confidence
from sandbox.privacy.quantile import DENOMINATOR
from sandbox.query.expr import Output
from sandbox.query.intervals import bounds

ASSUMED_ROWS = 1_000
"""Rows in a group for which a dry run states the error of a quotient."""
EPSILON_DIGITS = 4
"""Digits after the point to which the epsilon for a wished error is found."""
_DIGITS = Decimal("0.000001")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedError:
    """What a dry run says of one noisy output."""

    name: str
    """Output column."""
    half_width: Decimal | None
    """Half the width of the 95 % interval, in the output's own unit; None where nothing bounds it."""
    note: str
    """What it depends on, in words; empty where it is the same for every group."""


def expected_errors(plan: Plan) -> tuple[ExpectedError, ...]:
    """Return the expected error of each noisy output, in the order of the question; reads no data."""
    outputs = (output for output in plan.checked.query.outputs if isinstance(output, Output))
    return tuple(_expected(plan, output) for output in outputs)


def epsilon_for(checked: CheckedQuery, *, target: Decimal, profiles: Mapping[str, Profile]) -> Decimal:
    """Return the smallest epsilon at which every output's expected error is at most ``target``.

    Raises:
        OverBudget: even the most that one question may cost does not suffice; says what it reaches.
        NotAnswerable: as :func:`~sandbox.privacy.plan.make_plan`.
    """
    step = Decimal(1).scaleb(-EPSILON_DIGITS)
    most = int(checked.authorization.loss.per_query_epsilon / step)

    def error_at(steps: int) -> Decimal | None:
        return _worst(make_plan(checked, epsilon=steps * step, profiles=profiles))

    best = error_at(max(1, most))
    if best is None or best > target or most < 1:
        reached = "nothing that can be told before" if best is None else f"+-{best}"
        raise OverBudget(
            "target-out-of-reach",
            "No question under this authorization is as exact as wished.",
            allowed=f"The most that one question may cost reaches {reached}; wish for that or more.",
        )
    low, high = 0, most  # low does not suffice, high does
    while high - low > 1:
        middle = (low + high) // 2
        found = error_at(middle)
        low, high = (low, middle) if found is not None and found <= target else (middle, high)
    return high * step


def _worst(plan: Plan) -> Decimal | None:
    errors = [error.half_width for error in expected_errors(plan)]
    known = [error for error in errors if error is not None]
    return max(known) if len(known) == len(errors) else None


def _expected(plan: Plan, output: Output) -> ExpectedError:
    estimator = estimator_of(output.formula, plan)
    choices = [leaf for leaf in leaves(estimator) if isinstance(leaf, Chosen)]
    if choices:
        rows = max(_rank_error(plan.selections[leaf.index]) for leaf in choices)
        note = f"The value chosen is at most {rows} rows away from the quantile, with {CONFIDENCE:.0%}."
        return ExpectedError(name=output.name, half_width=None, note=note.replace("%", " %"))
    found = evaluate(estimator, lambda leaf: _assumed(plan, leaf, part_confidence(estimator)))
    plain = isinstance(estimator, Noisy)
    note = "" if plain else f"About this for a group with {ASSUMED_ROWS} rows; it shrinks as rows grow."
    return ExpectedError(name=output.name, half_width=_half(found), note=note)


def _half(estimate: Estimate) -> Decimal | None:
    if estimate.low is None or estimate.high is None:
        return None
    half = (estimate.high - estimate.low) / 2
    return (Decimal(half.numerator) / Decimal(half.denominator)).quantize(_DIGITS, ROUND_CEILING)


def _assumed(plan: Plan, leaf: Noisy | Chosen, confidence: float) -> Estimate:
    measurement = plan.measurements[leaf.index]
    unit = leaf.unit if isinstance(leaf, Noisy) else Fraction(1)
    value, width = _typical(measurement), half_width(measurement.noise, confidence)
    return Estimate(value * unit, (value - width) * unit, (value + width) * unit)


def _typical(measurement: Measurement) -> int:
    """Return what a group with the assumed rows has, its values in the middle of their bounds."""
    statistic = measurement.statistic
    if not statistic.is_sum or statistic.term is None:
        return ASSUMED_ROWS
    return ASSUMED_ROWS * sum(bounds(statistic.term)) // 2


def _rank_error(selection: Selection) -> int:
    """Return by how many rows the chosen value may miss: twice the largest of all noises."""
    noise = laplace(l1=2 * selection.sensitivity, epsilon=selection.shares[0])
    reach = half_width(noise, 1 - (1 - CONFIDENCE) / selection.candidates.count)
    return -(-2 * reach // DENOMINATOR)
