"""Terms that cannot fail: each constructor proves by intervals that no row overflows or divides by zero.

A number is a whole number of 10^-decimals within public bounds. Every constructor computes the bounds
of its result from those of its arguments (R. E. Moore, Interval Analysis, 1966) and refuses what is not
provably within +-2^62, so that 64-bit columns hold it with room to spare. Where an argument has few
public values, so has the result: that is what makes an expression fit for GROUP BY.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from sandbox.errors import NotAnswerable
from sandbox.query.typed import LARGEST, Apply, Kind, Operation, Term, Type, Value

MOST_VALUES = 1_000
"""Values a term may have that are listed; more make no key."""
MOST_COMBINATIONS = 20_000
"""Combinations of listed arguments that are tried for the values of a result."""
MOST_DECIMALS = 18
QUOTIENT_DIGITS = 4
"""Digits a quotient has beyond those of its dividend; what is beyond is cut off."""


def whole(value: int, *, decimals: int = 0) -> Value:
    """Return a constant number of ``value`` units of 10^-decimals."""
    return Value(value, number(value, value, decimals=decimals, values=(value,)))


def number(
    low: int,
    high: int,
    *,
    decimals: int = 0,
    nullable: bool = False,
    values: tuple[int, ...] | None = None,
) -> Type:
    """Return the type of a number within bounds.

    Raises:
        NotAnswerable: the bounds do not fit into 64 bits with room to spare.
    """
    if low < -LARGEST or high > LARGEST or decimals > MOST_DECIMALS:
        raise NotAnswerable(
            "could-overflow",
            "A number of this question could grow beyond 64 bits, going by the bounds of its columns.",
            allowed="Use smaller factors, or limit a part with LEAST and GREATEST.",
        )
    if values is None and high - low < MOST_VALUES:
        values = tuple(range(low, high + 1))
    return Type(kind=Kind.NUMBER, nullable=nullable, low=low, high=high, decimals=decimals, values=values)


def bounds(term: Term) -> tuple[int, int]:
    """Return the least and the largest value of a number or a date.

    Raises:
        NotAnswerable: it is neither, or has no public bounds.
    """
    if term.type.low is None or term.type.high is None:
        raise NotAnswerable(
            "no-bounds",
            "A value without public bounds is computed with.",
            allowed="Compute with measures, with keys that are numbers, and with dates that have a period.",
        )
    return term.type.low, term.type.high


def require_number(term: Term) -> Term:
    """Return ``term`` if it is a number.

    Raises:
        NotAnswerable: it is not.
    """
    if term.type.kind is not Kind.NUMBER:
        raise NotAnswerable(
            "not-a-number",
            f"A value that is a {term.type.kind} is used as a number.",
            allowed="Compute with numbers; compare other values by = or <>, or use CASE.",
        )
    return term


def aligned(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Return numbers with one number of decimals, the largest of theirs."""
    decimals = max(require_number(term).type.decimals for term in terms)
    return tuple(scaled(term, decimals) for term in terms)


def scaled(term: Term, decimals: int) -> Term:
    """Return the same number with more decimals."""
    factor = 10 ** (decimals - term.type.decimals)
    if factor == 1:
        return term
    if isinstance(term, Value) and isinstance(term.value, int):
        return whole(term.value * factor, decimals=decimals)
    result = _apply(Operation.MULTIPLY, (term, whole(factor)), lambda x, y: x * y)
    return Apply(result.operation, result.arguments, _with_decimals(result.type, decimals))


def add(left: Term, right: Term) -> Term:
    """Return ``left + right``."""
    return _apply(Operation.ADD, aligned((left, right)), lambda x, y: x + y)


def subtract(left: Term, right: Term) -> Term:
    """Return ``left - right``."""
    return _apply(Operation.SUBTRACT, aligned((left, right)), lambda x, y: x - y)


def multiply(left: Term, right: Term) -> Term:
    """Return ``left * right``; its decimals are those of both together. A square is never negative."""
    decimals = require_number(left).type.decimals + require_number(right).type.decimals
    result = _apply(Operation.MULTIPLY, (left, right), lambda x, y: x * y)
    kind = _with_decimals(result.type, decimals)
    return Apply(result.operation, result.arguments, _squared(left, kind) if left == right else kind)


def _squared(term: Term, product: Type) -> Type:
    low, high = bounds(term)
    listed = None if term.type.values is None else {int(value) ** 2 for value in term.type.values}  # type: ignore[arg-type]  # numbers
    return number(
        0 if low <= 0 <= high else min(low * low, high * high),
        max(low * low, high * high),
        decimals=product.decimals,
        nullable=product.nullable,
        values=None if listed is None else tuple(sorted(listed)),
    )


def divide(left: Term, right: Term) -> Term:
    """Return ``left / right``, cut towards zero 4 digits after the last of ``left``.

    Raises:
        NotAnswerable: going by its bounds, the divisor could be 0.
    """
    _require_no_zero(require_number(right))
    raised = scaled(left, require_number(left).type.decimals + QUOTIENT_DIGITS + right.type.decimals)
    decimals = left.type.decimals + QUOTIENT_DIGITS
    return cut(raised, right, decimals=decimals)


