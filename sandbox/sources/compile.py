"""From a plan to one SELECT over the bounded copy.

Built from the closed algebra with sqlglot's expression classes: no text of a person's reaches the
engine but as a quoted literal. Every expression is total: measures are integers within public
bounds, literals fit into 64 bits (the policy check saw to both), nothing is divided or cast from data.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlglot import exp

from sandbox.policy.values import fixed_point
from sandbox.privacy.plan import Measurement, Plan, StatisticKind, fixed_of
from sandbox.query.expr import (
    All,
    Among,
    AnyOf,
    Compare,
    Literal,
    Missing,
    Not,
    Operator,
    Predicate,
)

ROW_NUMBER = "_rn"
"""Column of a copied table that numbers the kept rows of one unit from 1; no policy can name it."""
_OPERATORS: dict[Operator, type[exp.Binary]] = {
    Operator.EQ: exp.EQ,
    Operator.NE: exp.NEQ,
    Operator.LT: exp.LT,
    Operator.LE: exp.LTE,
    Operator.GT: exp.GT,
    Operator.GE: exp.GTE,
}


def compile_query(plan: Plan, dialect: str = "duckdb") -> str:
    """Return SQL of one engine with the plan's keys first, then one column per measurement."""
    query = plan.checked.query
    condition: exp.Expr = exp.LTE(this=_column(ROW_NUMBER), expression=_integer(plan.max_rows))
    if query.where is not None:
        condition = exp.and_(condition, exp.paren(_predicate(query.where, plan), copy=False), copy=False)
    select = (
        exp.Select()
        .select(
            *map(_column, query.keys), *(_measured(measurement, plan) for measurement in plan.measurements)
        )
        .from_(exp.Table(this=_name(plan.checked.table_name)))
        .where(condition)
    )
    if query.keys:
        select = select.group_by(*map(_column, query.keys))
    return select.sql(dialect=dialect)


def _measured(measurement: Measurement, plan: Plan) -> exp.Expr:
    statistic = measurement.statistic
    column = _column(statistic.column or "")
    match statistic.kind:
        case StatisticKind.ROWS:
            return exp.Count(this=exp.Star())
        case StatisticKind.VALUES:
            return exp.Count(this=column)
        case StatisticKind.UNITS:
            return exp.Count(this=exp.Distinct(expressions=[column]))
        case StatisticKind.SUM:
            return _sum(column)
        case StatisticKind.CENTERED_SUM:
            middle = _integer(fixed_of(plan.checked, statistic).middle)
            return _sum(exp.Sub(this=column, expression=middle))


def _sum(term: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=exp.Sum(this=term), expressions=[_integer(0)])


def _predicate(part: Predicate, plan: Plan) -> exp.Expr:
    match part:
        case Compare(name, operator, literal):
            return _OPERATORS[operator](this=_column(name), expression=_literal(literal, name, plan))
        case Among(name, literals):
            return exp.In(
                this=_column(name), expressions=[_literal(literal, name, plan) for literal in literals]
            )
        case Missing(name):
            return exp.Is(this=_column(name), expression=exp.Null())
        case Not(inner):
            return exp.Not(this=exp.paren(_predicate(inner, plan), copy=False))
        case All(parts):
            return _joined(exp.And, parts, plan)
        case AnyOf(parts):
            return _joined(exp.Or, parts, plan)


def _joined(word: type[exp.And | exp.Or], parts: tuple[Predicate, ...], plan: Plan) -> exp.Expr:
    # Balanced, because a chain of a thousand parts would be a thousand levels deep.
    if len(parts) == 1:
        return exp.paren(_predicate(parts[0], plan), copy=False)
    half = len(parts) // 2
    left, right = _joined(word, parts[:half], plan), _joined(word, parts[half:], plan)
    return exp.paren(word(this=left, expression=right), copy=False)


def _literal(value: Literal, column: str, plan: Plan) -> exp.Expr:
    match value:
        case bool():
            return exp.Boolean(this=value)
        case int():
            return _integer(value)
        case Decimal():
            return _integer(_fixed(value, plan.checked.table.columns[column].decimals))
        case date():
            return exp.Cast(this=exp.Literal.string(value.isoformat()), to=exp.DataType.build("date"))
        case str():
            return exp.Literal.string(value)


def _fixed(value: Decimal, decimals: int) -> int:
    scaled = fixed_point(value, decimals)
    if scaled is None:
        raise TypeError("the policy check lets no literal with more decimals through")
    return scaled


def _integer(value: int) -> exp.Expr:
    literal = exp.Literal.number(abs(value))
    return exp.Neg(this=literal) if value < 0 else literal


def _column(name: str) -> exp.Column:
    return exp.Column(this=_name(name))


def _name(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)
