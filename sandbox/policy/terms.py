"""From values and conditions as written to terms and tests with types.

Literals take the type of what they are compared with, exactly: nothing is rounded, and a value that a
public domain does not hold is refused with the values it does hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from sandbox.errors import NotAnswerable
from sandbox.policy.scope import Scope
from sandbox.policy.values import fixed_point
from sandbox.query import choices, dates, intervals
from sandbox.query.expr import (
    All,
    Among,
    AnyOf,
    Arithmetic,
    Binary,
    Call,
    Case,
    Column,
    Compare,
    Constant,
    Like,
    Literal,
    Missing,
    Not,
    Operator,
    Part,
    Predicate,
    Scalar,
    ScalarFunction,
)
from sandbox.query.literal import read_date
from sandbox.query.typed import (
    Comparison,
    Conjunction,
    Disjunction,
    IsNull,
    Kind,
    Matches,
    Member,
    Negation,
    Term,
    Test,
    Type,
    Value,
)

MOST_DIGITS: Final = 6
"""Of ROUND; no measure has more."""
LARGEST_LITERAL: Final = 2**63 - 1
_EQUALITY = frozenset({Operator.EQ, Operator.NE})
_SHOWN_VALUES = 20
_ARITHMETIC: dict[Arithmetic, Callable[[Term, Term], Term]] = {
    Arithmetic.ADD: intervals.add,
    Arithmetic.MULTIPLY: intervals.multiply,
    Arithmetic.DIVIDE: intervals.divide,
    Arithmetic.MODULO: intervals.modulo,
}
_FORMS = {
    Kind.BOOLEAN: "TRUE or FALSE",
    Kind.TEXT: "a text in single quotes, as in 'text'",
    Kind.DATE: "a date in single quotes, as in '2025-01-31'",
    Kind.NUMBER: "a number without quotes, as in 5",
}


def term_of(scalar: Scalar, scope: Scope) -> Term:
    """Return ``scalar`` as a term that cannot fail.

    Raises:
        NotAllowed: it uses a column that is not opened.
        NotAnswerable: it is not provably total, or mixes kinds of values.
    """
    match scalar:
        case Column():
            return scope.value(scalar).field
        case Constant(value):
            return _constant(value)
        case Binary(operator, left, right):
            return _binary(operator, term_of(left, scope), term_of(right, scope))
        case Case(branches, otherwise):
            tested = [(test_of(when, scope), term_of(then, scope)) for when, then in branches]
            return choices.choice(tested, term_of(otherwise, scope))
        case Call(function, arguments, part):
            return _call(function, [term_of(argument, scope) for argument in arguments], part)


def test_of(predicate: Predicate, scope: Scope) -> Test:
    """Return ``predicate`` as a test that cannot fail.

    Raises:
        NotAllowed, NotAnswerable: as :func:`term_of`; or a value does not fit what it is compared with.
    """
    match predicate:
        case Not(part):
            return Negation(test_of(part, scope))
        case All(parts):
            return Conjunction(tuple(test_of(part, scope) for part in parts))
        case AnyOf(parts):
            return Disjunction(tuple(test_of(part, scope) for part in parts))
        case _:
            return _simple(predicate, scope)


def _simple(predicate: Compare | Among | Missing | Like, scope: Scope) -> Test:
    match predicate:
        case Compare(left, operator, right):
            return _comparison(term_of(left, scope), operator, term_of(right, scope))
        case Among(term, literals):
            of = term_of(term, scope)
            return _member(of, [_fitted(_constant(literal), of, domain=True) for literal in literals])
        case Missing(term):
            return IsNull(term_of(term, scope))
        case Like(term, pattern):
            return Matches(_text(term_of(term, scope)), pattern)


def _constant(value: Literal | None) -> Value:
    match value:
        case None:
            return Value(None, Type(kind=Kind.NUMBER, nullable=True, low=0, high=0, values=()))
        case bool():
            return Value(value, Type(kind=Kind.BOOLEAN, nullable=False, values=(value,)))
        case int():
            return _number(value, 0)
        case Decimal():
            decimals = max(0, -int(value.normalize().as_tuple().exponent))
            return _number(fixed_point(value, decimals), decimals)
        case date():
            day = value.toordinal()
            return Value(value, Type(kind=Kind.DATE, nullable=False, low=day, high=day, values=(value,)))
        case str():
            return Value(value, Type(kind=Kind.TEXT, nullable=False, values=(value,)))


def _number(scaled: int | None, decimals: int) -> Value:
    if scaled is None or abs(scaled) > LARGEST_LITERAL or decimals > intervals.MOST_DECIMALS:
        raise NotAnswerable(
            "literal-range",
            "A number of this question does not fit into 64 bits.",
            allowed="Write a number inside the range of what it is used with.",
        )
    kind = Type(
        kind=Kind.NUMBER, nullable=False, low=scaled, high=scaled, decimals=decimals, values=(scaled,)
    )
    return Value(scaled, kind)


def _binary(operator: Arithmetic, left: Term, right: Term) -> Term:
    if operator is not Arithmetic.SUBTRACT:
        return _ARITHMETIC[operator](left, right)
    if Kind.DATE in {left.type.kind, right.type.kind}:
        left, right = (dates.days(_dated(side)) for side in (left, right))
    return intervals.subtract(left, right)


_OF_ONE: dict[ScalarFunction, Callable[[Term], Term]] = {
    ScalarFunction.FLOOR: intervals.floor,
    ScalarFunction.CEIL: intervals.ceil,
    ScalarFunction.ABS: choices.absolute,
    ScalarFunction.SIGN: choices.sign,
}


def _call(function: ScalarFunction, arguments: Sequence[Term], part: Part | None) -> Term:
    first = arguments[0]
    if part is not None:
        made = dates.extract if function is ScalarFunction.EXTRACT else dates.date_trunc
        return made(part, _dated(first))
    if function in _OF_ONE:
        return _OF_ONE[function](first)
    return _call_of_several(function, arguments)


def _call_of_several(function: ScalarFunction, arguments: Sequence[Term]) -> Term:
    first = arguments[0]
    match function:
        case ScalarFunction.COALESCE:
            return choices.coalesce([_dated_like(argument, arguments) for argument in arguments])
        case ScalarFunction.NULLIF:
            return choices.null_if(first, _fitted(arguments[1], first))
        case ScalarFunction.BIN:
            return _bin(first, arguments[1])
        case ScalarFunction.LEAST | ScalarFunction.GREATEST:
            return choices.extreme(arguments, largest=function is ScalarFunction.GREATEST)
        case _:
            return choices.rounded(first, _digits(arguments[1]) if len(arguments) > 1 else 0)


def _bin(term: Term, width: Term) -> Term:
    term, width = intervals.aligned((term, width))
    if not isinstance(width, Value) or not isinstance(width.value, int) or width.value < 1:
        raise NotAnswerable(
            "bin-width", "The width of BIN is not a number above 0.", allowed="Write BIN(cost, 100)."
        )
    return intervals.floor_to(term, width.value)


def _digits(term: Term) -> int:
    if (
        isinstance(term, Value)
        and isinstance(term.value, int)
        and not term.type.decimals
        and 0 <= term.value <= MOST_DIGITS
    ):
        return term.value
    raise NotAnswerable(
        "round-digits", "ROUND takes a number of digits from 0 to 6.", allowed="Write ROUND(cost, 1)."
    )


def _text(term: Term) -> Term:
    if term.type.kind is not Kind.TEXT:
        raise _wrong_kind(term)
    return term


def _dated(term: Term) -> Term:
    """Return a text constant as the date it spells; anything else as it is."""
    if isinstance(term, Value) and isinstance(term.value, str):
        return _constant(read_date(term.value))
    return term


def _dated_like(term: Term, others: Sequence[Term]) -> Term:
    return _dated(term) if any(other.type.kind is Kind.DATE for other in others) else term


def _comparison(left: Term, operator: Operator, right: Term) -> Test:
    if isinstance(left, Value):  # the sentence is about what the value is compared with
        left = _fitted(left, right)
    else:
        right = _fitted(right, left)
    equal = operator in _EQUALITY
    if not equal and left.type.kind in {Kind.TEXT, Kind.BOOLEAN}:
        raise NotAnswerable(
            "not-ordered",
            f"A value that is a {left.type.kind} has no order here.",
            allowed="Compare it by = or <>, or use IN.",
        )
    if equal:
        _require_known(left, right)
        _require_known(right, left)
    if left.type.kind is Kind.NUMBER:
        left, right = intervals.aligned((left, right))
    return Comparison(left, operator, right)


def _fitted(term: Term, other: Term, *, domain: bool = False) -> Term:
    """Return ``term`` in the kind of ``other``: a text that spells a date becomes it."""
    if other.type.kind is Kind.DATE:
        term = _dated(term)
    if term.type.kind is not other.type.kind:
        raise _wrong_kind(other)
    if domain:
        _require_known(term, other)
    return term


def _member(term: Term, literals: Sequence[Term]) -> Test:
    if term.type.kind is Kind.NUMBER:
        term, *literals = intervals.aligned((term, *literals))
    return Member(term, tuple(literal for literal in literals if isinstance(literal, Value)))


def _require_known(literal: Term, other: Term) -> None:
    """Refuse a constant that ``other``, a column with listed texts or numbers, never has."""
    listed = other.type.values
    if not isinstance(literal, Value) or isinstance(other, Value) or listed is None:
        return
    if other.type.kind not in {Kind.TEXT, Kind.NUMBER} or _has(other, literal):
        return
    shown = [_spelled(value, other.type.decimals) for value in listed[:_SHOWN_VALUES]]
    more = "" if len(listed) <= _SHOWN_VALUES else f" and {len(listed) - _SHOWN_VALUES} more"
    raise NotAnswerable(
        "value-out-of-domain",
        "Something is compared with a value that it never has.",
        allowed=f"Its values are: {', '.join(shown)}{more}.",
    )


def _has(term: Term, literal: Value) -> bool:
    listed = term.type.values or ()
    if term.type.kind is Kind.TEXT or not isinstance(literal.value, int):
        return literal.value in listed
    places = max(term.type.decimals, literal.type.decimals)
    wanted = literal.value * 10 ** (places - literal.type.decimals)
    factor = 10 ** (places - term.type.decimals)
    return any(isinstance(value, int) and value * factor == wanted for value in listed)


def _spelled(value: int | str | date, decimals: int) -> str:
    return str(Decimal(value).scaleb(-decimals)) if isinstance(value, int) and decimals else str(value)


def _wrong_kind(term: Term) -> NotAnswerable:
    return NotAnswerable(
        "literal-type",
        f"A value that is a {term.type.kind} is used with one of another kind.",
        allowed=f"Use it with {_FORMS[term.type.kind]}.",
    )
