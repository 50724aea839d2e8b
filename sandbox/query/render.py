"""A question written out again: as SQL, as SQL without its values, and as a document to digest.

``parse(statement(query)) == query`` for every question that :func:`~sandbox.query.sql.parse` makes.
The template is what the log shows of a question: values may name a person, the shape does not.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from sandbox.canonical import Canonical
from sandbox.query.expr import (
    Aggregate,
    All,
    Among,
    AnyOf,
    Compare,
    Function,
    Key,
    Literal,
    Missing,
    Not,
    Predicate,
    Query,
)

_Spell = Callable[[Literal], str]


def statement(query: Query) -> str:
    """Return ``query`` as SQL with its values."""
    return _write(query, _spell)


def template(query: Query) -> str:
    """Return ``query`` as SQL with ``?`` for each value; an IN list is one ``?`` whatever its length."""
    return _write(query, None)


def canonical(query: Query) -> Canonical:
    """Return ``query`` as a document: equal questions give equal bytes, different ones different."""
    return {
        "table": query.table,
        "outputs": [_output_document(output) for output in query.outputs],
        "keys": list(query.keys),
        "where": None if query.where is None else _document(query.where),
    }


def _write(query: Query, spell: _Spell | None) -> str:
    text = f"SELECT {', '.join(_output(output) for output in query.outputs)} FROM {query.table}"  # noqa: S608 - for people and for parse(), never run
    if query.where is not None:
        text += f" WHERE {_condition(query.where, spell)}"
    if query.keys:
        text += f" GROUP BY {', '.join(query.keys)}"
    return text


def _output(output: Key | Aggregate) -> str:
    if isinstance(output, Key):
        return output.column if output.name == output.column else f"{output.column} AS {output.name}"
    inside = {Function.COUNT_ROWS: "*", Function.COUNT_UNITS: f"DISTINCT {output.column}"}
    word = output.function.value.upper() if output.function in {Function.SUM, Function.AVG} else "COUNT"
    return f"{word}({inside.get(output.function, output.column)}) AS {output.name}"


def _condition(part: Predicate, spell: _Spell | None) -> str:
    match part:
        case Compare():
            value = spell(part.literal) if spell else "?"
            return f"{part.column} {part.operator} {value}"
        case Among():
            values = ", ".join(map(spell, part.literals)) if spell else "?"
            return f"{part.column} IN ({values})"
        case Missing():
            return f"{part.column} IS NULL"
        case Not():
            return f"NOT ({_condition(part.part, spell)})"
        case All():
            return " AND ".join(f"({_condition(inner, spell)})" for inner in part.parts)
        case AnyOf():
            return " OR ".join(f"({_condition(inner, spell)})" for inner in part.parts)


def _spell(value: Literal) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case Decimal():
            return format(value, "f")
        case date():
            return f"DATE '{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"


def _document(part: Predicate) -> Canonical:
    match part:
        case Compare():
            return {"compare": [part.column, str(part.operator), _value(part.literal)]}
        case Among():
            return {"in": [part.column, [_value(literal) for literal in part.literals]]}
        case Missing():
            return {"missing": part.column}
        case Not():
            return {"not": _document(part.part)}
        case All():
            return {"all": [_document(inner) for inner in part.parts]}
        case AnyOf():
            return {"any": [_document(inner) for inner in part.parts]}


def _value(value: Literal) -> Canonical:
    match value:
        case Decimal():
            digits = format(value, "f")
            return {"decimal": digits.rstrip("0").rstrip(".") if "." in digits else digits}
        case date():
            return {"date": value.isoformat()}
        case bool() | int() | str():
            return value


def _output_document(output: Key | Aggregate) -> Canonical:
    if isinstance(output, Key):
        return {"key": output.column, "name": output.name}
    return {"function": str(output.function), "column": output.column, "name": output.name}
