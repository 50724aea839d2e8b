"""Typed terms, tests and relations in words that people who know SQL can read; never run."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sandbox.query.expr import Operator
from sandbox.query.typed import (
    Apply,
    Base,
    Choice,
    Comparison,
    Conjunction,
    Derived,
    Disjunction,
    Field,
    IsNull,
    Joined,
    Kind,
    Matches,
    Member,
    Negation,
    Operation,
    PerUnitRows,
    Relation,
    Term,
    Test,
    Type,
    Union,
    Value,
)

_SIGNS = {
    Operation.ADD: "+",
    Operation.SUBTRACT: "-",
    Operation.MULTIPLY: "*",
    Operation.DIVIDE: "/",
}


def term(of: Term) -> str:
    """Return a term as text; numbers as people write them."""
    match of:
        case Field():
            return f"{of.source}.{of.name}"
        case Value():
            return value(of.value, of.type)
        case Choice():
            branches = " ".join(f"WHEN {test(when)} THEN {term(then)}" for when, then in of.branches)
            return f"CASE {branches} ELSE {term(of.otherwise)} END"
        case Apply():
            return _applied(of)


def test(of: Test) -> str:
    """Return a test as text."""
    match of:
        case Comparison():
            return f"{term(of.left)} {Operator(of.operator)} {term(of.right)}"
        case Member():
            return f"{term(of.term)} IN ({', '.join(map(term, of.values))})"
        case IsNull():
            return f"{term(of.term)} IS NULL"
        case Matches():
            return f"{term(of.term)} LIKE '{of.pattern}'"
        case Negation():
            return f"NOT ({test(of.test)})"
        case Conjunction() | Disjunction():
            word = " AND " if isinstance(of, Conjunction) else " OR "
            return "(" + word.join(map(test, of.tests)) + ")"


def relation(of: Relation) -> str:
    """Return where rows come from, with what bounds them."""
    match of:
        case Base():
            when = "" if of.after is None else f" where {test(of.after)}, bounded at query time"
            return (
                f"{of.name} (at most {of.max_rows} rows of a unit{when})"
                if of.unit
                else f"{of.name} (public)"
            )
        case Joined():
            return f"{relation(of.left)} {'LEFT JOIN' if of.outer else 'JOIN'} {relation(of.right)}"
        case Derived():
            return f"rows of {relation(of.source)}"
        case PerUnitRows():
            return f"one row for each unit of {relation(of.source)}"
        case Union():
            return " and ".join(relation(part) for part in of.parts)


def interval(kind: Type) -> str:
    """Return the public bounds of a term's values."""
    if kind.low is not None and kind.high is not None and kind.kind in {Kind.NUMBER, Kind.DATE}:
        ends = f"[{_end(kind.low, kind)}, {_end(kind.high, kind)}]"
    elif kind.values is not None:
        ends = f"{len(kind.values)} public values"
    else:
        ends = f"any {kind.kind}"
    return f"{ends} or NULL" if kind.nullable else ends


def value(of: bool | int | str | date | None, kind: Type) -> str:
    """Return a constant as it is written."""
    match of:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if of else "FALSE"
        case int():
            return _end(of, kind)
        case date():
            return f"DATE '{of.isoformat()}'"
        case str():
            return "'" + of.replace("'", "''") + "'"


def _end(number: int, kind: Type) -> str:
    if kind.kind is Kind.DATE:
        return date.fromordinal(number).isoformat()
    return format(Decimal(number).scaleb(-kind.decimals), "f") if kind.decimals else str(number)


def _applied(of: Apply) -> str:
    if of.operation in _SIGNS:
        left, right = map(term, of.arguments)
        return f"({left} {_SIGNS[of.operation]} {right})"
    part = f"{of.part}, " if of.part else ""
    return f"{of.operation.upper()}({part}{', '.join(map(term, of.arguments))})"
