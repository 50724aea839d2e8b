"""What a name can mean at one place of a question, and how much of the question is still allowed.

Reading goes as deep as the question is nested and writes some pieces out more than once (BETWEEN,
POWER, CASE x WHEN). Both are counted here, so that no question, however made, becomes a value that
is deep enough to exhaust the stack or many times as large as its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sqlglot import exp

from sandbox.errors import Malformed, NotAnswerable
from sandbox.query.expr import Column
from sandbox.query.teach import lesson, name_of, only, too_large

MAX_NESTING: Final = 32
"""Brackets inside one another, in the text; far below Python's recursion limit."""
MAX_DEPTH: Final = 60
"""Depth of one value or condition: a further operand of a chain ``a + b + c`` is worth 1, anything
else that stands inside another :data:`LEVEL`. Written out again, it needs a bracket for each level
at most, and so stays within :data:`MAX_NESTING`."""
LEVEL: Final = 3
MAX_TERMS: Final = 10_000
"""Values and conditions of one question, each as often as it is used."""


def too_deep() -> Malformed:
    """Return the refusal of a question nested beyond :data:`MAX_NESTING` or :data:`MAX_DEPTH`."""
    return Malformed(
        "sql-too-deep",
        f"Brackets are nested more than {MAX_NESTING} deep, or values and conditions more than "
        f"{MAX_DEPTH // LEVEL}.",
        allowed="Use IN for lists of values, fewer brackets, and a sub-query for a value of many steps.",
    )


@dataclass(slots=True)
class Meter:
    """Counts the terms of one question."""

    terms: int = 0

    def count(self) -> None:
        """Count one more term.

        Raises:
            NotAnswerable: there are more than :data:`MAX_TERMS`.
        """
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise too_large(f"A question has at most {MAX_TERMS} values and conditions, written out.")


@dataclass(frozen=True, slots=True)
class Scope:
    """The sources that the columns of one SELECT can come from."""

    sources: tuple[str, ...] = ()
    """Their aliases."""
    merged: Mapping[str, Column] = field(default_factory=dict)
    """What a column named in USING means where no source is named."""
    meter: Meter = field(default_factory=Meter)
    depth: int = 0

    def deeper(self, by: int = LEVEL) -> Scope:
        """Return the scope of something that stands inside.

        Raises:
            Malformed: that is too deep.
            NotAnswerable: the question has too many terms.
        """
        if self.depth + by > MAX_DEPTH:
            raise too_deep()
        self.meter.count()
        return replace(self, depth=self.depth + by)

    def column(self, node: object) -> Column:
        """Return the column that ``node`` names.

        Raises:
            Refusal: it is not a column of one of the sources.
        """
        if type(node) is not exp.Column:
            raise lesson(node)
        if isinstance(node.this, exp.Star):
            raise lesson(node.this)
        only(node, "this", "table")
        name, qualifier = name_of(node.this), node.args.get("table")
        if qualifier is None:
            return self.merged.get(name, Column(name))
        source = name_of(qualifier)
        if source not in self.sources:
            raise NotAnswerable(
                "sql-name",
                "A column is named with a table that the question does not ask.",
                allowed="Write the column's name alone, or the alias that FROM gives to its table.",
            )
        return Column(name, source if len(self.sources) > 1 else "")
