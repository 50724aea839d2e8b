"""From the WHERE clause that sqlglot read to the closed algebra of conditions.

Order of each step: the class of the node is one that is known here, nothing unknown is set on it,
then its parts. A class that is not named in this module is refused.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final

from sqlglot import exp

from sandbox.errors import Malformed, NotAnswerable
from sandbox.query.expr import All, Among, AnyOf, Compare, Literal, Missing, Not, Operator, Predicate
from sandbox.query.teach import CONDITIONS, lesson, name_of, only

MAX_NESTING: Final = 32
"""Brackets and NOTs inside one another; far below Python's recursion limit."""
MAX_DIGITS: Final = 40
"""Characters of one number; 64 bits need 20."""

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OPERATORS: Final[dict[type[exp.Expr], Operator]] = {
    exp.EQ: Operator.EQ,
    exp.NEQ: Operator.NE,
    exp.LT: Operator.LT,
    exp.LTE: Operator.LE,
    exp.GT: Operator.GT,
    exp.GTE: Operator.GE,
}
_MIRRORED: Final = {
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
}


def too_deep() -> Malformed:
    """Return the refusal of a question nested beyond :data:`MAX_NESTING`."""
    return Malformed(
        "sql-too-deep",
        f"Brackets and NOTs are nested more than {MAX_NESTING} deep.",
        allowed="Use IN for lists of values and fewer brackets.",
    )


class Columns:
    """Reads column references of one question, whose table may be named before the column."""

    def __init__(self, qualifiers: frozenset[str]) -> None:
        self._qualifiers = qualifiers

    def read(self, node: object) -> str:
        """Return the name of the column that ``node`` refers to.

        Raises:
            Refusal: it is not a column of the question's one table.
        """
        if not isinstance(node, exp.Column):
            raise lesson(node)
        only(node, "this", "table")
        qualifier = node.args.get("table")
        if qualifier is not None and name_of(qualifier) not in self._qualifiers:
            raise NotAnswerable(
                "sql-name",
                "A column is named with a table that the question does not ask.",
                allowed="Write the column's name alone.",
            )
        return name_of(node.this)


def read_predicate(node: object, columns: Columns, *, depth: int = 0) -> Predicate:
    """Return the condition that ``node`` states.

    Raises:
        Refusal: it is not one of the conditions supported.
    """
    if depth > MAX_NESTING:
        raise too_deep()
    deeper = depth + 1
    match node:
        case exp.Paren():
            only(node, "this")
            return read_predicate(node.this, columns, depth=deeper)
        case exp.And():
            return All(tuple(read_predicate(part, columns, depth=deeper) for part in _chain(node, exp.And)))
        case exp.Or():
            return AnyOf(tuple(read_predicate(part, columns, depth=deeper) for part in _chain(node, exp.Or)))
        case exp.Not():
            only(node, "this")
            return Not(read_predicate(node.this, columns, depth=deeper))
        case _:
            return _simple(node, columns)


def _chain(node: exp.Connector, kind: type[exp.Connector]) -> list[object]:
    # A loop, because a thousand ANDs are a thousand levels of sqlglot's left-deep tree.
    parts: list[object] = []
    rest: object = node
    while isinstance(rest, kind):
        only(rest, "this", "expression")
        parts.append(rest.expression)
        rest = rest.this
    parts.append(rest)
    return parts[::-1]


