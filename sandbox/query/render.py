"""A question written out again: as SQL, and as SQL without its values.

``parse(statement(query)) == query`` for every question that :func:`~sandbox.query.sql.parse` makes, as
long as it is not longer, written out, than a question may be. The template is what the log shows of
a question: values of rows may name a person, the shape does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.query.aggregate import MEDIAN
from sandbox.query.digest import canonical
from sandbox.query.expr import (
    Aggregate,
    Arithmetic,
    Combination,
    Condition,
    Constant,
    Formula,
    Function,
    Having,
    HavingAll,
    HavingAny,
    Join,
    Key,
    Output,
    PerUnit,
    Query,
    Rounded,
    Rows,
    Source,
    Stacked,
    Table,
)
from sandbox.query.spell import Spelling, infix, is_zero, spell_value

__all__ = ["canonical", "statement", "template"]

_NAMES = {Function.COUNT_VALUES: "COUNT", Function.COUNT_UNITS: "COUNT"}


def statement(query: Query) -> str:
    """Return ``query`` as SQL with its values."""
    return _Writer(Spelling(values=True)).query(query)


def template(query: Query) -> str:
    """Return ``query`` as SQL with ``?`` for each value that rows are compared or combined with.

    An IN list is one ``?`` whatever its length. What is done to the noisy numbers keeps its values.
    """
    return _Writer(Spelling(values=False)).query(query)


@dataclass(frozen=True, slots=True)
class _Writer:
    row: Spelling

    def query(self, query: Query) -> str:
        outputs = ", ".join(self._output(output, query) for output in query.outputs)
        text = f"SELECT {outputs} FROM {self._source(query.source)}"  # noqa: S608 - for people and for parse(), never run
        if query.where is not None:
            text += f" WHERE {self.row.predicate(query.where)}"
        if query.keys:
            text += f" GROUP BY {self._grouping(query)}"
        if query.having is not None:
            text += f" HAVING {self._condition(query.having)}"
        if query.order:
            text += " ORDER BY " + ", ".join(
                part.name + (" DESC" if part.descending else "") for part in query.order
            )
        return text if query.limit is None else f"{text} LIMIT {query.limit}"

    def _output(self, output: Key | Output, query: Query) -> str:
        if isinstance(output, Output):
            return f"{self.formula(output.formula)} AS {output.name}"
        return _named(self.row.scalar(query.keys[output.index]), output.name)

    def _grouping(self, query: Query) -> str:
        keys = [self.row.scalar(key) for key in query.keys]
        if not query.sets:
            return ", ".join(keys)
        whole = range(len(keys), -1, -1)
        if query.sets == tuple(tuple(range(length)) for length in whole):
            return f"ROLLUP ({', '.join(keys)})"
        sets = (", ".join(keys[index] for index in indices) for indices in query.sets)
        return f"GROUPING SETS ({', '.join(f'({one})' for one in sets)})"

    def _source(self, source: Source) -> str:
        match source:
            case Table(name, alias):
                return f"{name} AS {alias}" if alias else name
            case Join(left, right, on, outer):
                pairs = " AND ".join(
                    f"{self.row.scalar(one)} = {self.row.scalar(other)}" for one, other in on
                )
                word = "LEFT JOIN" if outer else "JOIN"
                return f"{self._source(left)} {word} {self._source(right)} ON {pairs}"
            case Rows() | PerUnit():
                return f"({self._derived(source)}) AS {source.alias}"
            case Stacked(parts, alias):
                return f"({' UNION ALL '.join(map(self._derived, parts))}) AS {alias}"

    def _derived(self, source: Rows | PerUnit) -> str:
        columns = ["*"] if isinstance(source, Rows) and source.star else []
        for name, value in source.outputs:
            if isinstance(value, Aggregate):
                columns.append(f"{self.formula(value)} AS {name}")
            else:
                columns.append(_named(self.row.scalar(value), name))
        text = f"SELECT {', '.join(columns)} FROM {self._source(source.source)}"  # noqa: S608 - as above
        if source.where is not None:
            text += f" WHERE {self.row.predicate(source.where)}"
        return text if isinstance(source, Rows) else f"{text} GROUP BY {self.row.scalar(source.unit)}"

    def formula(self, formula: Formula) -> str:
        match formula:
            case Aggregate():
                return self._aggregate(formula)
            case Constant(value):
                return spell_value(value)
            case Rounded(inner, digits):
                return f"ROUND({self.formula(inner)}, {digits})"
            case Combination(operator, left, right):
                made_by = (_operator(left), _operator(right))
                negative = is_zero(left) and not isinstance(right, Constant)
                return infix(operator, (self.formula(left), self.formula(right)), made_by, negative=negative)

    def _aggregate(self, aggregate: Aggregate) -> str:
        inside = ", ".join(map(self.row.scalar, aggregate.arguments))
        if aggregate.function is Function.COUNT_ROWS:
            text = "COUNT(*)"
        elif aggregate.function is Function.COUNT_UNITS:
            text = f"COUNT(DISTINCT {inside})"
        elif aggregate.fraction == MEDIAN:
            text = f"MEDIAN({inside})"
        elif aggregate.fraction is not None:
            text = f"QUANTILE({inside}, {spell_value(aggregate.fraction)})"
        else:
            text = f"{_NAMES.get(aggregate.function, aggregate.function.value.upper())}({inside})"
        if aggregate.where is None:
            return text
        return f"{text} FILTER (WHERE {self.row.predicate(aggregate.where)})"

    def _condition(self, condition: Condition) -> str:
        match condition:
            case Having(left, operator, right):
                return f"{self.formula(left)} {operator} {self.formula(right)}"
            case HavingAll(parts):
                return " AND ".join(f"({self._condition(part)})" for part in parts)
            case HavingAny(parts):
                return " OR ".join(f"({self._condition(part)})" for part in parts)


def _operator(formula: Formula) -> Arithmetic | None:
    return formula.operator if isinstance(formula, Combination) else None


def _named(text: str, name: str) -> str:
    return text if text == name else f"{text} AS {name}"
