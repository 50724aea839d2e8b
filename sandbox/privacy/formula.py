"""From the formulas of a question to estimators over a plan's measurements."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from sandbox.privacy.aggregate import RATIO_DIGITS
from sandbox.privacy.estimate import Combined, Estimator, Known, Rounded
from sandbox.privacy.plan import Plan
from sandbox.query import expr
from sandbox.query.expr import Aggregate, Arithmetic, Combination, Constant, Formula

MOST_DIGITS = 12
"""Digits after the point that are shown at most."""


def estimator_of(formula: Formula, plan: Plan) -> Estimator:
    """Return the estimator of a formula of the plan's question."""
    return _estimator(formula, plan.estimators)


def _estimator(formula: Formula, known: Mapping[Aggregate, Estimator]) -> Estimator:
    match formula:
        case Aggregate():
            return known[formula]
        case Constant(value):
            return Known(Fraction(value) if isinstance(value, int | Decimal) else Fraction(0))
        case Combination(operator, left, right):
            return Combined(operator, _estimator(left, known), _estimator(right, known))
        case expr.Rounded(inner, digits):
            return Rounded(_estimator(inner, known), digits)


def decimals_of(formula: Formula, plan: Plan) -> int:
    """Return how many digits after the point a formula is shown with."""
    match formula:
        case Aggregate():
            return plan.decimals[formula]
        case Constant(value):
            return max(0, -int(value.as_tuple().exponent)) if isinstance(value, Decimal) else 0
        case expr.Rounded(_, digits):
            return max(0, digits)
        case Combination(operator, left, right):
            parts = decimals_of(left, plan), decimals_of(right, plan)
            if operator is Arithmetic.DIVIDE:
                return max(RATIO_DIGITS, parts[0])
            return min(MOST_DIGITS, sum(parts) if operator is Arithmetic.MULTIPLY else max(parts))
