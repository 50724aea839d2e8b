"""Alembic's scripts; run by :func:`sandbox.store.engine.migrate` only, never by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PLACE: Final = Path(__file__).parent
NEWEST: Final = max(path.stem[1:5] for path in (PLACE / "versions").glob("v*.py"))
"""The version of the tables after every migration: a migration's file is named after its version."""
