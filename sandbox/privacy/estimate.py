"""How noisy sums and counts become the numbers a person reads; post-processing, so it costs nothing.

An estimator is a formula over noisy statistics. It is evaluated twice at once: on the noisy values,
and on the intervals that the noise leaves around them (R. E. Moore, Interval Analysis, 1966). The
interval of the result holds the value in the bounded copy whenever every statistic's interval holds
its own; so if each of m statistics holds with 1 - 0.05/m, all hold together with 95 % (union bound).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from sandbox.query.expr import Arithmetic

ROOT_DIGITS = 12
"""Digits after the point to which square roots are computed."""


@dataclass(frozen=True, slots=True)
class Noisy:
    """The noisy value of one measurement, in its own unit times ``unit``."""

    index: int
    """Which measurement of the plan."""
    unit: Fraction


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value that one selection of the plan chose, with the values its interval chose."""

    index: int


@dataclass(frozen=True, slots=True)
class Known:
    """A public number."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Combined:
    """Arithmetic of two estimators; a quotient is empty where its divisor is 0."""

    operator: Arithmetic
    left: Estimator
    right: Estimator


@dataclass(frozen=True, slots=True)
class Root:
    """Square root; of what is negative, 0."""

    of: Estimator


@dataclass(frozen=True, slots=True)
class Within:
    """``of`` held within public bounds; empty where ``of`` is, with the bounds as its interval."""

    of: Estimator
    low: Fraction | None
    high: Fraction | None
    empty_below: bool = False
    """Whether a value below ``low`` is empty instead, as an average over no row is."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """``of`` with that many digits; its interval is rounded outwards."""

    of: Estimator
    digits: int


Estimator = Noisy | Chosen | Known | Combined | Root | Within | Rounded


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval; None is an empty value, or an end that nothing bounds."""

    value: Fraction | None
    low: Fraction | None
    high: Fraction | None


Reader = Callable[[Noisy | Chosen], Estimate]
"""Gives the noisy value and interval of one measurement or selection, in one cell."""
_NOTHING = Estimate(None, None, None)


def leaves(estimator: Estimator) -> Iterator[Noisy | Chosen]:
    """Yield the measurements and selections that ``estimator`` reads, repetitions included."""
    match estimator:
        case Noisy() | Chosen():
            yield estimator
        case Combined(_, left, right):
            yield from leaves(left)
            yield from leaves(right)
        case Root(of) | Within(of) | Rounded(of):
            yield from leaves(of)
        case Known():
            return


def evaluate(estimator: Estimator, read: Reader) -> Estimate:
    """Return the value and interval of ``estimator`` in the cell that ``read`` reads."""
    match estimator:
        case Noisy() | Chosen():
            return read(estimator)
        case Known(value):
            return Estimate(value, value, value)
        case Combined(operator, left, right):
            return _combined(operator, evaluate(left, read), evaluate(right, read))
        case Within():
            return _within(estimator, evaluate(estimator.of, read))
        case Root(of):
            return _root(evaluate(of, read))
        case Rounded(of, digits):
            return rounded(evaluate(of, read), digits)


def rounded(of: Estimate, digits: int) -> Estimate:
    """Return ``of`` with that many digits after the point; the interval only widens."""
    scale = Fraction(10) ** digits
    return Estimate(
        None if of.value is None else round(of.value * scale) / scale,
        None if of.low is None else math.floor(of.low * scale) / scale,
        None if of.high is None else math.ceil(of.high * scale) / scale,
    )


def _combined(operator: Arithmetic, left: Estimate, right: Estimate) -> Estimate:
    match operator:
        case Arithmetic.ADD:
            return Estimate(
                _both(left.value, right.value, lambda x, y: x + y),
                _both(left.low, right.low, lambda x, y: x + y),
                _both(left.high, right.high, lambda x, y: x + y),
            )
        case Arithmetic.SUBTRACT:
            return Estimate(
                _both(left.value, right.value, lambda x, y: x - y),
                _both(left.low, right.high, lambda x, y: x - y),
                _both(left.high, right.low, lambda x, y: x - y),
            )
        case Arithmetic.MULTIPLY:
            value = _both(left.value, right.value, lambda x, y: x * y)
            return Estimate(value, *_corners(left, right, lambda x, y: x * y))
        case _:
            return _quotient(left, right)


def _quotient(left: Estimate, right: Estimate) -> Estimate:
    """Divide. A quotient is monotone in either part while the divisor keeps its sign: ends are at corners."""
    value = left.value / right.value if left.value is not None and right.value else None
    low, high = right.low, right.high
    if low is None or high is None or low <= 0 <= high:
        return Estimate(value, None, None)
    return Estimate(value, *_corners(left, right, lambda x, y: x / y))


def _corners(
    left: Estimate, right: Estimate, compute: Callable[[Fraction, Fraction], Fraction]
) -> tuple[Fraction | None, Fraction | None]:
    if left.low is None or left.high is None or right.low is None or right.high is None:
        return None, None
    found = [compute(x, y) for x in (left.low, left.high) for y in (right.low, right.high)]
    return min(found), max(found)


def _both(
    left: Fraction | None, right: Fraction | None, compute: Callable[[Fraction, Fraction], Fraction]
) -> Fraction | None:
    return None if left is None or right is None else compute(left, right)


def _root(of: Estimate) -> Estimate:
    return Estimate(
        None if of.value is None else _square_root(of.value, up=False),
        None if of.low is None else _square_root(of.low, up=False),
        None if of.high is None else _square_root(of.high, up=True),
    )


def _square_root(value: Fraction, *, up: bool) -> Fraction:
    scale = 10 ** (2 * ROOT_DIGITS)
    scaled = max(Fraction(0), value) * scale
    root = math.isqrt(math.ceil(scaled) if up else math.floor(scaled))
    if up and root * root < scaled:
        root += 1
    return Fraction(root, 10**ROOT_DIGITS)


def _within(bounds: Within, of: Estimate) -> Estimate:
    low, high = bounds.low, bounds.high

    def held(value: Fraction) -> Fraction:
        value = value if low is None else max(low, value)
        return value if high is None else min(high, value)

    value = None if of.value is None else held(of.value)
    if bounds.empty_below and (of.value is None or (low is not None and of.value < low)):
        value = None
    return Estimate(
        value,
        low if of.low is None else held(of.low),
        high if of.high is None else held(of.high),
    )
