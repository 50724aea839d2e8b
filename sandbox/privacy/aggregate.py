"""What must be measured for each aggregate, and the formula that makes it of the measurements.

Sums are taken of values centered on the middle of their bounds, which halves their sensitivity or
better. Second moments are centered once more. With n the noisy number of rows that count, S the noisy
sum of centered values y = x - m and Q that of z = y^2 - c:

========================  ==============================================================
average                   m + S / n
variance                  Q / n + c - (S / n)^2; for a sample times n / (n - 1)
covariance                P / n - (S_y / n) (S_x / n), with P the sum of products
correlation               covariance / root(variance of y times variance of x)
slope, intercept          covariance / variance of x; mean of y - slope times mean of x
========================  ==============================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from sandbox.policy.aggregates import TypedAggregate
from sandbox.privacy.estimate import Combined, Estimator, Known, Noisy, Root, Within
from sandbox.privacy.scan import Statistic, StatisticKind
from sandbox.query.expr import Arithmetic, Function
from sandbox.query.intervals import bounds, multiply, subtract, whole
from sandbox.query.typed import Conjunction, IsNull, Negation, Term, Test, Type

AVERAGE_DIGITS = 2
"""Digits an average has beyond those of its values: a mean of whole numbers is not whole."""
RATIO_DIGITS = 6
"""Digits after the point of what has no unit of its own: a quotient, a correlation, a slope."""
COUNT_WEIGHT = Fraction(1, 2)
"""Share of the loss for a count that only divides, beside 1 for the sum above it.

