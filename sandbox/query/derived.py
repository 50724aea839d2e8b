"""The SELECT of a sub-query: what it makes of the rows of its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from sandbox.errors import NotAnswerable, Refusal
from sandbox.query.aggregate import holds_aggregate, read_aggregate
from sandbox.query.expr import Aggregate, Column, Function, PerUnit, Predicate, Rows, Scalar, Source
from sandbox.query.grouping import read_grouping
from sandbox.query.literal import inside
from sandbox.query.naming import default_name, written_name
from sandbox.query.predicate import read_predicate, read_scalar
from sandbox.query.resolve import Items
from sandbox.query.scope import Scope
from sandbox.query.teach import SUBQUERIES, lesson, only

OF_ONE_UNIT: Final = frozenset(
    {
        Function.COUNT_ROWS,
        Function.COUNT_VALUES,
        Function.SUM,
        Function.AVG,
        Function.MIN,
        Function.MAX,
    }
)
"""Aggregates over one unit's own rows."""


def read_where(select: exp.Select, scope: Scope) -> Predicate | None:
    """Return the condition of WHERE, None if there is none.

    Raises:
        Refusal: it is not one of the conditions supported.
    """
    where = select.args.get("where")
    if where is None:
        return None
    if type(where) is not exp.Where:
        raise lesson(where)
    only(where, "this")
    if holds_aggregate(where.this) and not where.find(exp.Query):
        raise NotAnswerable(
            "sql-condition",
            "WHERE looks at single rows, and an aggregate is of many.",
            allowed="Put the condition on the aggregate into HAVING.",
        )
    return read_predicate(where.this, scope)


def row_by_row(select: exp.Select, source: Source, scope: Scope, alias: str) -> Rows:
    """Return the sub-query that makes one row of each row of ``source``.

    Raises:
        Refusal: it does anything else.
    """
    only(select, "expressions", "from_", "joins", "where", "with_")
    outputs: list[tuple[str, Scalar]] = []
    stars = 0
    for node in select.expressions:
        if _is_star(node, scope):
            stars += 1
            continue
        name, of = written_name(node)
        if holds_aggregate(of) and not of.find(exp.Window, exp.Query):
            raise _refused("A sub-query with an aggregate and without GROUP BY makes one row of all.")
        value = read_scalar(of, scope)
        outputs.append((name or _name_of_column(value), value))
    if stars > 1 or not (stars or outputs):
        raise _refused("A sub-query passes on no column, or * twice.")
    distinct_columns([name for name, _ in outputs])
    return Rows(source, tuple(outputs), read_where(select, scope), alias, bool(stars))


def per_unit(select: exp.Select, source: Source, scope: Scope, alias: str) -> PerUnit:
    """Return the sub-query that makes one row of all rows of a unit.

    Raises:
        Refusal: it does anything else.
    """
    only(select, "expressions", "from_", "joins", "where", "group", "with_")
    items = Items.of(select)
    grouping = read_grouping(select.args.get("group"), lambda node: read_scalar(items.meant(node), scope))
    if len(grouping.keys) != 1 or grouping.sets or not isinstance(grouping.keys[0], Column):
        raise _refused("GROUP BY in a sub-query takes one column, the unit.")
    unit = grouping.keys[0]
    outputs = tuple(_of_unit(node, unit, scope) for node in select.expressions)
    if not outputs:
        raise _refused("A sub-query passes on no column.")
    distinct_columns([name for name, _ in outputs])
    return PerUnit(source, unit, outputs, read_where(select, scope), alias)


def distinct_columns(names: Sequence[str]) -> None:
    """Require that no name of a sub-query's columns stands twice.

    Raises:
        NotAnswerable: one does.
    """
    if len(set(names)) < len(names):
        raise NotAnswerable(
            "sql-duplicate-name",
            "Two columns of a sub-query have one name.",
            allowed="Give each a name of its own with AS.",
        )


def _is_star(node: object, scope: Scope) -> bool:
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        only(node, "this", "table")
        if len(scope.sources) > 1:
            raise _refused("Of joined tables, the columns of one are not passed on as a whole.")
        scope.column(exp.column("star", node.args.get("table")))  # the qualifier must be the source
        node = node.this
    if not isinstance(node, exp.Star):
        return False
    only(node)
    return True


def _of_unit(node: object, unit: Column, scope: Scope) -> tuple[str, Column | Aggregate]:
    name, written = written_name(node)
    of = inside(written)
    if isinstance(of, exp.Column):
        if scope.column(of) != unit:
            raise _refused("A column of a sub-query is neither what it groups by nor an aggregate.")
        return name or unit.name, unit
    if isinstance(of, exp.Binary | exp.Neg | exp.Round):
        raise _refused("A sub-query passes on each aggregate as it is.")
    aggregate = read_aggregate(of, scope)
    if aggregate.function not in OF_ONE_UNIT:
        raise _refused("Of one unit's own rows, COUNT, SUM, AVG, MIN and MAX are known.")
    return name or default_name(aggregate)[0], aggregate


def _name_of_column(value: Scalar) -> str:
    if isinstance(value, Column):
        return value.name
    raise NotAnswerable(
        "sql-name",
        "A value of a sub-query has no name.",
        allowed="Give it one with AS, as in cost * 2 AS double.",
    )


def _refused(sentence: str) -> Refusal:
    return NotAnswerable("sql-subquery", sentence, allowed=SUBQUERIES)
