"""Whether each column of a question may be used the way it is used, and its values typed.

Literals come out as the column's own type, exactly: nothing is rounded or cast, and what does not
fit is refused with the form that would.
"""

from __future__ import annotations

import difflib
from datetime import date
from decimal import Decimal

from sandbox.errors import NotAllowed, NotAnswerable
from sandbox.policy.dataset import LARGEST_INTEGER, ColumnPolicy, ColumnType, TablePolicy, Use
from sandbox.policy.values import fixed_point
from sandbox.query.expr import (
    Aggregate,
    All,
    Among,
    AnyOf,
    Compare,
    Function,
    Literal,
    Missing,
    Not,
    Operator,
    Predicate,
)
from sandbox.query.predicate import read_date

_EQUALITY = frozenset({Operator.EQ, Operator.NE})
_UNORDERED = frozenset({ColumnType.TEXT, ColumnType.BOOLEAN})
_WORDS = {Function.COUNT_VALUES: "count", Function.SUM: "sum", Function.AVG: "avg"}
_SHOWN_VALUES = 20


class OpenedColumns:
    """The columns of one table that one authorization opens."""

    def __init__(self, table: TablePolicy, *, opened: frozenset[str]) -> None:
        self._table = table
        self._opened = {name: column for name, column in table.columns.items() if name in opened}

    def require_key(self, name: str) -> None:
        """Require that ``name`` may group.

        Raises:
            NotAllowed: the column is not opened.
            NotAnswerable: it is opened, and not for grouping.
        """
        if self._column(name).use is not Use.GROUP_KEY:
            raise NotAnswerable(
                "not-a-group-key",
                f"The column {name} cannot group: its possible values are not public.",
                allowed=self._offer("You may group by", self._named(Use.GROUP_KEY)),
            )

    def require_aggregate(self, aggregate: Aggregate) -> None:
        """Require that the aggregate may be asked for.

        Raises:
            NotAllowed: the column is not opened, or not for this function.
            NotAnswerable: the function means nothing for this column.
        """
        name, unit = aggregate.column, self._table.unit_column
        if name is None:
            return
        if aggregate.function is Function.COUNT_UNITS:
            if name != unit:
                self._column(name)  # an unknown column is told as such
                raise NotAnswerable(
                    "distinct-not-unit",
                    "Only persons are counted distinctly; other values would tell of single rows.",
                    allowed=f"Write COUNT(DISTINCT {unit}), or GROUP BY a column.",
                )
            return
        if name == unit:
            raise NotAllowed(
                "unit-not-usable",
                f"The column {unit} says whose row it is and is only counted distinctly.",
                allowed=f"Write COUNT(DISTINCT {unit}) for persons, COUNT(*) for rows.",
            )
        column, word = self._column(name), _WORDS[aggregate.function]
        if word not in column.functions:
            may = sorted(
                f"{function.upper()}({other})"
                for other, it in self._opened.items()
                for function in it.functions
            )
            raise NotAllowed(
                "function-not-allowed",
                f"{word.upper()} of {name} is not allowed.",
                allowed=self._offer("You may ask for", ["COUNT(*)", f"COUNT(DISTINCT {unit})", *may]),
            )

    def typed(self, part: Predicate) -> Predicate:
        """Return the condition with each literal in its column's type.

        Raises:
            NotAllowed: a column is not opened.
            NotAnswerable: a literal does not fit its column, or the comparison has no meaning for it.
        """
        match part:
            case Compare(name, operator, literal):
                column = self._column(name)
                value = _typed(name, column, literal)
                if operator not in _EQUALITY and column.type in _UNORDERED:
                    raise NotAnswerable(
                        "not-ordered",
                        f"The column {name} is {column.type}, which has no order here.",
                        allowed="Compare it by = or <>, or use IN.",
                    )
                if operator in _EQUALITY:
                    _require_domain(name, column, value)
                return Compare(name, operator, value)
            case Among(name, literals):
                column = self._column(name)
                values = tuple(_typed(name, column, literal) for literal in literals)
                for value in values:
                    _require_domain(name, column, value)
                return Among(name, values)
            case Missing(name):
                self._column(name)
                return part
            case Not(inner):
                return Not(self.typed(inner))
            case All(parts):
                return All(tuple(self.typed(inner) for inner in parts))
            case AnyOf(parts):
                return AnyOf(tuple(self.typed(inner) for inner in parts))

    def _column(self, name: str) -> ColumnPolicy:
        """Return an opened column that is neither the unit nor hidden."""
        if name in self._opened:
            return self._opened[name]
        listed = self._table.columns.get(name)
        if listed is None:
            near = difflib.get_close_matches(name, [*self._opened, self._table.unit_column], n=1)
            raise NotAnswerable(
                "unknown-column",
                "There is no such column in this table.",
                allowed=f"Did you mean {near[0]}?" if near else self._offer("It has", sorted(self._opened)),
            )
        if listed.use is Use.UNIT_ID:
            raise NotAllowed(
                "unit-not-usable",
                f"The column {name} says whose row it is: no question is about a named person.",
                allowed=f"Write COUNT(DISTINCT {name}) to count persons.",
            )
        if listed.use is Use.HIDDEN:
            raise NotAllowed(
                "hidden-column",
                f"The column {name} is hidden from every question.",
                allowed=self._offer("The authorization opens", sorted(self._opened)),
            )
        raise NotAllowed(
            "column-out-of-scope",
            f"The column {name} is not opened by the authorization.",
            allowed=self._offer("It opens", sorted(self._opened)),
        )

    def _named(self, use: Use) -> list[str]:
        return sorted(name for name, column in self._opened.items() if column.use is use)

    @staticmethod
    def _offer(words: str, names: list[str]) -> str:
        return f"{words}: {', '.join(names)}." if names else f"{words}: nothing in this table."


