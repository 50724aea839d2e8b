"""The size and root of the tree stand beside its entries, because checkpoints are signed afterwards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sandbox.store.migrations.append_only import refuse_changes

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table of heads."""
    op.create_table(
        "head",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    refuse_changes("head", ("size",))