def _simple(node: object, columns: Columns) -> Predicate:
    match node:
        case exp.Is():
            only(node, "this", "expression")
            if not isinstance(node.expression, exp.Null):
                raise NotAnswerable("sql-condition", "IS is for NULL only here.", allowed=CONDITIONS)
            return Missing(columns.read(node.this))
        case exp.In():
            only(node, "this", "expressions")
            if not node.expressions:
                raise NotAnswerable("sql-condition", "IN () holds no value.", allowed=CONDITIONS)
            return Among(columns.read(node.this), tuple(_literal(value) for value in node.expressions))
        case exp.Between():
            only(node, "this", "low", "high")
            column = columns.read(node.this)
            low, high = _literal(node.args.get("low")), _literal(node.args.get("high"))
            return All((Compare(column, Operator.GE, low), Compare(column, Operator.LE, high)))
        case exp.EQ() | exp.NEQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
            return _comparison(node, columns)
        case exp.Column() | exp.Boolean() | exp.Literal():
            raise NotAnswerable("sql-condition", "A condition must compare something.", allowed=CONDITIONS)
        case _:
            raise lesson(node)


def _comparison(node: exp.Binary, columns: Columns) -> Compare:
    only(node, "this", "expression")
    operator = _OPERATORS[type(node)]
    left, right = node.this, node.expression
    if isinstance(left, exp.Column) and isinstance(right, exp.Column):
        raise NotAnswerable(
            "sql-condition", "Two columns cannot be compared with each other yet.", allowed=CONDITIONS
        )
    if isinstance(left, exp.Column):
        return Compare(columns.read(left), operator, _literal(right))
    if isinstance(right, exp.Column):
        return Compare(columns.read(right), _MIRRORED.get(operator, operator), _literal(left))
    for side in (left, right):
        _literal(side)  # teaches about whichever side is not a plain value
    raise NotAnswerable("sql-condition", "Two values are compared, and no column.", allowed=CONDITIONS)


def _literal(node: object) -> Literal:
    match node:
        case exp.Paren():
            only(node, "this")
            return _literal(_inside(node))
        case exp.Boolean():
            only(node, "this")
            return bool(node.this)
        case exp.Literal():
            only(node, "this", "is_string")
            return str(node.this) if node.is_string else _number(str(node.this))
        case exp.Neg():
            only(node, "this")
            inner = node.this
            if isinstance(inner, exp.Literal) and not inner.is_string:
                number = _number(str(inner.this))
                # Not the minus sign: on a Decimal it would round to the context's 28 digits.
                negative = -number if isinstance(number, int) else number.copy_negate()
                return negative or 0  # SQL knows one zero
            raise lesson(node)
        case exp.Cast() if type(node) is exp.Cast:
            return _date(node)
        case exp.Null():
            raise NotAnswerable(
                "sql-null",
                "Comparing with NULL is never true.",
                allowed="Write column IS NULL or column IS NOT NULL.",
            )
        case _:
            raise lesson(node)


def _inside(node: exp.Paren) -> object:
    inner: object = node
    while isinstance(inner, exp.Paren):
        only(inner, "this")
        inner = inner.this
    return inner


def _number(text: str) -> int | Decimal:
    if len(text) > MAX_DIGITS or _NUMBER.fullmatch(text) is None:
        raise NotAnswerable(
            "sql-literal",
            f"A number is written in at most {MAX_DIGITS} plain digits here.",
            allowed="Write 1500 or 0.25, without an exponent.",
        )
    return int(text) if text.isdigit() else Decimal(text)


def _date(node: exp.Cast) -> date:
    only(node, "this", "to")
    text, kind = node.this, node.args.get("to")
    if not isinstance(kind, exp.DataType) or not isinstance(text, exp.Literal) or not text.is_string:
        raise lesson(node)
    only(kind, "this", "nested")
    if kind.this is not exp.DType.DATE:
        raise lesson(node)
    return read_date(str(text.this))


def read_date(text: str) -> date:
    """Return the day that ``YYYY-MM-DD`` spells.

    Raises:
        NotAnswerable: there is no such day, or it is spelled otherwise.
    """
    try:
        if _DATE.fullmatch(text) is not None:
            return date.fromisoformat(text)
    except ValueError:
        pass  # a day like 2025-02-30
    raise NotAnswerable(
        "sql-literal", "A date is not one of the calendar.", allowed="Write a date as '2025-01-31'."
    )
