"""Answers that were given are kept, so that the same question again gives the same answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table of answers."""
    op.create_table(
        "answer",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.String(length=80), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["entry.seq"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
