"""Aggregates over one unit's own rows, for sub-queries that make one row of all rows of a unit."""

from __future__ import annotations

from sandbox.policy.scope import Scope
from sandbox.policy.terms import term_of, test_of
from sandbox.policy.words import require_word, words_in
from sandbox.query.expr import Aggregate, Function
from sandbox.query.intervals import number, require_number
from sandbox.query.typed import OfUnit, Relation, Term, Type, UnitFunction, max_rows_of

AVERAGE_DIGITS = 2
_OF_UNIT = {
    Function.COUNT_ROWS: UnitFunction.COUNT_ROWS,
    Function.COUNT_VALUES: UnitFunction.COUNT_VALUES,
    Function.SUM: UnitFunction.SUM,
    Function.AVG: UnitFunction.AVG,
    Function.MIN: UnitFunction.MIN,
    Function.MAX: UnitFunction.MAX,
}


def of_unit(aggregate: Aggregate, source: Relation, scope: Scope) -> tuple[OfUnit, frozenset[str]]:
    """Return an aggregate over one unit's own rows, and what may be asked of it.

    Raises:
        NotAllowed, NotAnswerable: a column is not opened for it, or the number could leave 64 bits.
    """
    function = _OF_UNIT[aggregate.function]
    where = None if aggregate.where is None else test_of(aggregate.where, scope)
    rows = max_rows_of(source)
    if function is UnitFunction.COUNT_ROWS:
        kind = number(0 if where else 1, rows)
        return OfUnit(function, None, where, kind), words_in(None, scope)
    (argument,) = aggregate.arguments
    word = {UnitFunction.COUNT_VALUES: "count", UnitFunction.AVG: "avg"}.get(function, "sum")
    require_word(word, argument, scope)
    term = term_of(argument, scope)
    return OfUnit(function, term, where, _unit_type(function, term, rows)), words_in(argument, scope)


def _unit_type(function: UnitFunction, term: Term, rows: int) -> Type:
    if function is UnitFunction.COUNT_VALUES:
        return number(0, rows)
    kind = require_number(term).type
    low, high = kind.low or 0, kind.high or 0
    if function is UnitFunction.SUM:
        return number(min(low, low * rows), max(high, high * rows), decimals=kind.decimals, nullable=True)
    if function is UnitFunction.AVG:
        raised = 10**AVERAGE_DIGITS
        number(min(low, 0) * rows * raised, max(high, 0) * rows * raised)  # the sum before it is divided
        decimals = kind.decimals + AVERAGE_DIGITS
        return number(low * raised, high * raised, decimals=decimals, nullable=True)
    return number(low, high, decimals=kind.decimals, nullable=True, values=_whole(kind))


def _whole(kind: Type) -> tuple[int, ...] | None:
    return None if kind.values is None else tuple(value for value in kind.values if isinstance(value, int))
