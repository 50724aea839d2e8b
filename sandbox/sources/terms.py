"""Typed terms and tests as SQL expressions of one dialect.

Whole numbers are 64-bit wherever something is computed: what a column stores may be narrower, so every
operand is widened first, and by its type no result leaves 64 bits. Division cuts towards zero on every
engine. In a pattern ``%`` and ``_`` are the only characters with a meaning: where an engine takes a
backslash for an escape, it is doubled.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlglot import exp

from sandbox.query.expr import Operator, Part
from sandbox.query.typed import (
    Apply,
    Choice,
    Comparison,
    Conjunction,
    Disjunction,
    Field,
    IsNull,
    Kind,
    Matches,
    Member,
    Negation,
    Operation,
    Term,
    Test,
    Value,
)


class Dialect(StrEnum):
    """Languages of the engines; the values are sqlglot's names."""

    DUCKDB = "duckdb"
    POSTGRES = "postgres"
    SPARK = "spark"


_OPERATORS: dict[Operator, type[exp.Binary]] = {
    Operator.EQ: exp.EQ,
    Operator.NE: exp.NEQ,
    Operator.LT: exp.LT,
    Operator.LE: exp.LTE,
    Operator.GT: exp.GT,
    Operator.GE: exp.GTE,
}
_ARITHMETIC: dict[Operation, type[exp.Binary]] = {
    Operation.ADD: exp.Add,
    Operation.SUBTRACT: exp.Sub,
    Operation.MULTIPLY: exp.Mul,
}
_TYPES = {Kind.NUMBER: "BIGINT", Kind.TEXT: "TEXT", Kind.DATE: "DATE", Kind.BOOLEAN: "BOOLEAN"}


def term(of: Term, dialect: Dialect) -> exp.Expr:
    """Return a term as an expression."""
    match of:
        case Field():
            return column(of.source, of.name)
        case Value():
            return _value(of)
        case Choice():
            ifs = [exp.If(this=test(when, dialect), true=term(then, dialect)) for when, then in of.branches]
            return exp.Case(ifs=ifs, default=term(of.otherwise, dialect))
        case Apply():
            return _applied(of, dialect)


def test(of: Test, dialect: Dialect) -> exp.Expr:
    """Return a test as a condition."""
    match of:
        case Negation(inner):
            return exp.Not(this=exp.paren(test(inner, dialect), copy=False))
        case Conjunction(tests):
            return _balanced(exp.And, tests, dialect)
        case Disjunction(tests):
            return _balanced(exp.Or, tests, dialect)
        case _:
            return _simple(of, dialect)


def column(source: str, name: str) -> exp.Column:
    """Return a column of a source."""
    return exp.Column(this=identifier(name), table=identifier(source))


def identifier(name: str) -> exp.Identifier:
    """Return a quoted name."""
    return exp.to_identifier(name, quoted=True)


def integer(value: int) -> exp.Expr:
    """Return a whole number."""
    literal = exp.Literal.number(abs(value))
    return exp.paren(exp.Neg(this=literal), copy=False) if value < 0 else literal


def _value(of: Value) -> exp.Expr:
    match of.value:
        case None:
            return exp.cast(exp.Null(), _TYPES[of.type.kind])
        case bool():
            return exp.Boolean(this=of.value)
        case int():
            return integer(of.value)
        case date():
            return exp.cast(exp.Literal.string(of.value.isoformat()), "DATE")
        case str():
            return exp.Literal.string(of.value)


def _simple(of: Comparison | Member | IsNull | Matches, dialect: Dialect) -> exp.Expr:
    match of:
        case Comparison(left, operator, right):
            return _OPERATORS[operator](this=term(left, dialect), expression=term(right, dialect))
        case Member(inner, values):
            return exp.In(this=term(inner, dialect), expressions=[_value(value) for value in values])
        case IsNull(inner):
            return exp.Is(this=exp.paren(term(inner, dialect), copy=False), expression=exp.Null())
        case Matches(inner, pattern):
            if dialect is not Dialect.DUCKDB:
                pattern = pattern.replace("\\", "\\\\")
            return exp.Like(this=term(inner, dialect), expression=exp.Literal.string(pattern))


def _balanced(word: type[exp.And | exp.Or], parts: tuple[Test, ...], dialect: Dialect) -> exp.Expr:
    # Balanced, because a chain of a thousand parts would be a thousand levels deep.
    if len(parts) == 1:
        return exp.paren(test(parts[0], dialect), copy=False)
    half = len(parts) // 2
    left, right = (_balanced(word, some, dialect) for some in (parts[:half], parts[half:]))
    return exp.paren(word(this=left, expression=right), copy=False)


def _applied(of: Apply, dialect: Dialect) -> exp.Expr:
    if of.operation in _ARITHMETIC or of.operation is Operation.DIVIDE:
        left, right = (_wide(argument, dialect) for argument in of.arguments)
        if of.operation is Operation.DIVIDE:
            return divided(left, right, dialect)
        return exp.paren(_ARITHMETIC[of.operation](this=left, expression=right), copy=False)
    day = term(of.arguments[0], dialect)
    if of.operation is Operation.DAYS:
        return _days(day, dialect)
    part = of.part or Part.DAY
    if of.operation is Operation.EXTRACT:
        return exp.cast(exp.Extract(this=exp.var(_part_name(part, dialect)), expression=day), "BIGINT")
    truncated = exp.Anonymous(this="DATE_TRUNC", expressions=[exp.Literal.string(part.value), day])
    return exp.cast(truncated, "DATE")


def _wide(of: Term, dialect: Dialect) -> exp.Expr:
    """Return an operand of 64 bits; even a constant, which PostgreSQL would take for one of 32."""
    return exp.cast(term(of, dialect), "BIGINT") if not isinstance(of, Apply) else term(of, dialect)


def divided(left: exp.Expr, right: exp.Expr, dialect: Dialect) -> exp.Expr:
    """Return the quotient of whole numbers, cut towards zero."""
    if dialect is Dialect.POSTGRES:  # whole by its operands; IntDiv would be printed by way of decimals
        return exp.paren(exp.Div(this=left, expression=right, typed=True), copy=False)
    return exp.paren(exp.IntDiv(this=left, expression=right), copy=False)


def _days(day: exp.Expr, dialect: Dialect) -> exp.Expr:
    epoch = exp.cast(exp.Literal.string("1970-01-01"), "DATE")
    if dialect is Dialect.SPARK:  # where a date minus a date is an interval
        between: exp.Expr = exp.Anonymous(this="DATEDIFF", expressions=[day, epoch])
    else:
        between = exp.paren(exp.Sub(this=day, expression=epoch), copy=False)
    return exp.cast(between, "BIGINT")


def _part_name(part: Part, dialect: Dialect) -> str:
    if part is Part.WEEKDAY and dialect is Dialect.SPARK:
        return "DAYOFWEEK_ISO"
    return part.value.upper()
