"""The copy of a public table, in SQL of any engine: no two of its rows share the unique key.

A join with a public table claims that a row of a unit finds at most one partner, and every sensitivity
rests on it. So two walls stand behind it. Registration refuses a table in which two rows share the key
(:func:`doubled_statement`), and whatever that finds, the copy is written with one row of each key
(:func:`single_statement`). Keys are compared as the copy holds them, with values outside their domain
missing; a row that misses a part of its key could be joined with nothing and is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.sources.compile import ROW_NUMBER


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicRows:
    """The rows of one public table; names are the policy's, quoted for the engine."""

    kept: Mapping[str, str]
    """By column, the expression for its kept value."""
    key: tuple[str, ...]
    """Columns of the unique key."""
    reader: str
    """What stands for the raw table after FROM."""


def doubled_statement(rows: PublicRows) -> str:
    """Return the statement that counts the keys which rows share."""
    key = ", ".join(rows.key)
    return f"SELECT count(*) FROM (SELECT {key} FROM {_typed(rows)} GROUP BY {key} HAVING count(*) > 1) AS d"  # noqa: S608  # see the class


def single_statement(rows: PublicRows) -> str:
    """Return the query whose result is the copy: the first row of each key, ordered by all its values."""
    columns, key = ", ".join(rows.kept), ", ".join(rows.key)
    return (
        f"SELECT {columns} FROM (SELECT {columns}, row_number() OVER (PARTITION BY {key} "  # noqa: S608  # as above
        f"ORDER BY {columns}) AS {ROW_NUMBER} FROM {_typed(rows)}) AS numbered WHERE {ROW_NUMBER} = 1"
    )


def _typed(rows: PublicRows) -> str:
    values = ", ".join(f"{value} AS {column}" for column, value in rows.kept.items())
    names = ", ".join(rows.kept)
    known = " AND ".join(f"{column} IS NOT NULL" for column in rows.key)
    return f"(SELECT {names} FROM (SELECT {values} FROM {rows.reader}) AS typed WHERE {known}) AS known"  # noqa: S608  # as above
