"""A question as a document to digest: equal questions give equal bytes, different ones different."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sandbox.canonical import Canonical, encode
from sandbox.query.expr import (
    Aggregate,
    All,
    Among,
    AnyOf,
    Binary,
    Call,
    Case,
    Column,
    Combination,
    Compare,
    Condition,
    Constant,
    Formula,
    Having,
    HavingAll,
    HavingAny,
    Join,
    Key,
    Like,
    Literal,
    Missing,
    Not,
    Output,
    PerUnit,
    Predicate,
    Query,
    Rounded,
    Rows,
    Scalar,
    Source,
    Stacked,
    Table,
)


def canonical(query: Query) -> Canonical:
    """Return ``query`` as a document: equal questions give equal bytes, different ones different."""
    return {
        "source": _source(query.source),
        "outputs": [_output(output) for output in query.outputs],
        "keys": [_scalar(key) for key in query.keys],
        "sets": [list(indices) for indices in query.sets],
        "where": _optional(query.where),
        "having": None if query.having is None else _condition(query.having),
        "order": [[part.name, part.descending] for part in query.order],
        "limit": query.limit,
    }


def same_scalar(one: Scalar, other: Scalar) -> bool:
    """Tell whether two values are the same expression.

    Not ``==``, to which 1, 1.0 and TRUE are one constant.
    """
    return one == other and encode(_scalar(one)) == encode(_scalar(other))


def same_formula(one: Formula, other: Formula) -> bool:
    """Tell whether two formulas are the same expression; not ``==``, as :func:`same_scalar`."""
    return one == other and encode(_formula(one)) == encode(_formula(other))


def _source(source: Source) -> Canonical:
    match source:
        case Table(name, alias):
            return {"table": [name, alias]}
        case Rows(inner, outputs, where, alias, star):
            return {
                "rows": _source(inner),
                "outputs": [[name, _scalar(value)] for name, value in outputs],
                "where": _optional(where),
                "alias": alias,
                "star": star,
            }
        case PerUnit(inner, unit, columns, where, alias):
            return {
                "per_unit": _source(inner),
                "unit": _scalar(unit),
                "outputs": [
                    [name, _formula(value) if isinstance(value, Aggregate) else _scalar(value)]
                    for name, value in columns
                ],
                "where": _optional(where),
                "alias": alias,
            }
        case Stacked(parts, alias):
            return {"stacked": [_source(part) for part in parts], "alias": alias}
        case Join(left, right, on, outer):
            pairs = [[_scalar(one), _scalar(other)] for one, other in on]
            return {"join": [_source(left), _source(right)], "on": pairs, "outer": outer}


def _output(output: Key | Output) -> Canonical:
    if isinstance(output, Key):
        return {"key": output.index, "name": output.name}
    return {"formula": _formula(output.formula), "name": output.name}


def _scalar(scalar: Scalar) -> Canonical:
    match scalar:
        case Column(name, source):
            return {"column": [name, source]}
        case Constant(value):
            return {"value": None if value is None else _value(value)}
        case Binary(operator, left, right):
            return {"binary": [str(operator), _scalar(left), _scalar(right)]}
        case Call(function, arguments, part):
            return {
                "call": str(function),
                "arguments": [_scalar(argument) for argument in arguments],
                "part": None if part is None else str(part),
            }
        case Case(branches, otherwise):
            return {
                "case": [[_predicate(test), _scalar(value)] for test, value in branches],
                "else": _scalar(otherwise),
            }


def _optional(predicate: Predicate | None) -> Canonical:
    return None if predicate is None else _predicate(predicate)


def _predicate(part: Predicate) -> Canonical:  # noqa: PLR0911 - one line for each kind
    match part:
        case Compare(left, operator, right):
            return {"compare": [_scalar(left), str(operator), _scalar(right)]}
        case Among(term, literals):
            return {"in": [_scalar(term), [_value(literal) for literal in literals]]}
        case Missing(term):
            return {"missing": _scalar(term)}
        case Like(term, pattern):
            return {"like": [_scalar(term), pattern]}
        case Not(inner):
            return {"not": _predicate(inner)}
        case All(parts):
            return {"all": [_predicate(inner) for inner in parts]}
        case AnyOf(parts):
            return {"any": [_predicate(inner) for inner in parts]}


def _formula(formula: Formula) -> Canonical:
    match formula:
        case Aggregate(function, arguments, where, fraction):
            return {
                "function": str(function),
                "arguments": [_scalar(argument) for argument in arguments],
                "where": _optional(where),
                "fraction": None if fraction is None else _value(fraction),
            }
        case Constant():
            return _scalar(formula)
        case Combination(operator, left, right):
            return {"combination": [str(operator), _formula(left), _formula(right)]}
        case Rounded(inner, digits):
            return {"rounded": _formula(inner), "digits": digits}


def _condition(condition: Condition) -> Canonical:
    match condition:
        case Having(left, operator, right):
            return {"having": [_formula(left), str(operator), _formula(right)]}
        case HavingAll(parts):
            return {"all": [_condition(part) for part in parts]}
        case HavingAny(parts):
            return {"any": [_condition(part) for part in parts]}


def _value(value: Literal) -> Canonical:
    match value:
        case Decimal():
            digits = format(value, "f")
            return {"decimal": digits.rstrip("0").rstrip(".") if "." in digits else digits}
        case date():
            return {"date": value.isoformat()}
        case bool() | int() | str():
            return value
