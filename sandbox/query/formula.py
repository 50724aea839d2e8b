"""Formulas of aggregates, and the conditions of HAVING on them: all done on the noisy numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from sqlglot import exp

from sandbox.errors import NotAnswerable, Refusal
from sandbox.query.aggregate import is_aggregate, read_aggregate
from sandbox.query.call import read_digits
from sandbox.query.expr import (
    Arithmetic,
    Combination,
    Condition,
    Constant,
    Formula,
    Having,
    HavingAll,
    HavingAny,
    Operator,
    Rounded,
)
from sandbox.query.literal import inside, is_literal, read_literal
from sandbox.query.predicate import MIRRORED, OPERATORS, chain
from sandbox.query.scope import LEVEL, Scope
from sandbox.query.teach import FORMULAS, lesson, name_of, only

_ARITHMETIC: Final[dict[type[exp.Expr], Arithmetic]] = {
    exp.Add: Arithmetic.ADD,
    exp.Sub: Arithmetic.SUBTRACT,
    exp.Mul: Arithmetic.MULTIPLY,
    exp.Div: Arithmetic.DIVIDE,
}
_OPPOSITE: Final = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.LT: Operator.GE,
    Operator.GE: Operator.LT,
    Operator.LE: Operator.GT,
    Operator.GT: Operator.LE,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the names of the SELECT list stand for, where HAVING uses them."""

    scope: Scope
    formulas: Mapping[str, exp.Expr]
    """By name, what is written for it; read again wherever it is used."""
    keys: frozenset[str] = frozenset()
    """Names of keys."""

    def deeper(self, by: int = LEVEL) -> Shown:
        """Return the same further inside."""
        return replace(self, scope=self.scope.deeper(by))


def read_formula(node: object, shown: Shown) -> Formula:
    """Return the formula that ``node`` states.

    Raises:
        Refusal: it is not one of those supported, or names a column outside an aggregate.
    """
    node = inside(node)
    if is_literal(node):
        return Constant(_number(node))
    if is_aggregate(node):
        return read_aggregate(node, shown.scope)
    inner = shown.deeper()
    match node:
        case exp.Column():
            return _named(node, inner)
        case exp.Neg():
            only(node, "this")
            return Combination(Arithmetic.SUBTRACT, Constant(0), read_formula(node.this, inner))
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Div():
            return _combination(node, inner)
        case exp.Round():
            only(node, "this", "decimals")
            digits = node.args.get("decimals")
            return Rounded(read_formula(node.this, inner), 0 if digits is None else read_digits(digits))
        case exp.Cast() | exp.TryCast():
            raise _unsupported("An answer is not cast: counts and sums are numbers already.")
        case exp.Window() | exp.Subquery() | exp.Null() | exp.IgnoreNulls() | exp.RespectNulls():
            raise lesson(node)
        case exp.Expr():
            raise _unsupported("Aggregates are combined by + - * / and ROUND only.")
        case _:
            raise lesson(node)


def read_condition(node: object, shown: Shown, *, negated: bool = False) -> Condition:
    """Return the condition of HAVING that ``node`` states, or its opposite.

    The opposite of a comparison is true where neither side is empty, as in SQL.

    Raises:
        Refusal: it is not one of the conditions supported.
    """
    node = inside(node)
    inner = shown.deeper()
    match node:
        case exp.And() | exp.Or():
            both = isinstance(node, exp.And) is not negated
            parts = tuple(read_condition(part, inner, negated=negated) for part in chain(node, type(node)))
            return HavingAll(parts) if both else HavingAny(parts)
        case exp.Not():
            only(node, "this")
            return read_condition(node.this, inner, negated=not negated)
        case exp.Between():
            only(node, "this", "low", "high")
            part = inner.deeper()
            low = _having(node.this, Operator.GE, node.args.get("low"), part)
            high = _having(node.this, Operator.LE, node.args.get("high"), part)
            if negated:
                return HavingAny((_opposite(low), _opposite(high)))
            return HavingAll((low, high))
        case exp.Expr() if type(node) in OPERATORS:
            only(node, "this", "expression")
            having = _having(node.this, OPERATORS[type(node)], node.expression, inner)
            return _opposite(having) if negated else having
        case _:
            raise _unsupported("HAVING compares aggregates, joined by AND, OR, NOT.", code="sql-having")


def _having(left: object, operator: Operator, right: object, shown: Shown) -> Having:
    sides = read_formula(left, shown), read_formula(right, shown)
    match sides:
        case Constant(), Constant():
            raise _unsupported("HAVING compares two values, and no aggregate.", code="sql-having")
        case Constant(), _:
            return Having(sides[1], MIRRORED[operator], sides[0])
        case _:
            return Having(sides[0], operator, sides[1])


def _opposite(having: Having) -> Having:
    return replace(having, operator=_OPPOSITE[having.operator])


def _combination(node: exp.Expr, shown: Shown) -> Formula:
    # As for values: the left spine in a loop, one level for each further operand.
    rest: object = node
    steps: list[tuple[Arithmetic, object]] = []
    while isinstance(rest, exp.Binary) and type(rest) in _ARITHMETIC:
        only(rest, "this", "expression")
        steps.append((_ARITHMETIC[type(rest)], rest.expression))
        rest, shown = rest.this, shown.deeper(1)
    formula = read_formula(rest, shown)
    for operator, right in reversed(steps):
        divisor = operator is Arithmetic.DIVIDE
        side = read_formula(_never_zero(right) if divisor else right, shown)
        formula = Combination(operator, formula, side)
    return formula


def _never_zero(node: object) -> object:
    # NULLIF(f, 0) as a divisor is f: a quotient by a noisy zero is empty anyway.
    node = inside(node)
    if type(node) is not exp.Nullif:
        return node
    only(node, "this", "expression")
    if not is_literal(node.expression) or _number(node.expression) != 0:
        raise _unsupported("NULLIF of an aggregate is known in a divisor, with 0.")
    return node.this


def _named(node: exp.Column, shown: Shown) -> Formula:
    name = name_of(node.this) if node.args.get("table") is None and type(node) is exp.Column else ""
    if name in shown.formulas:
        return read_formula(shown.formulas[name], replace(shown, formulas={}))
    if name in shown.keys:
        raise _unsupported(
            "HAVING is put on a key.", code="sql-having", allowed="Put the condition on it in WHERE."
        )
    shown.scope.column(node)
    raise _unsupported(
        "A column stands outside an aggregate, which would show rows.",
        allowed="Put it inside an aggregate; a condition on it belongs in WHERE.",
    )


def _number(node: object) -> int | Decimal:
    value = read_literal(node)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _unsupported("Aggregates are numbers, and are combined and compared with numbers.")
    return value


def _unsupported(sentence: str, *, code: str = "sql-formula", allowed: str = FORMULAS) -> Refusal:
    return NotAnswerable(code, sentence, allowed=allowed)
