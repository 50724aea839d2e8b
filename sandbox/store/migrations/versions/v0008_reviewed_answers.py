"""Reviewed answers are counted for each authorization, since no privacy loss can be charged for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sandbox.store.migrations.append_only import refuse_changes

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the count, which only grows."""
    op.create_table(
        "reviewed_answer",
        sa.Column("authorization", sa.String(length=255), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["entry.seq"]),
        sa.PrimaryKeyConstraint("authorization", "number"),
        sa.UniqueConstraint("id"),
    )
    refuse_changes("reviewed_answer", ("authorization", "number"))
