"""Values written into a question: numbers, texts, TRUE and FALSE, days, and NULL where it may stand."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final

from sqlglot import exp

from sandbox.errors import NotAnswerable
from sandbox.query.expr import Literal
from sandbox.query.teach import lesson, only

MAX_DIGITS: Final = 40
"""Characters of one number; 64 bits need 20."""

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def inside(node: object) -> object:
    """Return what stands within the brackets around ``node``, if any."""
    while isinstance(node, exp.Paren):
        only(node, "this")
        node = node.this
    return node


def is_literal(node: object) -> bool:
    """Tell whether ``node`` is meant as a value: :func:`read_literal` reads it or refuses it."""
    node = inside(node)
    while type(node) is exp.Neg:
        node = inside(node.this)
    if type(node) is exp.Cast:
        return isinstance(node.this, exp.Literal)
    return isinstance(node, exp.Literal | exp.Boolean)


def read_literal(node: object) -> Literal:
    """Return the value that ``node`` spells.

    Raises:
        NotAnswerable: it is NULL, or no plain value.
    """
    node = inside(node)
    match node:
        case exp.Boolean():
            only(node, "this")
            return bool(node.this)
        case exp.Literal():
            only(node, "this", "is_string")
            return str(node.this) if node.is_string else _number(str(node.this))
        case exp.Neg():
            return _negative(node)
        case exp.Cast() if type(node) is exp.Cast:
            return _day(node)
        case exp.Null():
            raise NotAnswerable(
                "sql-null",
                "Comparing with NULL is never true.",
                allowed="Write column IS NULL or column IS NOT NULL.",
            )
        case _:
            raise lesson(node)


def read_whole(node: object) -> int | None:
    """Return the whole number that ``node`` spells, None if it is anything else."""
    if not is_literal(node):
        return None
    value = read_literal(node)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


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


def _number(text: str) -> int | Decimal:
    if len(text) > MAX_DIGITS or _NUMBER.fullmatch(text) is None:
        raise NotAnswerable(
            "sql-literal",
            f"A number is written in at most {MAX_DIGITS} plain digits here.",
            allowed="Write 1500 or 0.25, without an exponent.",
        )
    whole = text.removesuffix(".")
    return int(whole) if whole.isdigit() else Decimal(text)


def _negative(node: exp.Neg) -> int | Decimal:
    inner: object = node
    minus = 0  # a loop, because a thousand minus signs are as many levels
    while type(inner) is exp.Neg:
        only(inner, "this")
        minus, inner = minus + 1, inside(inner.this)
    if not isinstance(inner, exp.Literal) or inner.is_string:
        raise NotAnswerable(
            "sql-literal", "A minus sign stands before something that is no number.", allowed="Write -1.5."
        )
    number = _number(str(inner.this))
    if minus % 2 == 0:
        return number
    # Not the minus sign: on a Decimal it would round to the context's 28 digits.
    negative = -number if isinstance(number, int) else number.copy_negate()
    return negative or 0  # SQL knows one zero


def _day(node: exp.Cast) -> date:
    only(node, "this", "to")
    text, kind = node.this, node.args.get("to")
    if not isinstance(kind, exp.DataType) or not isinstance(text, exp.Literal) or not text.is_string:
        raise lesson(node)
    only(kind, "this", "nested")
    if kind.this is not exp.DType.DATE:
        raise lesson(node)
    return read_date(str(text.this))
