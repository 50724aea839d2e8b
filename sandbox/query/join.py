"""JOIN: two sources side by side, matched on columns that must be equal."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from sandbox.errors import NotAnswerable, Refusal
from sandbox.query.expr import Column, Join, Source
from sandbox.query.literal import inside
from sandbox.query.predicate import chain
from sandbox.query.scope import Scope
from sandbox.query.teach import JOINS, name_of, only


def is_outer(node: exp.Join) -> bool:
    """Tell whether ``node`` is a LEFT JOIN; False is an inner one.

    Raises:
        NotAnswerable: it is a join of another kind.
    """
    only(node, "this", "side", "kind", "on", "using")
    side, kind = node.args.get("side") or "", node.args.get("kind") or ""
    if side in {"RIGHT", "FULL"}:
        raise _refused(f"A {side} JOIN is not supported.", "Begin with the other table, and write LEFT JOIN.")
    if (side, kind) not in {("", ""), ("", "INNER"), ("LEFT", ""), ("LEFT", "OUTER")}:
        raise _refused("A join of that kind is not supported.", JOINS)
    if node.args.get("on") is None and not node.args.get("using"):
        raise _refused(
            "Tables are joined without saying on what, which pairs every row with every row.", JOINS
        )
    return side == "LEFT"


def join(left: Source, right: Source, node: exp.Join, scope: Scope) -> tuple[Join, Scope]:
    """Return ``left`` and ``right`` joined as ``node`` says, and what columns mean after it.

    ``scope`` names the sources of both; the last is the right one.

    Raises:
        Refusal: they are not joined on columns that must be equal.
    """
    outer = is_outer(node)
    if node.args.get("using"):
        pairs = tuple(_shared(name_of(name), scope) for name in node.args["using"])
        merged = {one.name: one for one, _ in pairs if one.source}
        scope = replace(scope, merged={**scope.merged, **merged})
    else:
        pairs = tuple(_equal(part, scope) for part in _parts(node.args["on"]))
    return Join(left, right, pairs, outer), scope


def _parts(node: object) -> list[object]:
    return chain(inside(node), exp.And)


def _shared(name: str, scope: Scope) -> tuple[Column, Column]:
    *left, right = scope.sources
    # Of several sources to the left only the policy knows which one has the column.
    only_one = left[0] if len(left) == 1 else ""
    return scope.merged.get(name, Column(name, only_one)), Column(name, right)


def _equal(node: object, scope: Scope) -> tuple[Column, Column]:
    node = inside(node)
    if type(node) is not exp.EQ:
        raise _refused("Tables are joined on something else than equal columns.", JOINS)
    only(node, "this", "expression")
    sides = inside(node.this), inside(node.expression)
    if not all(isinstance(side, exp.Column) for side in sides):
        raise _refused("Tables are joined on something else than equal columns.", JOINS)
    one, other = scope.column(sides[0]), scope.column(sides[1])
    right = scope.sources[-1]
    if one.source == right:
        one, other = other, one
    if one.source == right or (other.source and other.source != right):
        raise _refused("ON compares two columns of one table.", JOINS)
    return one, other


def _refused(sentence: str, allowed: str) -> Refusal:
    return NotAnswerable("sql-join", sentence, allowed=allowed)
