"""The triggers that let rows be added to a table of the log, and none be changed or removed."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

MESSAGE = "the log is append-only"
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = '{MESSAGE}'; END $$
"""


def refuse_changes(table: str, key: Sequence[str]) -> None:
    """Make every UPDATE, DELETE, TRUNCATE and replacing INSERT on ``table`` fail.

    Args:
        table: its name.
        key: the columns that identify a row of it.
    """
    if op.get_bind().dialect.name == "postgresql":
        _refuse_in_postgresql(table)
    else:
        _refuse_in_sqlite(table, key)


def _refuse_in_postgresql(table: str) -> None:
    op.execute(_FUNCTION)
    for verb, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        name = f"{table}_no_{verb.split()[0].lower()}"
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH {each} EXECUTE FUNCTION refuse_change()"
        )


def _refuse_in_sqlite(table: str, key: Sequence[str]) -> None:
    same = " AND ".join(f"{column} = NEW.{column}" for column in key)
    exists = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  # names from the migrations
    # INSERT OR REPLACE deletes without firing DELETE triggers.
    for verb, when in (("UPDATE", "TRUE"), ("DELETE", "TRUE"), ("INSERT", exists)):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} WHEN {when} "
            f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        )
