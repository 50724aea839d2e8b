"""The names a question may use in one place, and what each may be used for.

A name that is not here is refused with the sentence that helps most: hidden, not opened, unknown with
the nearest name, or ambiguous between two tables.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.errors import NotAllowed, NotAnswerable
from sandbox.policy.dataset import ColumnPolicy, TablePolicy, Use
from sandbox.query.expr import Column
from sandbox.query.typed import Field

WORDS = frozenset({"count", "sum", "avg", "variance", "covariance", "quantile"})
"""Everything a value may be asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """One usable name."""

    field: Field
    words: frozenset[str]
    """What aggregates of it may be asked for."""
    is_unit: bool = False
    policy: ColumnPolicy | None = None
    """Of a column of a table; None for one that a sub-query made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The names that one source offers."""

    names: Mapping[tuple[str, str], Name]
    """By alias of the source and name of the column."""
    tables: Mapping[str, TablePolicy] = field(default_factory=dict)
    """The tables behind aliases, to tell why a name is missing."""

    def merged(self, other: Scope) -> Scope:
        """Return the names of two sources side by side.

        Raises:
            NotAnswerable: they have one alias.
        """
        if {alias for alias, _ in self.names} & {alias for alias, _ in other.names}:
            raise NotAnswerable(
                "sql-alias", "Two sources have one name.", allowed="Give each an alias of its own."
            )
        return Scope(names={**self.names, **other.names}, tables={**self.tables, **other.tables})

    def find(self, column: Column) -> Name:
        """Return what ``column`` refers to; the unit included.

        Raises:
            NotAllowed: the column exists and is not opened.
            NotAnswerable: there is none, or more than one.
        """
        fits = [
            name
            for (alias, known), name in self.names.items()
            if known == column.name and column.source in {"", alias}
        ]
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise NotAnswerable(
                "sql-name",
                f"The column {column.name} stands in more than one of the sources.",
                allowed="Write the source's name before it, as in visits.district.",
            )
        raise self._absent(column)

    def value(self, column: Column) -> Name:
        """Return what ``column`` refers to where a value is meant, not a person.

        Raises:
            NotAllowed: it is the unit, or is not opened.
            NotAnswerable: there is none, or more than one.
        """
        found = self.find(column)
        if found.is_unit:
            raise NotAllowed(
                "unit-not-usable",
                f"The column {column.name} says whose row it is: no question is about a named person.",
                allowed=f"Write COUNT(DISTINCT {column.name}) for persons, COUNT(*) for rows.",
            )
        return found

    def group_keys(self) -> list[str]:
        """Return the names that may group as they are, sorted."""
        return sorted(name for (_, name), it in self.names.items() if it.field.type.values and not it.is_unit)

    def offers(self) -> list[str]:
        """Return the aggregates of columns that may be asked for, sorted."""
        return sorted(
            f"{word.upper()}({name})"
            for (_, name), it in self.names.items()
            if it.policy is not None
            for word in it.policy.functions
        )

    def unit_name(self) -> str:
        """Return the name of the unit."""
        return next(name for (_, name), it in self.names.items() if it.is_unit)

    def _absent(self, column: Column) -> NotAllowed | NotAnswerable:
        for alias, table in self.tables.items():
            if column.source in {"", alias} and column.name in table.columns:
                return self._closed(column.name, table.columns[column.name])
        known = sorted({name for _, name in self.names})
        near = difflib.get_close_matches(column.name, known, n=1)
        return NotAnswerable(
            "unknown-column",
            "There is no such column here.",
            allowed=f"Did you mean {near[0]}?" if near else offer("You may use", known),
        )

    def _closed(self, name: str, policy: ColumnPolicy) -> NotAllowed:
        opened = sorted(known for (_, known), it in self.names.items() if not it.is_unit)
        if policy.use is Use.HIDDEN:
            return NotAllowed(
                "hidden-column",
                f"The column {name} is hidden from every question.",
                allowed=offer("The authorization opens", opened),
            )
        return NotAllowed(
            "column-out-of-scope",
            f"The column {name} is not opened by the authorization.",
            allowed=offer("It opens", opened),
        )


def offer(words: str, names: list[str]) -> str:
    """Return the sentence that lists what may be used instead."""
    return f"{words}: {', '.join(names)}." if names else f"{words}: nothing here."
