"""The fields that a test or term reads."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.query.typed import (
    Apply,
    Choice,
    Comparison,
    Conjunction,
    Disjunction,
    Field,
    IsNull,
    Matches,
    Member,
    Negation,
    Term,
    Test,
    Value,
)


def fields_in(part: Term | Test) -> Iterator[Field]:
    """Yield every field that ``part`` reads, repetitions included."""
    if isinstance(part, Field):
        yield part
    for inner in _parts(part):
        yield from fields_in(inner)


def _parts(part: Term | Test) -> tuple[Term | Test, ...]:
    match part:
        case Apply():
            return part.arguments
        case Choice(branches, otherwise):
            return (*(one for branch in branches for one in branch), otherwise)
        case Comparison(left, _, right):
            return left, right
        case Member(term) | IsNull(term) | Matches(term):
            return (term,)
        case Negation() | Conjunction() | Disjunction():
            return (part.test,) if isinstance(part, Negation) else part.tests
        case Field() | Value():
            return ()
