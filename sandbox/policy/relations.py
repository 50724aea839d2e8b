"""From the FROM clause to a relation whose every row belongs to one unit, boundedly many to each.

What bounds them: a table of the copy has at most its contribution bound of rows a unit; a public table
is joined on its unique key and adds no row; two private tables are joined on the unit alone; a
sub-query makes one row of a row, or one row of all rows of a unit; UNION ALL adds the bounds up.
Anything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.errors import NotAllowed, NotAnswerable
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.columns import UNIT, type_of, words_of
from sandbox.policy.dataset import DatasetPolicy, TablePolicy, Use
from sandbox.policy.per_unit import of_unit
from sandbox.policy.scope import Name, Scope
from sandbox.policy.terms import term_of, test_of
from sandbox.policy.words import words_in
from sandbox.query import choices
from sandbox.query.expr import (
    Column,
    Join,
    PerUnit,
    Rows,
    Scalar,
    Source,
    Stacked,
    Table,
)
from sandbox.query.typed import (
    Base,
    Derived,
    Field,
    Joined,
    OfUnit,
    PerUnitRows,
    Relation,
    Term,
    Union,
    unit_of,
)

UNIT_NAME = "_unit"
"""Name of the unit's column in every sub-query; no policy and no question can give it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A source and the names it offers."""

    relation: Relation
    scope: Scope

    @property
    def unit(self) -> Field:
        """The unit's field.

        Raises:
            NotAnswerable: the source is public and belongs to nobody.
        """
        found = unit_of(self.relation)
        if found is None:
            raise NotAnswerable(
                "public-only",
                "The question asks public tables only, which hold nobody's data.",
                allowed="Read a public table itself; here, join it to a table of persons.",
            )
        return found


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens the sources of one question under one authorization."""

    dataset: DatasetPolicy
    granted: AuthorizationPolicy

    def open(self, source: Source) -> Opened:
        """Return the relation that ``source`` states, with the names it offers.

        Raises:
            NotAllowed: a table or column is not opened.
            NotAnswerable: nothing bounds how many rows one unit makes.
        """
        match source:
            case Table():
                return self._table(source)
            case Rows():
                return self._rows(source, source.alias)
            case PerUnit():
                return self._per_unit(source)
            case Stacked():
                return self._stacked(source)
            case Join():
                return self._join(source)

    def _table(self, source: Table) -> Opened:
        if source.name not in self.granted.tables:
            raise NotAllowed(
                "table-out-of-scope",
                "This table is not opened by the authorization.",
                allowed=f"It opens: {', '.join(sorted(self.granted.tables))}.",
            )
        table, alias = self.dataset.tables[source.name], source.alias or source.name
        opened = {name: table.columns[name] for name in self.granted.tables[source.name]}
        names = {
            (alias, name): Name(
                field=Field(alias, name, type_of(column)), words=words_of(column), policy=column
            )
            for name, column in opened.items()
            if column.use not in {Use.HIDDEN, Use.UNIT_ID}
        }
        unit = None if table.public else Field(alias, table.unit_column, UNIT)
        if unit is not None:
            names[alias, unit.name] = Name(field=unit, words=frozenset(), is_unit=True)
        base = Base(
            name=source.name,
            alias=alias,
            unit=unit,
            max_rows=table.max_rows_per_unit,
            stored_rows=table.stored_rows_per_unit,
        )
        return Opened(base, Scope(names=names, tables={alias: table}))

    def _rows(self, source: Rows, alias: str) -> Opened:
        inner = self.open(source.source)
        given = [(name, Column(name, at)) for at, name in inner.scope.names] if source.star else []
        columns: list[tuple[str, Term]] = [(UNIT_NAME, inner.unit)]
        names: dict[tuple[str, str], Name] = {}
        for name, scalar in [*given, *source.outputs]:
            if (alias, name) in names:
                raise _twice()
            made = _passed(name, scalar, inner.scope, alias)
            names[alias, name] = made
            if not made.is_unit:
                columns.append((name, term_of(scalar, inner.scope)))
        relation = Derived(
            alias=alias,
            columns=tuple(columns),
            unit=Field(alias, UNIT_NAME, UNIT),
            source=inner.relation,
            where=None if source.where is None else test_of(source.where, inner.scope),
        )
        return Opened(relation, Scope(names=names))

    def _per_unit(self, source: PerUnit) -> Opened:
        inner, alias = self.open(source.source), source.alias
        if not inner.scope.find(source.unit).is_unit:
            raise NotAnswerable(
                "not-per-unit",
                "A sub-query groups by something else than the unit.",
                allowed=f"Inside, GROUP BY {inner.scope.unit_name()} alone; group by others outside.",
            )
        unit = Field(alias, UNIT_NAME, UNIT)
        names: dict[tuple[str, str], Name] = {}
        columns: list[tuple[str, OfUnit]] = []
        for name, made in source.outputs:
            if (alias, name) in names:
                raise _twice()
            if isinstance(made, Column):
                names[alias, name] = Name(field=unit, words=frozenset(), is_unit=True)
                continue
            computed, words = of_unit(made, inner.relation, inner.scope)
            columns.append((name, computed))
            names[alias, name] = Name(field=Field(alias, name, computed.type), words=words)
        relation = PerUnitRows(
            alias=alias,
            unit=unit,
            unit_inside=inner.unit,
            columns=tuple(columns),
            source=inner.relation,
            where=None if source.where is None else test_of(source.where, inner.scope),
        )
        return Opened(relation, Scope(names=names))

    def _stacked(self, source: Stacked) -> Opened:
        alias = source.alias
        parts = [self._rows(part, f"{alias}_{index}") for index, part in enumerate(source.parts)]
        rows = [list(part.scope.names.items()) for part in parts]
        if len({len(row) for row in rows}) > 1 or any(
            len({name.is_unit for _, name in column}) > 1 for column in zip(*rows, strict=False)
        ):
            raise NotAnswerable(
                "sql-union",
                "The parts of UNION ALL have different columns.",
                allowed="Select the same columns in the same order in each part.",
            )
        inside = [dict(part.relation.columns) for part in parts if isinstance(part.relation, Derived)]
        names: dict[tuple[str, str], Name] = {}
        made: list[list[tuple[str, Term]]] = [[(UNIT_NAME, columns[UNIT_NAME])] for columns in inside]
        for column in zip(*rows, strict=True):
            name = column[0][0][1]
            if column[0][1].is_unit:
                names[alias, name] = Name(
                    field=Field(alias, UNIT_NAME, UNIT), words=frozenset(), is_unit=True
                )
                continue
            terms = choices.alike([columns[key[1]] for columns, (key, _) in zip(inside, column, strict=True)])
            for target, term in zip(made, terms, strict=True):
                target.append((name, term))
            words = frozenset.intersection(*(part.words for _, part in column))
            kind = choices.hull([term.type for term in terms])
            names[alias, name] = Name(field=Field(alias, name, kind), words=words)
        derived = tuple(
            Derived(
                alias=part.relation.alias,
                columns=tuple(columns),
                unit=part.relation.unit,
                source=part.relation.source,
                where=part.relation.where,
            )
            for part, columns in zip(parts, made, strict=True)
            if isinstance(part.relation, Derived)
        )
        union = Union(alias=alias, parts=derived, unit=Field(alias, UNIT_NAME, UNIT))
        return Opened(union, Scope(names=names))

    def _join(self, source: Join) -> Opened:
        left, right = self.open(source.left), self.open(source.right)
        pairs = tuple(_pair(pair, left, right) for pair in source.on)
        if unit_of(left.relation) is None and unit_of(right.relation) is not None and not source.outer:
            left, right = right, left
            pairs = tuple((two, one) for one, two in pairs)
        scope = left.scope.merged(right.scope)
        joined = Joined(left=left.relation, right=right.relation, on=pairs, outer=source.outer)
        _require_unit_on_the_left(left)
        if unit_of(right.relation) is None:
            self._require_unique(right.relation, pairs)
            return Opened(joined, _missing_allowed(scope, right.scope) if source.outer else scope)
        _require_on_unit(left, right, pairs)
        return Opened(joined, _one_unit(scope, right.scope, outer=source.outer))

    def _require_unique(self, right: Relation, pairs: tuple[tuple[Field, Field], ...]) -> None:
        key: set[str] = set()
        if isinstance(right, Base):
            key = set(self._policy(right).unique_key)
        if not key or {field.name for _, field in pairs} != key:
            raise NotAnswerable(
                "join-not-unique",
                "A public table is joined on something else than its unique key, so one row could find many.",
                allowed=f"Join it on: {', '.join(sorted(key))}." if key else "Join the public table itself.",
            )

    def _policy(self, base: Base) -> TablePolicy:
        return self.dataset.tables[base.name]


def _twice() -> NotAnswerable:
    return NotAnswerable(
        "sql-duplicate-name",
        "A sub-query gives two columns one name.",
        allowed="Give each a name of its own with AS.",
    )


def _passed(name: str, scalar: Scalar, inner: Scope, alias: str) -> Name:
    if isinstance(scalar, Column):
        found = inner.find(scalar)
        if found.is_unit:
            return Name(field=Field(alias, UNIT_NAME, UNIT), words=frozenset(), is_unit=True)
    term = term_of(scalar, inner)
    return Name(field=Field(alias, name, term.type), words=words_in(scalar, inner))


def _pair(pair: tuple[Column, Column], left: Opened, right: Opened) -> tuple[Field, Field]:
    """Return the two fields of one equality, the left source's first, whichever way it was written."""
    one, two = pair
    both = left.scope.merged(right.scope)
    first, second = both.find(one), both.find(two)
    if first.field.source in {alias for alias, _ in right.scope.names}:
        first, second = second, first
    if (first.field.source, second.field.source) not in {
        (a, b) for a, _ in left.scope.names for b, _ in right.scope.names
    }:
        raise NotAnswerable(
            "sql-join",
            "ON compares two columns of one source.",
            allowed="Compare a column of one source with one of the other.",
        )
    kinds = first.field.type, second.field.type
    if (kinds[0].kind, kinds[0].decimals) != (kinds[1].kind, kinds[1].decimals):
        raise NotAnswerable(
            "sql-join",
            "ON compares values of different kinds.",
            allowed="Join on columns of one kind with equal decimals.",
        )
    return first.field, second.field


