"""HAVING, on noisy numbers: an empty number makes a comparison neither true nor false."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction

from sandbox.query.expr import Condition, Formula, Having, HavingAll, HavingAny, Operator

_COMPARE: dict[Operator, Callable[[Fraction, Fraction], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}


def holds(condition: Condition, value: Callable[[Formula], Fraction | None]) -> bool:
    """Tell whether ``condition`` is true; ``value`` gives each formula's noisy value."""
    match condition:
        case Having(left, compared, right):
            one, other = value(left), value(right)
            return one is not None and other is not None and _COMPARE[compared](one, other)
        case HavingAll(parts):
            return all(holds(part, value) for part in parts)
        case HavingAny(parts):
            return any(holds(part, value) for part in parts)
