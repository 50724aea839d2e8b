"""FROM, JOIN and WITH: where the rows of a question come from.

A sub-query, and a CTE at each of its uses, is written out as what it makes: a row of each row
(:class:`Rows`), a row of each unit (:class:`PerUnit`), or such rows one after the other
(:class:`Stacked`). Whether a name is a table, and what joins are allowed, is for the policy to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sqlglot import exp

from sandbox.errors import NotAnswerable, Refusal
from sandbox.query.derived import distinct_columns, per_unit, row_by_row
from sandbox.query.expr import Join, PerUnit, Rows, Source, Stacked, Table
from sandbox.query.join import is_outer, join
from sandbox.query.scope import Meter, Scope
from sandbox.query.teach import JOINS, SHAPE, SUBQUERIES, lesson, name_of, only, too_large

MAX_SOURCES: Final = 8
"""Tables that one question reads, each as often as it is named, sub-queries included."""
MAX_LEVELS: Final = 8
"""Sub-queries inside one another, CTEs written out."""
DEFAULT_ALIAS: Final = "sub"
"""Of a sub-query without an alias."""

_Derived = Rows | PerUnit | Stacked


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads sources of one question, where some names are CTEs."""

    meter: Meter
    ctes: Mapping[str, _Derived] = field(default_factory=dict)

    def within(self, clause: object) -> Reader:
        """Return a reader that also knows the CTEs of a WITH clause; each knows those before it.

        Raises:
            Refusal: one is not a sub-query that is supported.
        """
        if clause is None:
            return self
        if type(clause) is not exp.With:
            raise lesson(clause)
        only(clause, "expressions")
        reader, names = self, set()
        for cte in clause.expressions:
            if type(cte) is not exp.CTE:
                raise lesson(cte)
            only(cte, "this", "alias", "materialized")
            name = _alias(cte.args.get("alias"))
            if name in names:
                raise _duplicate("Two CTEs have one name.")
            names.add(name)
            made = reader.derived(cte.this, name)
            reader = replace(reader, ctes={**reader.ctes, name: made})
        return reader

    def source(self, select: exp.Select) -> tuple[Source, Scope]:
        """Return what FROM and JOIN of ``select`` name, and what its columns mean.

        Raises:
            Refusal: a source or join that is not supported, or too many of them.
        """
        start = select.args.get("from_")
        if start is None:
            raise NotAnswerable("sql-no-table", "The question names no table.", allowed=SHAPE)
        if type(start) is not exp.From:
            raise lesson(start)
        only(start, "this")
        source = self._one(start.this)
        joins = select.args.get("joins") or []
        scope = Scope((_name(source),), meter=self.meter)
        if not joins and isinstance(source, Table):
            source = Table(source.name)  # columns name no source where there is one only
        for node in joins:
            if type(node) is not exp.Join:
                raise lesson(node)
            is_outer(node)  # before its table: the kind of join says more of what is wrong
            right = self._one(node.this)
            scope = replace(scope, sources=(*scope.sources, _name(right)))
            if len(set(scope.sources)) < len(scope.sources):
                raise _duplicate("Two sources have one name.")
            source, scope = join(source, right, node, scope)
            _not_too_large(source)
        return source, scope

    def derived(self, node: object, alias: str) -> _Derived:
        """Return what the sub-query ``node`` makes, under the name ``alias``.

        Raises:
            Refusal: it is not one of the kinds supported.
        """
        self.meter.count()
        made: _Derived
        match node:
            case exp.Subquery():
                only(node, "this")
                return self.derived(node.this, alias)
            case exp.Union():
                made = self._stacked(node, alias)
            case exp.Select():
                reader = self.within(node.args.get("with_"))
                source, scope = reader.source(node)
                make = row_by_row if node.args.get("group") is None else per_unit
                made = make(node, source, scope, alias)
            case _:
                raise lesson(node)
        _not_too_large(made)
        return made

    def _stacked(self, node: exp.Union, alias: str) -> Stacked:
        reader = self.within(node.args.get("with_"))
        parts = []
        for part in _stack(node):
            made = reader.derived(part, "")
            if not isinstance(made, Rows):
                raise NotAnswerable(
                    "sql-union",
                    "UNION ALL takes sub-queries that make one row of each row.",
                    allowed=SUBQUERIES,
                )
            parts.append(made)
        return Stacked(_aligned(parts), alias)

    def _one(self, node: object) -> Source:
        match node:
            case exp.Table():
                return self._table(node)
            case exp.Subquery() if isinstance(node.this, exp.Table):
                only(node.this, "this", "alias")
                raise NotAnswerable("sql-join", "A table stands in brackets.", allowed=JOINS)
            case exp.Subquery():
                only(node, "this", "alias")
                alias = node.args.get("alias")
                return self.derived(node.this, DEFAULT_ALIAS if alias is None else _alias(alias))
            case _:
                raise lesson(node)

    def _table(self, node: exp.Table) -> Source:
        only(node, "this", "alias")
        if isinstance(node.this, exp.Func):
            raise NotAnswerable(
                "sql-table-function", "Functions that make or read tables are never called.", allowed=SHAPE
            )
        name, written = name_of(node.this), node.args.get("alias")
        alias = name if written is None else _alias(written)
        if name in self.ctes:
            return replace(self.ctes[name], alias=alias)
        return Table(name, "" if alias == name else alias)


