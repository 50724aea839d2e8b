"""What an item of GROUP BY or ORDER BY means: a position, a name given with AS, or what it says."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from sandbox.errors import NotAnswerable, Refusal
from sandbox.query.aggregate import holds_aggregate
from sandbox.query.literal import inside, is_literal, read_whole
from sandbox.query.naming import written_name
from sandbox.query.teach import lesson, name_of


@dataclass(frozen=True, slots=True)
class Items:
    """The SELECT list as it is written."""

    nodes: tuple[exp.Expr, ...]
    """What each item shows, without its name."""
    names: tuple[str | None, ...]
    """The name that each is given with AS, if any."""

    @classmethod
    def of(cls, select: exp.Select) -> Items:
        """Return the items of ``select``.

        Raises:
            Refusal: a name is not one that can be given.
        """
        written = [written_name(node) for node in select.expressions]
        return cls(tuple(of for _, of in written), tuple(name for name, _ in written))

    def meant(self, node: object) -> exp.Expr:
        """Return the expression that ``node``, an item of GROUP BY, groups by.

        A bare name is a column if the list shows that column, else a name given with AS, else a
        column: a key must be shown, so no other reading would be answered.

        Raises:
            Refusal: a position or name of something that is no key.
        """
        node = inside(node)
        if not isinstance(node, exp.Expr):
            raise lesson(node)
        if is_literal(node):
            return self._key(self.position(node))
        if holds_aggregate(node):
            raise _an_aggregate()
        name = _bare_name(node)
        if name is None or any(_bare_name(inside(shown)) == name for shown in self.nodes):
            return node
        if name in self.names:
            return self._key(self.names.index(name), name)
        return node

    def position(self, node: object) -> int:
        """Return which item a position number means, from 0.

        Raises:
            NotAnswerable: it is no number of an item.
        """
        number = read_whole(node)
        if number is None or not 1 <= number <= len(self.nodes):
            raise NotAnswerable(
                "sql-position",
                "GROUP BY or ORDER BY names a value that is no position in the SELECT list.",
                allowed="Name the column or its alias, or write its position from 1.",
            )
        return number - 1

    def _key(self, index: int, name: str | None = None) -> exp.Expr:
        node = self.nodes[index]
        if holds_aggregate(node):
            raise _an_aggregate()
        if name is not None and any(_bare_name(part) == name for part in node.walk()):
            raise NotAnswerable(
                "sql-group-by",
                "A name in GROUP BY is both a column and an alias of something made of it.",
                allowed="Give it another alias, or write in GROUP BY what the SELECT list says.",
            )
        if is_literal(node):
            raise NotAnswerable("sql-group-by", "GROUP BY names a value alone.", allowed="Group by columns.")
        return node


def _an_aggregate() -> Refusal:
    return NotAnswerable(
        "sql-group-by", "GROUP BY names an aggregate.", allowed="Group by columns and values of a row."
    )


def _bare_name(node: object) -> str | None:
    """Return the name of a column that is written without its table."""
    if type(node) is not exp.Column or not isinstance(node.this, exp.Identifier):
        return None
    return None if node.args.get("table") is not None else name_of(node.this)
