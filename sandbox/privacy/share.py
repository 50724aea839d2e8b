"""The share of rows that a test lets through, guessed from public domains alone.

Rows are taken to be spread evenly over the values a term may have, and parts of a test to be
independent. It is only used to choose between plans that are all sound: a wrong guess costs accuracy,
never privacy.
"""

from __future__ import annotations

import math

from sandbox.query.expr import Operator
from sandbox.query.typed import (
    Comparison,
    Conjunction,
    Disjunction,
    IsNull,
    Matches,
    Member,
    Negation,
    Term,
    Test,
    Value,
)

UNKNOWN = 0.5
"""Of a test about which nothing public is known."""
MISSING = 0.05
"""Of NULL in a column that may have it."""
LEAST = 1e-6


def share(test: Test | None) -> float:
    """Return a number in [1e-6, 1]; 1 where there is no test."""
    return 1.0 if test is None else min(1.0, max(LEAST, _share(test)))


def _share(test: Test) -> float:
    match test:
        case Comparison():
            return _compared(test)
        case Member(term, values):
            return min(1.0, len(values) * _one_of(term))
        case IsNull() | Matches():
            return MISSING if isinstance(test, IsNull) else UNKNOWN
        case Negation(inner):
            return 1 - _share(inner)
        case Conjunction(tests):
            return math.prod(_share(part) for part in tests)
        case Disjunction(tests):
            return 1 - math.prod(1 - _share(part) for part in tests)


def _one_of(term: Term) -> float:
    return 1 / len(term.type.values) if term.type.values else UNKNOWN


def _compared(test: Comparison) -> float:
    if test.operator is Operator.EQ:
        return _one_of(test.left)
    if test.operator is Operator.NE:
        return 1 - _one_of(test.left)
    low, high = test.left.type.low, test.left.type.high
    at = test.right.type.low
    if not isinstance(test.right, Value) or low is None or high is None or at is None or low >= high:
        return UNKNOWN
    below = min(1.0, max(0.0, (at - low) / (high - low)))
    return below if test.operator in {Operator.LT, Operator.LE} else 1 - below
