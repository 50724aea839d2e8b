"""JSON becomes a table where it is one: a list of records with the same names, or columns and data."""

from __future__ import annotations

import json
from typing import Any

from sandbox.review.finding import RefusedFile, refused
from sandbox.review.screen.pieces import Piece, Pieces
from sandbox.review.screen.rows import csv_of


def read_records(data: bytes) -> Pieces:
    """Return the table in ``data``; numbers keep the spelling they had.

    Raises:
        RefusedFile: it is not JSON, names a key twice, or is no table.
    """
    document = read_json(data)
    columns: Any
    rows: Any
    if isinstance(document, list) and document and all(isinstance(item, dict) for item in document):
        columns = list(document[0])
        if any(set(item) != set(columns) for item in document):
            raise _no_table()
        rows = [[item[name] for name in columns] for item in document]
    elif isinstance(document, dict) and set(document) == {"columns", "data"}:
        columns, rows = document["columns"], document["data"]
    else:
        raise _no_table()
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in [columns, *rows]):
        raise _no_table()
    return Pieces((Piece("csv", csv_of([_cell(cell) for cell in row] for row in (columns, *rows))),))


def read_json(data: bytes) -> Any:
    """Return the document in ``data`` with its numbers as text.

    Raises:
        RefusedFile: it is not JSON in UTF-8, or an object names a key twice.
    """
    try:
        return json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_once, parse_int=str, parse_float=str,
            parse_constant=_constant,
        )  # fmt: skip
    except (ValueError, RecursionError) as error:
        raise refused("content", "The file is not JSON.", fix="Write it with a JSON library.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise refused("content", "An object names a key twice.", fix="Name each key once.")
    return found


def _constant(name: str) -> str:
    return "" if name == "NaN" else name


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise _no_table()


def _no_table() -> RefusedFile:
    return refused(
        "table",
        "The JSON is no table.",
        fix="Write a list of flat records with the same names, or the two keys columns and data.",
    )
