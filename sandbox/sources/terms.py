"""Typed terms and tests as SQL expressions of one dialect.

Whole numbers are 64-bit wherever something is computed: what a column stores may be narrower, so every
operand is widened first, and by its type no result leaves 64 bits. Division cuts towards zero on every
engine. In a pattern ``%`` and ``_`` are the only characters with a meaning: where an engine takes a
backslash for an escape, it is doubled. Spark substitutes ``${env:HOME}`` inside literals, and its
settings say what a backslash means there, so a text with more than plain characters is written as bytes.
Texts are ordered by code point.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from functools import cache

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
_UNORDERED = {Operator.EQ, Operator.NE}
_PLAIN = frozenset(map(chr, range(32, 127))) - frozenset("'\\$")
_TYPES = {Kind.NUMBER: "BIGINT", Kind.TEXT: "TEXT", Kind.DATE: "DATE", Kind.BOOLEAN: "BOOLEAN"}


def term(of: Term, dialect: Dialect) -> exp.Expr:
    """Return a term as an expression."""
    match of:
        case Field():
            return column(of.source, of.name)
        case Value():
            return _value(of, dialect)
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


def cast(of: exp.Expr, to: str) -> exp.Expr:
    """Return ``of``, which is used nowhere else, as another type; as it is where it has been cast to it."""
    return exp.cast(of, _data_type(to).copy(), copy=False)


@cache  # over the few names in this code: sqlglot parses one each time it is named
def _data_type(name: str) -> exp.DataType:
    return exp.DataType.build(name)


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


def _value(of: Value, dialect: Dialect) -> exp.Expr:
    match of.value:
        case None:
            return cast(exp.Null(), _TYPES[of.type.kind])
        case bool():
            return exp.Boolean(this=of.value)
        case int():
            return integer(of.value)
        case date():
            return cast(exp.Literal.string(of.value.isoformat()), "DATE")
        case str():
            return _text(of.value, dialect)


def _text(value: str, dialect: Dialect) -> exp.Expr:
    if dialect is not Dialect.SPARK or _PLAIN.issuperset(value):
        return exp.Literal.string(value)
    return cast(exp.HexString(this=value.encode().hex()), "TEXT")


def ordered(of: Term, dialect: Dialect) -> exp.Expr:
    """Return a term so that it is ordered as the type says: texts by code point."""
    made = term(of, dialect)
    if dialect is Dialect.POSTGRES and of.type.kind is Kind.TEXT:  # the others order so by themselves
        return exp.Collate(this=made, expression=identifier("C"))
    return made


def _simple(of: Comparison | Member | IsNull | Matches, dialect: Dialect) -> exp.Expr:
    match of:
        case Comparison(left, operator, right):
            side = term if operator in _UNORDERED else ordered
            return _OPERATORS[operator](this=side(left, dialect), expression=side(right, dialect))
        case Member(inner, values):
            return exp.In(this=term(inner, dialect), expressions=[_value(value, dialect) for value in values])
        case IsNull(inner):
            return exp.Is(this=exp.paren(term(inner, dialect), copy=False), expression=exp.Null())
        case Matches(inner, pattern):
            if dialect is not Dialect.DUCKDB:
                pattern = pattern.replace("\\", "\\\\")
            return exp.Like(this=term(inner, dialect), expression=_text(pattern, dialect))


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
        return cast(exp.Extract(this=exp.var(_part_name(part, dialect)), expression=day), "BIGINT")
    return day if part is Part.DAY else _truncated(day, part, dialect)


def _wide(of: Term, dialect: Dialect) -> exp.Expr:
    """Return an operand of 64 bits; even a constant, which PostgreSQL would take for one of 32."""
    return cast(term(of, dialect), "BIGINT") if not isinstance(of, Apply) else term(of, dialect)


def divided(left: exp.Expr, right: exp.Expr, dialect: Dialect) -> exp.Expr:
    """Return the quotient of whole numbers, cut towards zero."""
    if dialect is Dialect.POSTGRES:  # whole by its operands; IntDiv would be printed by way of decimals
        return exp.paren(exp.Div(this=left, expression=right, typed=True), copy=False)
    return exp.paren(exp.IntDiv(this=left, expression=right), copy=False)


def wide(of: exp.Expr, dialect: Dialect) -> exp.Expr:
    """Return a whole number of a type far beyond 64 bits."""
    types = {Dialect.DUCKDB: "INT128", Dialect.POSTGRES: "DECIMAL", Dialect.SPARK: "DECIMAL(38, 0)"}
    return cast(of, types[dialect])


def wide_divided(left: exp.Expr, right: exp.Expr, dialect: Dialect) -> exp.Expr:
    """Return the quotient of a :func:`wide` number, cut towards zero."""
    if dialect is Dialect.POSTGRES:  # printed as DIV, which cuts; "/" of decimals rounds
        return exp.IntDiv(this=left, expression=right)
    return divided(left, right, dialect)


def _days(day: exp.Expr, dialect: Dialect) -> exp.Expr:
    epoch = cast(exp.Literal.string("1970-01-01"), "DATE")
    if dialect is Dialect.SPARK:  # where a date minus a date is an interval
        between: exp.Expr = exp.Anonymous(this="DATEDIFF", expressions=[day, epoch])
    else:
        between = exp.paren(exp.Sub(this=day, expression=epoch), copy=False)
    return cast(between, "BIGINT")


def _truncated(day: exp.Expr, part: Part, dialect: Dialect) -> exp.Expr:
    # In no time zone: of a date, PostgreSQL and Spark would make a moment in the session's.
    if dialect is Dialect.SPARK:
        return exp.Anonymous(this="TRUNC", expressions=[day, exp.Literal.string(part.value)])
    moment = cast(day, "TIMESTAMP") if dialect is Dialect.POSTGRES else day
    truncated = exp.Anonymous(this="DATE_TRUNC", expressions=[exp.Literal.string(part.value), moment])
    return cast(truncated, "DATE")


def _part_name(part: Part, dialect: Dialect) -> str:
    if part is Part.WEEKDAY and dialect is Dialect.SPARK:
        return "DAYOFWEEK_ISO"
    return part.value.upper()
