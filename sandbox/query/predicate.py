"""From the values and conditions of a row that sqlglot read to the closed algebra.

Order of each step: the class of the node is one that is known here, nothing unknown is set on it,
then its parts. A class that is not named here or in :mod:`sandbox.query.call` is refused. Values and
conditions stand in one module because each may hold the other (CASE WHEN, =).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlglot import exp

from sandbox.errors import NotAnswerable
from sandbox.query.call import is_call, is_day, read_call
from sandbox.query.expr import (
    All,
    Among,
    AnyOf,
    Arithmetic,
    Binary,
    Call,
    Case,
    Compare,
    Constant,
    Like,
    Missing,
    Not,
    Operator,
    Predicate,
    Scalar,
    ScalarFunction,
)
from sandbox.query.literal import inside, is_literal, read_literal, read_whole
from sandbox.query.scope import Scope
from sandbox.query.teach import CONDITIONS, lesson, only

LARGEST_POWER: Final = 4
"""POWER is written out as products; kurtosis, the highest moment in use, needs the fourth."""

OPERATORS: Final[dict[type[exp.Expr], Operator]] = {
    exp.EQ: Operator.EQ,
    exp.NEQ: Operator.NE,
    exp.LT: Operator.LT,
    exp.LTE: Operator.LE,
    exp.GT: Operator.GT,
    exp.GTE: Operator.GE,
}
MIRRORED: Final = {
    Operator.EQ: Operator.EQ,
    Operator.NE: Operator.NE,
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
}
"""``a OP b`` is ``b MIRRORED[OP] a``."""
ARITHMETIC: Final[dict[type[exp.Expr], Arithmetic]] = {
    exp.Add: Arithmetic.ADD,
    exp.Sub: Arithmetic.SUBTRACT,
    exp.Mul: Arithmetic.MULTIPLY,
    exp.Div: Arithmetic.DIVIDE,
    exp.Mod: Arithmetic.MODULO,
}


def read_scalar(node: object, scope: Scope) -> Scalar:
    """Return the value of a row that ``node`` states.

    Raises:
        Refusal: it is not one of the values supported.
    """
    node = inside(node)
    if is_literal(node):
        return Constant(read_literal(node))
    if not isinstance(node, exp.Expr):
        raise lesson(node)
    return _SCALARS.get(type(node), _call)(node, scope.deeper())


def read_predicate(node: object, scope: Scope) -> Predicate:
    """Return the condition on a row that ``node`` states.

    Raises:
        Refusal: it is not one of the conditions supported.
    """
    node = inside(node)
    if is_literal(node) or type(node) in _SCALARS or is_call(node):
        raise NotAnswerable("sql-condition", "A condition must compare something.", allowed=CONDITIONS)
    if not isinstance(node, exp.Expr) or type(node) not in _PREDICATES:
        raise lesson(node)
    return _PREDICATES[type(node)](node, scope.deeper())


def chain(node: object, *kinds: type[exp.Expr]) -> list[object]:
    """Return the operands of a chain of operators of ``kinds``, in written order."""
    # A loop, because a thousand ANDs are a thousand levels of sqlglot's left-deep tree.
    parts: list[object] = []
    while type(node) in kinds and isinstance(node, exp.Binary):
        only(node, "this", "expression")
        parts.append(node.expression)
        node = node.this
    parts.append(node)
    return parts[::-1]


def _column(node: exp.Expr, scope: Scope) -> Scalar:
    return scope.column(node)


def _minus(node: exp.Expr, scope: Scope) -> Scalar:
    only(node, "this")
    return Binary(Arithmetic.SUBTRACT, Constant(0), read_scalar(node.this, scope))


def _and(node: exp.Expr, scope: Scope) -> Predicate:
    return All(tuple(read_predicate(part, scope) for part in chain(node, exp.And)))


def _or(node: exp.Expr, scope: Scope) -> Predicate:
    return AnyOf(tuple(read_predicate(part, scope) for part in chain(node, exp.Or)))


def _not(node: exp.Expr, scope: Scope) -> Predicate:
    only(node, "this")
    return Not(read_predicate(node.this, scope))


def _between(node: exp.Expr, scope: Scope) -> Predicate:
    only(node, "this", "low", "high")
    part = scope.deeper()  # as deep as the two comparisons that stand for it
    low = _compare(node.this, Operator.GE, node.args.get("low"), part)
    return All((low, _compare(node.this, Operator.LE, node.args.get("high"), part)))


def _comparison(node: exp.Expr, scope: Scope) -> Predicate:
    only(node, "this", "expression")
    return _compare(node.this, OPERATORS[type(node)], node.expression, scope)


def _compare(left: object, operator: Operator, right: object, scope: Scope) -> Compare:
    for side in (left, right):
        if type(inside(side)) is exp.Null:
            read_literal(side)  # which says what is wrong with comparing it
    sides = read_scalar(left, scope), read_scalar(right, scope)
    match sides:
        case Constant(), Constant():
            raise NotAnswerable(
                "sql-condition", "Two values are compared, and no column.", allowed=CONDITIONS
            )
        case Constant(), _:
            return Compare(sides[1], MIRRORED[operator], sides[0])
        case _:
            return Compare(sides[0], operator, sides[1])


def _term(node: object, scope: Scope) -> Scalar:
    term = read_scalar(node, scope)
    if isinstance(term, Constant):
        raise NotAnswerable("sql-condition", "A condition is put on a value alone.", allowed=CONDITIONS)
    return term


def _missing(node: exp.Expr, scope: Scope) -> Missing:
    only(node, "this", "expression")
    if not isinstance(node.expression, exp.Null):
        raise NotAnswerable("sql-condition", "IS is for NULL only here.", allowed=CONDITIONS)
    return Missing(_term(node.this, scope))


def _among(node: exp.Expr, scope: Scope) -> Among:
    only(node, "this", "expressions")
    if not node.expressions:
        raise NotAnswerable("sql-condition", "IN () holds no value.", allowed=CONDITIONS)
    literals = []
    for value in node.expressions:
        scope.meter.count()
        if isinstance(inside(value), exp.Column | exp.Binary):
            raise NotAnswerable(
                "sql-condition", "IN takes values as they are, none to compute.", allowed=CONDITIONS
            )
        literals.append(read_literal(value))
    return Among(_term(node.this, scope), tuple(literals))


def _like(node: exp.Expr, scope: Scope) -> Predicate:
    only(node, "this", "expression", "negate")
    pattern = inside(node.expression)
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        raise NotAnswerable(
            "sql-pattern", "LIKE takes a pattern written as one text.", allowed="Write name LIKE 'A%'."
        )
    if node.args.get("negate"):
        return Not(Like(_term(node.this, scope.deeper()), str(pattern.this)))
    return Like(_term(node.this, scope), str(pattern.this))


def _arithmetic(node: exp.Expr, scope: Scope) -> Scalar:
    # The left spine in a loop: of a + b + c each further operand is one level of the tree.
    rest: object = node
    steps: list[tuple[Arithmetic, object]] = []
    while isinstance(rest, exp.Binary) and type(rest) in ARITHMETIC:
        only(rest, "this", "expression")
        steps.append((ARITHMETIC[type(rest)], rest.expression))
        rest = rest.this
        scope = scope.deeper(1)
    value = read_scalar(rest, scope)
    for operator, right in reversed(steps):
        value = Binary(operator, value, read_scalar(right, scope))
    return value


def _power(node: exp.Expr, scope: Scope) -> Scalar:
    only(node, "this", "expression")
    power = read_whole(node.expression)
    if power is None or not 2 <= power <= LARGEST_POWER:  # noqa: PLR2004 - the square is the first
        raise NotAnswerable(
            "sql-function",
            f"POWER takes a whole number from 2 to {LARGEST_POWER}.",
            allowed="Write POWER(x, 2), or multiply.",
        )
    scope = scope.deeper(power - 1)
    value = read_scalar(node.this, scope)
    for _ in range(power - 1):
        # Read again, not shared, so that powers of powers are counted at their full size.
        value = Binary(Arithmetic.MULTIPLY, value, read_scalar(node.this, scope))
    return value


def _days(node: exp.Expr, scope: Scope) -> Binary:
    only(node, "this", "expression", "unit", "date_part_boundary")
    if not is_day(node.args.get("unit")):
        raise NotAnswerable(
            "sql-date-part",
            "DATEDIFF counts days only.",
            allowed="Write DATEDIFF('day', start, finish), or subtract EXTRACT(year FROM ...) from another.",
        )
    scope = scope.deeper(1)
    return Binary(Arithmetic.SUBTRACT, read_scalar(node.this, scope), read_scalar(node.expression, scope))


def _case(node: exp.Expr, scope: Scope) -> Case:
    only(node, "this", "ifs", "default")
    branches = []
    for branch in node.args.get("ifs") or []:
        if type(branch) is not exp.If:
            raise lesson(branch)
        only(branch, "this", "true")
        if node.this is None:
            test = read_predicate(branch.this, scope)
        else:
            test = _compare(node.this, Operator.EQ, branch.this, scope.deeper())
        branches.append((test, _result(branch.args.get("true"), scope)))
    return Case(tuple(branches), _otherwise(node.args.get("default"), scope))


def _if(node: exp.Expr, scope: Scope) -> Case:
    only(node, "this", "true", "false")
    branch = (read_predicate(node.this, scope), _result(node.args.get("true"), scope))
    return Case((branch,), _otherwise(node.args.get("false"), scope))


def _otherwise(node: object, scope: Scope) -> Scalar:
    return Constant(None) if node is None else _result(node, scope)


def _result(node: object, scope: Scope) -> Scalar:
    return Constant(None) if type(inside(node)) is exp.Null else read_scalar(node, scope)


def _call(node: exp.Expr, scope: Scope) -> Call:
    written = read_call(node)
    if written is None:
        raise lesson(node)
    read = _result if written.function is ScalarFunction.COALESCE else read_scalar
    arguments = tuple(read(argument, scope) for argument in written.arguments)
    return Call(written.function, arguments, written.part)


_SCALARS: Final[dict[type[exp.Expr], Callable[[exp.Expr, Scope], Scalar]]] = {
    exp.Column: _column,
    exp.Neg: _minus,
    exp.Pow: _power,
    exp.DateDiff: _days,
    exp.Case: _case,
    exp.If: _if,
    **dict.fromkeys(ARITHMETIC, _arithmetic),
}
_PREDICATES: Final[dict[type[exp.Expr], Callable[[exp.Expr, Scope], Predicate]]] = {
    exp.And: _and,
    exp.Or: _or,
    exp.Not: _not,
    exp.Is: _missing,
    exp.In: _among,
    exp.Like: _like,
    exp.Between: _between,
    **dict.fromkeys(OPERATORS, _comparison),
}
