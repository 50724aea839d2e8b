"""Aggregates of a question, typed and allowed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.errors import NotAllowed, NotAnswerable
from sandbox.policy.scope import Name, Scope
from sandbox.policy.terms import term_of, test_of
from sandbox.policy.words import require_word
from sandbox.query.expr import Aggregate, Column, Function, Scalar
from sandbox.query.intervals import bounds, require_number
from sandbox.query.typed import Field, Term, Test

_WORDS = {
    Function.COUNT_VALUES: "count",
    Function.SUM: "sum",
    Function.AVG: "avg",
    Function.QUANTILE: "quantile",
    Function.VAR_SAMP: "variance",
    Function.VAR_POP: "variance",
    Function.STDDEV_SAMP: "variance",
    Function.STDDEV_POP: "variance",
}
_TWO_VARIABLES = "covariance"


@dataclass(frozen=True, slots=True)
class TypedAggregate:
    """One aggregate over terms that cannot fail."""

    function: Function
    """QUANTILE also where MIN or MAX was asked."""
    terms: tuple[Term, ...]
    """As the aggregate's arguments; the unit's field for COUNT_UNITS."""
    where: Test | None
    fraction: Decimal | None


def typed_aggregate(aggregate: Aggregate, scope: Scope, unit: Field) -> TypedAggregate:
    """Return ``aggregate`` over typed terms.

    Raises:
        NotAllowed: a column is not opened, or not for this function.
        NotAnswerable: the function means nothing for its arguments.
    """
    where = None if aggregate.where is None else test_of(aggregate.where, scope)
    match aggregate.function:
        case Function.COUNT_ROWS:
            return TypedAggregate(aggregate.function, (), where, None)
        case Function.COUNT_UNITS:
            _require_unit(aggregate, scope)
            return TypedAggregate(aggregate.function, (unit,), where, None)
        case Function.MIN | Function.MAX:
            return _declared_quantile(aggregate, scope, where)
        case _:
            word = _WORDS.get(aggregate.function, _TWO_VARIABLES)
            terms = tuple(_allowed(word, argument, scope) for argument in aggregate.arguments)
            if word != "count":
                for term in terms:
                    bounds(require_number(term))
            return TypedAggregate(aggregate.function, terms, where, aggregate.fraction)


def _allowed(word: str, argument: Scalar, scope: Scope) -> Term:
    if isinstance(argument, Column):
        _require_no_unit(argument, scope)
    require_word(word, argument, scope)
    return term_of(argument, scope)


def _require_no_unit(column: Column, scope: Scope) -> None:
    if scope.find(column).is_unit:
        raise NotAllowed(
            "unit-not-usable",
            f"The column {column.name} says whose row it is and is only counted distinctly.",
            allowed=f"Write COUNT(DISTINCT {column.name}) for persons, COUNT(*) for rows.",
        )


def _require_unit(aggregate: Aggregate, scope: Scope) -> None:
    (column,) = aggregate.arguments
    if isinstance(column, Column) and scope.find(column).is_unit:
        return
    raise NotAnswerable(
        "distinct-not-unit",
        "Only persons are counted distinctly; other values would tell of single rows.",
        allowed=f"Write COUNT(DISTINCT {scope.unit_name()}), or GROUP BY a column.",
    )


def _declared_quantile(aggregate: Aggregate, scope: Scope, where: Test | None) -> TypedAggregate:
    (column,) = aggregate.arguments
    found = _column(column, scope)
    if found is None:
        raise NotAllowed(
            "no-extremes",
            f"{aggregate.function.upper()} of an expression would show one row's value: a quantile is "
            "declared for a column, and for no expression of it.",
            allowed=f"Write {aggregate.function.upper()} of the column alone where a steward has declared "
            "extremes, or ask for a quantile, as in QUANTILE(expression, 0.99).",
        )
    extremes = None if found.policy is None else found.policy.extremes
    if extremes is None:
        raise NotAllowed(
            "no-extremes",
            f"{aggregate.function.upper()} would show one row's value, and no quantile is declared for it.",
            allowed="Ask for a quantile, as in QUANTILE(column, 0.99); a steward can declare extremes.",
        )
    fraction = extremes[0] if aggregate.function is Function.MIN else extremes[1]
    return TypedAggregate(Function.QUANTILE, (found.field,), where, fraction)


def _column(argument: Scalar, scope: Scope) -> Name | None:
    return scope.value(argument) if isinstance(argument, Column) else None