def _alias(node: object) -> str:
    if type(node) is not exp.TableAlias:
        raise lesson(node)
    only(node, "this")
    return name_of(node.this)


def _name(source: Source) -> str:
    if isinstance(source, Join):
        return ""
    return source.alias or (source.name if isinstance(source, Table) else "")


def _stack(node: object) -> list[object]:
    # The left spine in a loop: a hundred UNION ALLs are a hundred levels.
    parts: list[object] = []
    first = True
    while type(node) is exp.Union:
        only(node, "this", "expression", "distinct", *(("with_",) if first else ()))
        if node.args.get("distinct"):
            raise NotAnswerable(
                "sql-union",
                "UNION would remove equal rows, which no bound allows.",
                allowed="Write UNION ALL.",
            )
        parts.append(node.expression)
        node, first = node.this, False
    parts.append(node)
    return parts[::-1]


def _aligned(parts: list[Rows]) -> tuple[Rows, ...]:
    """Return ``parts`` with the column names of the first one, by position, as SQL has it."""
    if any(part.star for part in parts):
        return tuple(parts)
    names = [name for name, _ in parts[0].outputs]
    if any(len(part.outputs) != len(names) for part in parts):
        raise NotAnswerable(
            "sql-union", "The parts of UNION ALL have different numbers of columns.", allowed=SUBQUERIES
        )
    distinct_columns(names)
    return tuple(
        replace(part, outputs=tuple(zip(names, (value for _, value in part.outputs), strict=True)))
        for part in parts
    )


def _size(source: Source) -> tuple[int, int]:
    """Return how many tables ``source`` reads and how many sub-queries stand inside one another."""
    match source:
        case Table():
            return 1, 0
        case Join():
            left, right = _size(source.left), _size(source.right)
            return left[0] + right[0], max(left[1], right[1])
        case Stacked():
            sizes = [_size(part) for part in source.parts]
            return sum(tables for tables, _ in sizes), max(levels for _, levels in sizes)
        case Rows() | PerUnit():
            tables, levels = _size(source.source)
            return tables, levels + 1


def _not_too_large(source: Source) -> None:
    tables, levels = _size(source)
    if tables > MAX_SOURCES:
        raise too_large(f"A question reads at most {MAX_SOURCES} tables, each as often as it is named.")
    if levels > MAX_LEVELS:
        raise too_large(f"Sub-queries stand at most {MAX_LEVELS} deep inside one another.")


def _duplicate(sentence: str) -> Refusal:
    return NotAnswerable("sql-duplicate-name", sentence, allowed="Give each an alias of its own with AS.")
