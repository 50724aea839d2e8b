"""The aggregates that may be asked for, each with what may stand in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from sqlglot import exp

from sandbox.errors import NotAnswerable, Refusal
from sandbox.query.expr import Aggregate, All, Constant, Function, Predicate, Scalar
from sandbox.query.literal import inside, is_literal, read_literal
from sandbox.query.predicate import read_predicate, read_scalar
from sandbox.query.scope import Scope
from sandbox.query.teach import AGGREGATES, lesson, only

MAX_FRACTION_DECIMALS: Final = 4
"""Of a quantile: 0.9999 is the finest that is told apart from the largest value."""
MEDIAN: Final = Decimal("0.5")

_ONE: Final[dict[type[exp.Expr], Function]] = {
    exp.Sum: Function.SUM,
    exp.Avg: Function.AVG,
    exp.Variance: Function.VAR_SAMP,
    exp.VariancePop: Function.VAR_POP,
    exp.Stddev: Function.STDDEV_SAMP,
    exp.StddevSamp: Function.STDDEV_SAMP,
    exp.StddevPop: Function.STDDEV_POP,
    exp.Min: Function.MIN,
    exp.Max: Function.MAX,
}
_TWO: Final[dict[type[exp.Expr], Function]] = {
    exp.CovarSamp: Function.COVAR_SAMP,
    exp.CovarPop: Function.COVAR_POP,
    exp.Corr: Function.CORR,
    exp.RegrSlope: Function.REGR_SLOPE,
    exp.RegrIntercept: Function.REGR_INTERCEPT,
    exp.RegrR2: Function.REGR_R2,
}


def is_aggregate(node: object) -> bool:
    """Tell whether ``node`` is one that :func:`read_aggregate` reads or refuses as an aggregate."""
    return type(node) in _READERS or _is_var(node)


def holds_aggregate(node: exp.Expr) -> bool:
    """Tell whether an aggregate stands anywhere in ``node``."""
    return any(is_aggregate(part) for part in node.walk())


def read_aggregate(node: object, scope: Scope) -> Aggregate:
    """Return the aggregate that ``node`` states.

    Raises:
        Refusal: it is not one of those supported, or not in this form.
    """
    if not isinstance(node, exp.Expr):
        raise lesson(node)
    read = _var if _is_var(node) else _READERS.get(type(node))
    if read is None:
        raise lesson(node)
    return read(node, scope.deeper())


def _is_var(node: object) -> bool:
    # VAR is an unknown function to the library, and VAR_SAMP to DuckDB.
    return type(node) is exp.Anonymous and str(node.this).lower() == "var"


def _var(node: exp.Expr, scope: Scope) -> Aggregate:
    only(node, "this", "expressions")
    if len(node.expressions) != 1:
        raise NotAnswerable("sql-function", "VAR takes one value.", allowed=AGGREGATES)
    return Aggregate(Function.VAR_SAMP, (_argument(node.expressions[0], scope),))


def _of_one(node: exp.Expr, scope: Scope) -> Aggregate:
    only(node, "this")
    return Aggregate(_ONE[type(node)], (_argument(node.this, scope),))


def _of_two(node: exp.Expr, scope: Scope) -> Aggregate:
    only(node, "this", "expression")
    return Aggregate(_TWO[type(node)], (_argument(node.this, scope), _argument(node.expression, scope)))


def _count_if(node: exp.Expr, scope: Scope) -> Aggregate:
    only(node, "this")
    return Aggregate(Function.COUNT_ROWS, where=_condition(node.this, scope))


def _median(node: exp.Expr, scope: Scope) -> Aggregate:
    only(node, "this")
    return Aggregate(Function.QUANTILE, (_argument(node.this, scope),), fraction=MEDIAN)


def _argument(node: object, scope: Scope) -> Scalar:
    if isinstance(node, exp.Distinct):
        raise NotAnswerable(
            "sql-distinct", "DISTINCT is answered for COUNT of the unit only.", allowed=AGGREGATES
        )
    if isinstance(node, exp.Star):
        raise NotAnswerable("sql-count", "Only COUNT takes *.", allowed=AGGREGATES)
    _no_aggregate(node)
    return read_scalar(node, scope)


def _condition(node: object, scope: Scope) -> Predicate:
    _no_aggregate(node)
    return read_predicate(node, scope)


def _no_aggregate(node: object) -> None:
    if isinstance(node, exp.Expr) and holds_aggregate(node) and not node.find(exp.Query):
        raise NotAnswerable(
            "sql-nested-aggregate",
            "An aggregate stands inside another.",
            allowed="Make one row of each unit in a sub-query with GROUP BY unit, then aggregate that.",
        )


def _filtered(node: exp.Expr, scope: Scope) -> Aggregate:
    only(node, "this", "expression")
    where = node.expression
    if type(where) is not exp.Where:
        raise lesson(where)
    only(where, "this")
    if not is_aggregate(node.this):
        raise lesson(node.this if isinstance(node.this, exp.AggFunc) else node)
    aggregate = read_aggregate(node.this, scope)
    if aggregate.where is None:
        return replace(aggregate, where=_condition(where.this, scope))
    # COUNT_IF, whose own condition is read again, one level deeper, beside the new one.
    inner = scope.deeper()
    return replace(aggregate, where=All((_condition(node.this.this, inner), _condition(where.this, inner))))


def _count(node: exp.Expr, scope: Scope) -> Aggregate:
    only(node, "this", "big_int")
    of = inside(node.this)
    if isinstance(of, exp.Star):
        only(of)
        return Aggregate(Function.COUNT_ROWS)
    if isinstance(of, exp.Distinct):
        only(of, "expressions")
        inner = [inside(part) for part in of.expressions]
        if len(inner) != 1 or not isinstance(inner[0], exp.Column):
            raise NotAnswerable(
                "sql-distinct", "COUNT(DISTINCT ...) takes one column, the unit.", allowed=AGGREGATES
            )
        return Aggregate(Function.COUNT_UNITS, (scope.column(inner[0]),))
    if of is None:
        raise NotAnswerable("sql-count", "COUNT takes * or one value.", allowed=AGGREGATES)
    value = _argument(of, scope)
    if isinstance(value, Constant):
        return Aggregate(Function.COUNT_ROWS)  # COUNT(1) counts rows: the value is never NULL
    return Aggregate(Function.COUNT_VALUES, (value,))


def _quantile(node: exp.Expr, scope: Scope) -> Aggregate:
    part = "quantile" if isinstance(node, exp.Quantile) else "expression"
    only(node, "this", part)
    if node.args.get(part) is None:
        raise _not_a_fraction()
    fraction = _fraction(node.args.get(part))
    return Aggregate(Function.QUANTILE, (_argument(node.this, scope),), fraction=fraction)


def _within_group(node: exp.Expr, scope: Scope) -> Aggregate:
    only(node, "this", "expression")
    percentile, order = node.this, node.expression
    if type(percentile) not in {exp.PercentileCont, exp.PercentileDisc}:
        raise lesson(percentile)
    only(percentile, "this")
    if type(order) is not exp.Order or len(order.expressions) != 1:
        raise _not_ordered()
    only(order, "expressions")
    ordered = order.expressions[0]
    if type(ordered) is not exp.Ordered or ordered.args.get("desc"):
        raise _not_ordered()
    only(ordered, "this", "desc", "nulls_first")
    value = _argument(ordered.this, scope)
    return Aggregate(Function.QUANTILE, (value,), fraction=_fraction(percentile.this))


def _fraction(node: object) -> Decimal:
    value = read_literal(node) if is_literal(node) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _not_a_fraction()
    fraction = Decimal(value)
    if not 0 < fraction < 1 or fraction != round(fraction, MAX_FRACTION_DECIMALS):
        raise _not_a_fraction()
    return round(fraction, MAX_FRACTION_DECIMALS).normalize()


def _not_a_fraction() -> Refusal:
    return NotAnswerable(
        "sql-quantile",
        "A quantile needs its fraction: a number between 0 and 1, without them, "
        f"of at most {MAX_FRACTION_DECIMALS} decimals.",
        allowed="Write QUANTILE(cost, 0.9); MIN and MAX are answered by the policy's low and high quantile.",
    )


def _not_ordered() -> Refusal:
    return NotAnswerable(
        "sql-quantile",
        "A percentile orders by one value, upwards.",
        allowed="Write PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY cost).",
    )


_READERS: Final[dict[type[exp.Expr], Callable[[exp.Expr, Scope], Aggregate]]] = {
    **dict.fromkeys(_ONE, _of_one),
    **dict.fromkeys(_TWO, _of_two),
    exp.Count: _count,
    exp.CountIf: _count_if,
    exp.Median: _median,
    exp.Quantile: _quantile,
    exp.PercentileCont: _quantile,
    exp.PercentileDisc: _quantile,
    exp.WithinGroup: _within_group,
    exp.Filter: _filtered,
}