The variance of S / n is (var S + (S / n)^2 var n) / n^2. With values spread evenly over their bounds
(S / n) is about a third of the half range, and for Laplace noise the best shares are as the cube
roots of the squares: 1 to 0.48 (Lagrange multipliers on a^2 / e1^2 + b^2 / e2^2 with e1 + e2 fixed).
"""


_PLAIN = {
    Function.COUNT_ROWS: StatisticKind.ROWS,
    Function.COUNT_VALUES: StatisticKind.VALUES,
    Function.COUNT_UNITS: StatisticKind.UNITS,
    Function.SUM: StatisticKind.SUM,
}


@dataclass(frozen=True, slots=True)
class Need:
    """A statistic that must be measured, and how much of the loss it should get."""

    statistic: Statistic
    weight: Fraction


@dataclass(frozen=True, slots=True)
class Recipe:
    """One aggregate: its needs, and its formula once these have their places among the measurements."""

    needs: tuple[Need, ...]
    build: Callable[[tuple[Noisy, ...]], Estimator]
    decimals: int
    """Digits after the point of the result."""
    relative: bool = False
    """Whether it is a quotient of measurements, so that fewer rows a unit may be the better bound."""


def recipe_of(aggregate: TypedAggregate, *, max_rows: int) -> Recipe:
    """Return how an aggregate other than a quantile is made, looking at ``max_rows`` rows of a unit."""
    parts = _Parts(where=aggregate.where, max_rows=max_rows)
    if aggregate.function in _PLAIN:
        term = aggregate.terms[0] if aggregate.terms else None
        need = parts.need(_PLAIN[aggregate.function], term)
        decimals = term.type.decimals if term and aggregate.function is Function.SUM else 0
        return Recipe((need,), lambda noisy: noisy[0], decimals)
    match aggregate.function:
        case Function.AVG:
            return _average(parts, aggregate.terms[0])
        case Function.VAR_POP | Function.VAR_SAMP | Function.STDDEV_POP | Function.STDDEV_SAMP:
            return _spread(parts, aggregate.terms[0], aggregate.function)
        case _:
            return _two_variables(aggregate, max_rows)


@dataclass(frozen=True, slots=True)
class _Parts:
    where: Test | None
    max_rows: int

    def need(self, kind: StatisticKind, term: Term | None = None, weight: Fraction = Fraction(1)) -> Need:
        statistic = Statistic(kind=kind, term=term, where=self.where, max_rows=self.max_rows)
        return Need(statistic, weight)


def unit_of_last_digit(kind: Type) -> Fraction:
    """Return what one unit of a stored number is worth."""
    return Fraction(1, 10**kind.decimals)


@dataclass(frozen=True, slots=True)
class _Centered:
    """A term minus the middle of its bounds."""

    term: Term
    middle: Fraction
    half: int
    """Largest distance from the middle, in stored units."""

    @classmethod
    def of(cls, term: Term) -> _Centered:
        low, high = bounds(term)
        middle = (low + high) // 2
        half = max(high - middle, middle - low)
        centered = term if middle == 0 else subtract(term, whole(middle, decimals=term.type.decimals))
        return cls(centered, middle * unit_of_last_digit(term.type), half)


def _average(parts: _Parts, term: Term) -> Recipe:
    low, high = (bound * unit_of_last_digit(term.type) for bound in bounds(term))
    centered = _Centered.of(term)
    needs = (
        parts.need(StatisticKind.SUM, centered.term),
        parts.need(StatisticKind.VALUES, term, COUNT_WEIGHT),
    )

    def build(noisy: tuple[Noisy, ...]) -> Estimator:
        mean = _plus(_over(noisy[0], _at_least(1, noisy[1])), Known(centered.middle))
        return Within(mean, low, high)

    return Recipe(needs, build, term.type.decimals + AVERAGE_DIGITS, relative=True)


def _spread(parts: _Parts, term: Term, function: Function) -> Recipe:
    centered = _Centered.of(term)
    square = _Centered.of(multiply(centered.term, centered.term))
    needs = (
        parts.need(StatisticKind.SUM, square.term),
        parts.need(StatisticKind.SUM, centered.term, COUNT_WEIGHT),
        parts.need(StatisticKind.VALUES, term, COUNT_WEIGHT),
    )
    sample = function in {Function.VAR_SAMP, Function.STDDEV_SAMP}
    most = (centered.half * unit_of_last_digit(term.type)) ** 2 * (2 if sample else 1)
    root = function in {Function.STDDEV_SAMP, Function.STDDEV_POP}

    def build(noisy: tuple[Noisy, ...]) -> Estimator:
        variance = _variance(noisy[0], noisy[1], noisy[2], square.middle, sample=sample)
        held = Within(variance, Fraction(0), most)
        return Root(held) if root else held

    digits = term.type.decimals if root else 2 * term.type.decimals
    return Recipe(needs, build, digits + AVERAGE_DIGITS, relative=True)


def _variance(
    squares: Noisy, total: Noisy, count: Noisy, middle: Fraction, *, sample: bool = False
) -> Estimator:
    rows = _at_least(2 if sample else 1, count)
    mean = _over(total, rows)
    population = _minus(_plus(_over(squares, rows), Known(middle)), _times(mean, mean))
    return _times(population, _over(rows, _minus(rows, Known(Fraction(1))))) if sample else population


def _two_variables(aggregate: TypedAggregate, max_rows: int) -> Recipe:
    """Of (y, x), over the rows in which neither is NULL."""
    y, x = (_Centered.of(term) for term in aggregate.terms)
    parts = _Parts(where=_neither_null(aggregate), max_rows=max_rows)
    y2, x2 = (_Centered.of(multiply(part.term, part.term)) for part in (y, x))
    sums = (multiply(y.term, x.term), y.term, x.term, y2.term, x2.term)
    wanted = _reads(aggregate.function)
    needs = [parts.need(StatisticKind.SUM, sums[place], _weight(place)) for place in wanted]
    needs.append(parts.need(StatisticKind.ROWS, None, COUNT_WEIGHT))

    def build(noisy: tuple[Noisy, ...]) -> Estimator:
        by_place = dict(zip(wanted, noisy, strict=False))
        moments = _Moments(by_place, noisy[-1], y=y, x=x, y2=y2.middle, x2=x2.middle)
        return moments.of(aggregate.function)

    digits = y.term.type.decimals + x.term.type.decimals
    covariance = aggregate.function in {Function.COVAR_POP, Function.COVAR_SAMP}
    return Recipe(tuple(needs), build, digits + AVERAGE_DIGITS if covariance else RATIO_DIGITS, relative=True)


_PRODUCT, _Y, _X, _Y2, _X2 = range(5)


def _reads(function: Function) -> tuple[int, ...]:
    match function:
        case Function.COVAR_POP | Function.COVAR_SAMP:
            return (_PRODUCT, _Y, _X)
        case Function.REGR_SLOPE | Function.REGR_INTERCEPT:
            return (_PRODUCT, _Y, _X, _X2)
        case _:
            return (_PRODUCT, _Y, _X, _Y2, _X2)


def _weight(place: int) -> Fraction:
    return Fraction(1) if place == _PRODUCT or place > _X else COUNT_WEIGHT


@dataclass(frozen=True, slots=True)
class _Moments:
    noisy: dict[int, Noisy]
    count: Noisy
    y: _Centered
    x: _Centered
    y2: Fraction
    x2: Fraction

    def of(self, function: Function) -> Estimator:
        match function:
            case Function.COVAR_POP:
                return self._covariance()
            case Function.COVAR_SAMP:
                rows = _at_least(2, self.count)
                return _times(self._covariance(), _over(rows, _minus(rows, Known(Fraction(1)))))
            case Function.REGR_SLOPE:
                return _over(self._covariance(), self._spread(_X2, _X, self.x2))
            case Function.REGR_INTERCEPT:
                slope = self.of(Function.REGR_SLOPE)
                return _minus(self._mean(_Y, self.y), _times(slope, self._mean(_X, self.x)))
            case Function.REGR_R2:
                correlation = self.of(Function.CORR)
                return Within(_times(correlation, correlation), Fraction(0), Fraction(1))
            case _:
                both = _times(self._spread(_Y2, _Y, self.y2), self._spread(_X2, _X, self.x2))
                return Within(_over(self._covariance(), Root(both)), Fraction(-1), Fraction(1))

    def _covariance(self) -> Estimator:
        rows = _at_least(1, self.count)
        means = _times(_over(self.noisy[_Y], rows), _over(self.noisy[_X], rows))
        return _minus(_over(self.noisy[_PRODUCT], rows), means)

    def _spread(self, squares: int, total: int, middle: Fraction) -> Estimator:
        variance = _variance(self.noisy[squares], self.noisy[total], self.count, middle)
        return Within(variance, Fraction(0), None)

    def _mean(self, place: int, part: _Centered) -> Estimator:
        return _plus(_over(self.noisy[place], _at_least(1, self.count)), Known(part.middle))


def _neither_null(aggregate: TypedAggregate) -> Test | None:
    tests: Iterator[Test] = (Negation(IsNull(term)) for term in aggregate.terms if term.type.nullable)
    parts = (*(() if aggregate.where is None else (aggregate.where,)), *tests)
    if len(parts) > 1:
        return Conjunction(parts)
    return parts[0] if parts else None


def _at_least(rows: int, count: Estimator) -> Estimator:
    """Return a number of rows that is at least ``rows``: a group that has a value has that many."""
    return Within(count, Fraction(rows), None, empty_below=True)


def _plus(left: Estimator, right: Estimator) -> Estimator:
    return Combined(Arithmetic.ADD, left, right)


def _minus(left: Estimator, right: Estimator) -> Estimator:
    return Combined(Arithmetic.SUBTRACT, left, right)


def _times(left: Estimator, right: Estimator) -> Estimator:
    return Combined(Arithmetic.MULTIPLY, left, right)


def _over(left: Estimator, right: Estimator) -> Estimator:
    return Combined(Arithmetic.DIVIDE, left, right)
