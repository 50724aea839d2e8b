"""Terms that choose: CASE and what is made of it.

Written out as tests instead of the engines' own functions, which differ on NULL. As in
:mod:`sandbox.query.intervals`, the bounds and the public values of a result follow from its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sandbox.errors import NotAnswerable
from sandbox.query.expr import Operator
from sandbox.query.intervals import (
    MOST_VALUES,
    aligned,
    bounds,
    cut,
    negative,
    number,
    require_number,
    sum_of,
    whole,
    zero_like,
)
from sandbox.query.typed import Choice, Comparison, IsNull, Kind, Negation, Term, Test, Type, Value


def choice(branches: Sequence[tuple[Test, Term]], otherwise: Term) -> Choice:
    """Return CASE: the term of the first test that is true, else ``otherwise``."""
    terms = alike([*(term for _, term in branches), otherwise])
    tests = [test for test, _ in branches]
    return Choice(tuple(zip(tests, terms[:-1], strict=True)), terms[-1], hull([t.type for t in terms]))


def hull(types: Sequence[Type]) -> Type:
    """Return the least type that holds every value of types of one kind and number of decimals."""
    first = types[0]
    listed: tuple[int | str | date, ...] | None = None
    if all(one.values is not None for one in types):
        together = {value for one in types for value in one.values or ()}
        listed = tuple(sorted(together)) if len(together) <= MOST_VALUES else None
    real = [one for one in types if one.values != ()]  # NULL alone has no bounds of its own
    lows = [one.low for one in real]
    highs = [one.high for one in real]
    return Type(
        kind=first.kind,
        nullable=any(one.nullable for one in types),
        low=_least(lows),
        high=None if _least(highs) is None else max(high for high in highs if high is not None),
        decimals=first.decimals,
        values=listed,
    )


def coalesce(terms: Sequence[Term]) -> Term:
    """Return the first that is not NULL."""
    *others, last = alike(terms)
    chosen = choice([(_not_null(term), term) for term in others], last)
    nullable = all(term.type.nullable for term in terms)
    return Choice(chosen.branches, chosen.otherwise, _nullable(chosen.type, nullable))


def null_if(term: Term, other: Term) -> Term:
    """Return ``term``, or NULL where both are equal; what is not 0 may then be divided by."""
    left, right = alike((term, other))
    made = choice([(Comparison(left, Operator.EQ, right), null_like(left))], left)
    low, high = left.type.low, left.type.high
    if isinstance(right, Value) and right.value == 0 and low is not None and high is not None:
        if low == 0 < high:
            return _bounded(made, low=1, high=high)
        if high == 0 > low:
            return _bounded(made, low=low, high=-1)
    return made


def extreme(terms: Sequence[Term], *, largest: bool) -> Term:
    """Return the least or the largest of numbers; NULL where one is NULL.

    Not the engines' own LEAST and GREATEST, which differ on NULL.
    """
    first, *others = aligned(terms)
    for other in others:
        wins = Comparison(first, Operator.GE if largest else Operator.LE, other)
        pick = max if largest else min
        missing: list[tuple[Test, Term]] = [
            (IsNull(term), null_like(term)) for term in (first, other) if term.type.nullable
        ]
        picked = choice([*missing, (wins, first)], other)
        ends = zip(bounds(first), bounds(other), strict=True)
        low, high = (pick(pair) for pair in ends)
        first = _bounded(picked, low=low, high=high)
    return first


def absolute(term: Term) -> Term:
    """Return the distance of ``term`` from 0."""
    low, high = bounds(require_number(term))
    if low >= 0:
        return term
    flipped = choice([(Comparison(term, Operator.LT, zero_like(term)), negative(term))], term)
    return _bounded(flipped, low=0 if high >= 0 else -high, high=max(-low, high))


def sign(term: Term) -> Term:
    """Return -1, 0 or 1."""
    zero = zero_like(require_number(term))
    tests: list[tuple[Test, Term]] = [
        (Comparison(term, Operator.GT, zero), whole(1)),
        (Comparison(term, Operator.LT, zero), whole(-1)),
        (Comparison(term, Operator.EQ, zero), whole(0)),
    ]
    return choice(tests, null_like(whole(0)))


def rounded(term: Term, digits: int) -> Term:
    """Return ``term`` with at most ``digits`` decimals, halves away from zero."""
    if require_number(term).type.decimals <= digits:
        return term
    step: int = 10 ** (term.type.decimals - digits)
    up = cut(sum_of(term, whole(step // 2, decimals=term.type.decimals)), whole(step), decimals=digits)
    down = cut(sum_of(term, whole(-(step // 2), decimals=term.type.decimals)), whole(step), decimals=digits)
    return choice([(Comparison(term, Operator.GE, zero_like(term)), up)], down)


def null_like(term: Term) -> Value:
    """Return NULL of the kind of ``term``."""
    zero = 0 if term.type.kind is Kind.NUMBER else None
    return Value(
        None,
        Type(kind=term.type.kind, nullable=True, low=zero, high=zero, decimals=term.type.decimals, values=()),
    )


def alike(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Return terms of one kind, numbers with one number of decimals; NULL takes the others' kind.

    Raises:
        NotAnswerable: their kinds differ, or all are NULL.
    """
    real = [term for term in terms if not _is_null(term)]
    if not real:
        raise NotAnswerable(
            "only-null", "Every result of CASE or COALESCE is NULL.", allowed="Write a value in one branch."
        )
    if len({term.type.kind for term in real}) > 1:
        raise NotAnswerable(
            "mixed-kinds",
            "Values of different kinds stand where one kind is needed.",
            allowed="Let all branches be numbers, or all texts, or all dates.",
        )
    if real[0].type.kind is Kind.NUMBER:
        real = list(aligned(real))
    rest = iter(real)
    return tuple(null_like(real[0]) if _is_null(term) else next(rest) for term in terms)


def _is_null(term: Term) -> bool:
    return isinstance(term, Value) and term.value is None


def _not_null(term: Term) -> Test:
    return Negation(IsNull(term))


def _bounded(term: Choice, *, low: int, high: int) -> Term:
    kind = term.type
    listed = None
    if kind.values is not None:
        listed = tuple(int(value) for value in kind.values if low <= int(value) <= high)  # type: ignore[arg-type]  # numbers
    tight = number(low, high, decimals=kind.decimals, nullable=kind.nullable, values=listed)
    return Choice(term.branches, term.otherwise, tight)


def _nullable(kind: Type, nullable: bool) -> Type:
    return Type(
        kind=kind.kind,
        nullable=nullable,
        low=kind.low,
        high=kind.high,
        decimals=kind.decimals,
        values=kind.values,
    )


def _least(ends: Sequence[int | None]) -> int | None:
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None
