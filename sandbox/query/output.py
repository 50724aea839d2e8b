"""The columns of the answer, and HAVING, ORDER BY and LIMIT, which look at nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from sandbox.errors import NotAnswerable, Refusal
from sandbox.query.aggregate import holds_aggregate
from sandbox.query.digest import same_formula
from sandbox.query.expr import Column, Condition, Formula, Key, Order, Output
from sandbox.query.formula import Shown, read_condition, read_formula
from sandbox.query.grouping import Grouping
from sandbox.query.literal import inside, is_literal, read_whole
from sandbox.query.naming import default_name, distinct_names, numbered
from sandbox.query.predicate import read_scalar
from sandbox.query.resolve import Items
from sandbox.query.scope import Scope
from sandbox.query.teach import AGGREGATES, lesson, name_of, only, too_large

MAX_OUTPUTS: Final = 40
"""Columns of one answer; each noisy one gives three."""
MAX_AGGREGATES: Final = 64
"""Aggregates of one question, each as often as a formula uses it."""
MAX_LIMIT: Final = 10_000
"""Rows of an answer that LIMIT may name."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """The SELECT list, read."""

    items: Items
    grouping: Grouping
    scope: Scope
    columns: tuple[Key | Output, ...]

    def having(self, clause: object) -> Condition | None:
        """Return what HAVING asks of the noisy numbers; None if there is no HAVING.

        Raises:
            Refusal: it looks at anything but aggregates.
        """
        if clause is None:
            return None
        if type(clause) is not exp.Having:
            raise lesson(clause)
        only(clause, "this")
        formulas, keys = {}, {key.name for key in self.grouping.keys if isinstance(key, Column)}
        for node, column in zip(self.items.nodes, self.columns, strict=True):
            if isinstance(column, Output):
                formulas[column.name] = node
            else:
                keys.add(column.name)
        return read_condition(clause.this, Shown(self.scope, formulas, frozenset(keys)))

    def order(self, clause: object) -> tuple[Order, ...]:
        """Return by which columns of the answer ORDER BY sorts.

        Raises:
            Refusal: it sorts by anything else, or puts empty values first.
        """
        if clause is None:
            return ()
        if type(clause) is not exp.Order:
            raise lesson(clause)
        only(clause, "expressions")
        return tuple(self._order(node) for node in clause.expressions)

    def _order(self, node: object) -> Order:
        if type(node) is not exp.Ordered:
            raise lesson(node)
        if node.args.get("nulls_first"):
            raise NotAnswerable(
                "sql-order-by", "Empty values are always last.", allowed="Leave NULLS FIRST out."
            )
        only(node, "this", "desc", "nulls_first")
        return Order(self._sorted_by(inside(node.this)), bool(node.args.get("desc")))

    def _sorted_by(self, node: object) -> str:
        if is_literal(node):
            return self.columns[self.items.position(node)].name
        if not isinstance(node, exp.Expr) or isinstance(node, exp.Var):
            raise _not_shown()
        if isinstance(node, exp.Column) and node.args.get("table") is None:
            name = name_of(node.this)
            if any(column.name == name for column in self.columns):
                return name
        if holds_aggregate(node):
            formula = read_formula(node, Shown(self.scope, {}))
            for column in self.columns:
                if isinstance(column, Output) and same_formula(column.formula, formula):
                    return column.name
            raise _not_shown()
        index = self.grouping.index(read_scalar(node, self.scope))
        for column in self.columns:
            if isinstance(column, Key) and column.index == index:
                return column.name
        raise _not_shown()


def read_outputs(items: Items, grouping: Grouping, scope: Scope) -> Outputs:
    """Return the columns of the answer.

    Raises:
        Refusal: one is neither a key nor made of aggregates, a key is not shown, two have one name.
    """
    if len(items.nodes) > MAX_OUTPUTS:
        raise too_large(f"An answer has at most {MAX_OUTPUTS} columns.")
    read = [_read(node, grouping, scope) for node in items.nodes]
    if all(isinstance(part, int) for part in read):
        raise NotAnswerable("row-output", "The question asks for no aggregate.", allowed=AGGREGATES)
    if set(range(len(grouping.keys))) - {part for part in read if isinstance(part, int)}:
        raise NotAnswerable(
            "key-not-shown",
            "A key of GROUP BY is not in the SELECT list, so its groups could not be told apart.",
            allowed="Add it to the SELECT list, or leave it out of GROUP BY.",
        )
    names = _names(items, read, grouping)
    columns = tuple(
        Key(part, name) if isinstance(part, int) else Output(part, name)
        for part, name in zip(read, names, strict=True)
    )
    distinct_names([(column.name, isinstance(column, Output)) for column in columns])
    return Outputs(items, grouping, scope, columns)


def read_limit(clause: object) -> int | None:
    """Return how many rows of the answer LIMIT shows; None if there is no LIMIT.

    Raises:
        NotAnswerable: it is no number from 1 to :data:`MAX_LIMIT`.
    """
    if clause is None:
        return None
    limit = None
    if type(clause) is exp.Limit:
        only(clause, "expression")
        limit = read_whole(clause.expression)
    if limit is None or not 1 <= limit <= MAX_LIMIT:
        raise NotAnswerable(
            "sql-limit",
            f"LIMIT takes a whole number from 1 to {MAX_LIMIT}.",
            allowed="Write LIMIT 10 at the end of the question.",
        )
    return limit


def _read(node: exp.Expr, grouping: Grouping, scope: Scope) -> int | Formula:
    node = _bare(node)
    if holds_aggregate(node):
        return read_formula(node, Shown(scope, {}))
    if isinstance(node, exp.Query | exp.Subquery):
        raise lesson(node)
    if is_literal(node):
        raise NotAnswerable("sql-expression", "A value alone is not a question.", allowed=AGGREGATES)
    scalar = read_scalar(node, scope)
    index = grouping.index(scalar)
    if index is not None:
        return index
    what = "A column stands" if isinstance(scalar, Column) else "A value of single rows stands"
    raise NotAnswerable(
        "row-output",
        f"{what} alone in SELECT without being grouped by, which would show rows.",
        allowed="Name it in GROUP BY as it is written in SELECT, or put it inside an aggregate.",
    )


def _bare(node: exp.Expr) -> exp.Expr:
    bare = inside(node)
    if not isinstance(bare, exp.Expr):
        raise lesson(bare)
    return bare


def _names(items: Items, read: list[int | Formula], grouping: Grouping) -> list[str]:
    wanted = []
    for name, part in zip(items.names, read, strict=True):
        if name is not None:
            wanted.append((name, True))
        elif isinstance(part, int):
            default, fixed = default_name(grouping.keys[part])
            wanted.append((default or "key", fixed))
        else:
            default, fixed = default_name(part)
            wanted.append((default or "value", fixed))
    return numbered(wanted)


def _not_shown() -> Refusal:
    return NotAnswerable(
        "sql-order-by",
        "ORDER BY names something that is not in the SELECT list.",
        allowed="Sort by a column of the answer: its name, its position, or as it is written in SELECT.",
    )
