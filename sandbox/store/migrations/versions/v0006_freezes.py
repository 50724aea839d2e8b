"""A person, an authorization, a dataset or everything can be frozen; each freeze and its end is a row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sandbox.store.migrations.append_only import refuse_changes

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the freezes, which are never changed: an end is a row of its own."""
    op.create_table(
        "freezing",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["entry.seq"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("freezing_target", "freezing", ["what", "name"])
    refuse_changes("freezing", ("seq",))