def modulo(left: Term, right: Term) -> Term:
    """Return the rest of a division that cuts towards zero; its sign is that of ``left``."""
    left, right = aligned((left, right))
    _require_no_zero(right)
    quotient = cut(left, right, decimals=0)
    rest = _apply(Operation.SUBTRACT, (left, _product(quotient, right)), lambda x, y: x - y)
    reach = max(map(abs, bounds(right))) - 1
    low, high = bounds(left)
    tight = number(
        -min(reach, -low) if low < 0 else 0,
        min(reach, high) if high > 0 else 0,
        decimals=left.type.decimals,
        nullable=rest.type.nullable,
    )
    return Apply(rest.operation, rest.arguments, tight)


def floor_to(term: Term, step: int) -> Term:
    """Return the largest multiple of ``step`` units that is not above ``term``, in the same decimals."""
    return _product(_floor_steps(require_number(term), step), whole(step), decimals=term.type.decimals)


def floor(term: Term) -> Term:
    """Return the largest whole number that is not above ``term``."""
    steps = _floor_steps(require_number(term), 10**term.type.decimals)
    return _retyped(steps, decimals=0)


def ceil(term: Term) -> Term:
    """Return the least whole number that is not below ``term``."""
    return negative(floor(negative(term)))


def negative(term: Term) -> Term:
    """Return ``-term``."""
    return subtract(zero_like(term), term)


def zero_like(term: Term) -> Value:
    """Return 0 with the decimals of ``term``."""
    return whole(0, decimals=term.type.decimals)


def sum_of(left: Term, right: Term) -> Term:
    """Return the sum of two numbers that have the same decimals already."""
    return _apply(Operation.ADD, (left, right), lambda x, y: x + y)


def _product(left: Term, right: Term, *, decimals: int | None = None) -> Apply:
    made = _apply(Operation.MULTIPLY, (left, right), lambda x, y: x * y)
    kept = right.type.decimals if decimals is None else decimals
    return Apply(made.operation, made.arguments, _with_decimals(made.type, kept))


def cut_division(dividend: int, divisor: int) -> int:
    """Return the quotient, cut towards zero: what every engine computes for DIVIDE."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def cut(left: Term, right: Term, *, decimals: int) -> Apply:
    """Return the quotient of two numbers as stored, cut towards zero, taken to have ``decimals``."""
    made = _apply(Operation.DIVIDE, (left, right), cut_division)
    return Apply(made.operation, made.arguments, _with_decimals(made.type, decimals))


def _floor_steps(term: Term, step: int) -> Term:
    """Return ``floor(term / step)``; shifted so that the division, which cuts, sees no negative number."""
    base = min(0, bounds(term)[0] // step)
    shifted = term if not base else _apply(Operation.SUBTRACT, (term, whole(base * step)), lambda x, y: x - y)
    steps = _apply(Operation.DIVIDE, (shifted, whole(step)), cut_division)
    return steps if not base else _apply(Operation.ADD, (steps, whole(base)), lambda x, y: x + y)


def _retyped(term: Term, *, decimals: int) -> Term:
    if not isinstance(term, Apply):
        raise TypeError("only an operation is typed anew")
    return Apply(term.operation, term.arguments, _with_decimals(term.type, decimals))


def _with_decimals(kind: Type, decimals: int) -> Type:
    low, high = kind.low or 0, kind.high or 0
    listed = None if kind.values is None else tuple(int(value) for value in kind.values)  # type: ignore[arg-type]  # numbers
    return number(low, high, decimals=decimals, nullable=kind.nullable, values=listed)


def _require_no_zero(term: Term) -> None:
    low, high = bounds(term)
    if low <= 0 <= high:
        raise NotAnswerable(
            "could-divide-by-zero",
            "A divisor could be 0, going by the bounds of its columns.",
            allowed="Divide by a number, or by NULLIF(column, 0) where the column's bounds begin at 0; "
            "or divide the aggregates.",
        )


def _apply(operation: Operation, arguments: tuple[Term, ...], compute: Callable[[int, int], int]) -> Apply:
    """Return the operation on two numbers; ``compute`` is monotone in each argument, or bilinear."""
    ends = [bounds(require_number(argument)) for argument in arguments]
    corners = [compute(x, y) for x, y in product(*ends) if operation is not Operation.DIVIDE or y]
    result = number(
        min(corners),
        max(corners),
        decimals=arguments[0].type.decimals,
        nullable=any(argument.type.nullable for argument in arguments),
        values=_values(operation, arguments, compute),
    )
    return Apply(operation, arguments, result)


def _values(
    operation: Operation, arguments: tuple[Term, ...], compute: Callable[[int, int], int]
) -> tuple[int, ...] | None:
    listed = [argument.type.values for argument in arguments]
    if listed[0] is None or listed[1] is None:
        return None
    if len(listed[0]) * len(listed[1]) > MOST_COMBINATIONS:
        return None
    pairs = ((int(x), int(y)) for x, y in product(listed[0], listed[1]))  # type: ignore[arg-type]  # numbers
    made = {compute(x, y) for x, y in pairs if operation is not Operation.DIVIDE or y}
    return tuple(sorted(made)) if len(made) <= MOST_VALUES else None