def _require_unit_on_the_left(left: Opened) -> None:
    if unit_of(left.relation) is None:
        raise NotAnswerable(
            "join-public-first",
            "A public table stands first in a LEFT JOIN, so rows could belong to nobody.",
            allowed="Write the table of persons first.",
        )


def _require_on_unit(left: Opened, right: Opened, pairs: tuple[tuple[Field, Field], ...]) -> None:
    if pairs != ((left.unit, right.unit),):
        raise NotAnswerable(
            "join-not-on-unit",
            "Two tables of persons are joined on something else than the person.",
            allowed=f"Join them on {left.scope.unit_name()} alone, and put other conditions into WHERE.",
        )
    if set(_tables(left.relation)) & set(_tables(right.relation)):
        raise NotAnswerable(
            "self-join",
            "A table is joined with itself.",
            allowed="Compute per person in a sub-query that groups by the person, and join nothing.",
        )


def _tables(relation: Relation) -> Iterator[str]:
    match relation:
        case Base():
            if relation.unit is not None:
                yield relation.name
        case Joined():
            yield from _tables(relation.left)
            yield from _tables(relation.right)
        case Derived() | PerUnitRows():
            yield from _tables(relation.source)
        case Union():
            for part in relation.parts:
                yield from _tables(part)


def _missing_allowed(scope: Scope, right: Scope) -> Scope:
    """Return ``scope`` with the right side's values nullable, as LEFT JOIN makes them."""
    names = {key: _may_miss(name) if key in right.names else name for key, name in scope.names.items()}
    return Scope(names=names, tables=scope.tables)


def _may_miss(name: Name) -> Name:
    field = name.field
    kind = choices.hull([field.type, choices.null_like(field).type])
    return Name(
        field=Field(field.source, field.name, kind),
        words=name.words,
        is_unit=name.is_unit,
        policy=name.policy,
    )


def _one_unit(scope: Scope, right: Scope, *, outer: bool) -> Scope:
    """Return ``scope`` with the left side's unit as the only one."""
    kept = Scope(
        names={key: name for key, name in scope.names.items() if not (key in right.names and name.is_unit)},
        tables=scope.tables,
    )
    return _missing_allowed(kept, right) if outer else kept
