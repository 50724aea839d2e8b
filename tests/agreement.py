"""The questions that every engine is asked, one a paragraph of a text file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "integration" / "cases" / "agreement.sql"


@cache
def cases() -> dict[str, bool]:
    """Return each question, with whether plain SQL of DuckDB means the same by it."""
    found: dict[str, bool] = {}
    for paragraph in _FILE.read_text(encoding="utf-8").split("\n\n"):
        lines = paragraph.strip().splitlines()
        sql = "\n".join(line for line in lines if not line.startswith("--"))
        if sql:
            found[sql] = not any(line.startswith("-- own") for line in lines)
    return found


def questions() -> list[str]:
    """Return every question."""
    return list(cases())