def _typed(name: str, column: ColumnPolicy, literal: Literal) -> Literal:
    match column.type:
        case ColumnType.BOOLEAN if isinstance(literal, bool):
            return literal
        case ColumnType.TEXT if isinstance(literal, str):
            return literal
        case ColumnType.DATE if isinstance(literal, date):
            return literal
        case ColumnType.DATE if isinstance(literal, str):
            return read_date(literal)
        case ColumnType.INTEGER | ColumnType.DECIMAL if isinstance(literal, int | Decimal) and not isinstance(
            literal, bool
        ):
            return _number(name, column, Decimal(literal))
        case _:
            raise _wrong_type(name, column)


_FORMS = {
    ColumnType.BOOLEAN: "TRUE or FALSE",
    ColumnType.TEXT: "a text in single quotes, as in 'text'",
    ColumnType.DATE: "a date in single quotes, as in '2025-01-31'",
    ColumnType.INTEGER: "a whole number without quotes, as in 5",
    ColumnType.DECIMAL: "a number without quotes, as in 2.5",
}


def _wrong_type(name: str, column: ColumnPolicy) -> NotAnswerable:
    form = "nothing" if column.type is None else _FORMS[column.type]
    return NotAnswerable(
        "literal-type",
        f"The column {name} is {column.type} and is compared with a value of another type.",
        allowed=f"Compare it with {form}.",
    )


def _number(name: str, column: ColumnPolicy, literal: Decimal) -> Literal:
    if not literal.is_finite():
        raise _wrong_type(name, column)
    scaled = fixed_point(literal, column.decimals)
    if scaled is None:
        digits = f"{column.decimals} decimals" if column.decimals else "no decimals"
        raise NotAnswerable(
            "literal-decimals",
            f"The column {name} is kept with {digits}, and the value has more.",
            allowed=f"Compare it with a value of at most {column.decimals} decimals.",
        )
    if abs(scaled) > LARGEST_INTEGER:
        raise NotAnswerable(
            "literal-range",
            f"The value that {name} is compared with does not fit into 64 bits.",
            allowed="Compare it with a value inside the column's range.",
        )
    return literal if column.use is Use.MEASURE else int(literal)


def _require_domain(name: str, column: ColumnPolicy, value: Literal) -> None:
    if column.use is not Use.GROUP_KEY or value in column.domain:
        return
    shown = [str(known) for known in column.domain[:_SHOWN_VALUES]]
    more = "" if len(column.domain) <= _SHOWN_VALUES else f" and {len(column.domain) - _SHOWN_VALUES} more"
    raise NotAnswerable(
        "value-out-of-domain",
        f"The column {name} never has the value it is compared with.",
        allowed=f"Its values are: {', '.join(shown)}{more}.",
    )
