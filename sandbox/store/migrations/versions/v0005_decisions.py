"""Time windows are opened and budgets raised by signed decisions, which stand beside the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sandbox.store.migrations.append_only import refuse_changes

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the decisions, and the keys they are signed with."""
    op.create_table(
        "budget_decision",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("authorization", sa.String(length=255), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["entry.seq"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("budget_decision_authorization", "budget_decision", ["authorization"])
    refuse_changes("budget_decision", ("id",))
    op.create_table(
        "decider_key",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["entry.seq"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("decider_key_name", "decider_key", ["name"])
    refuse_changes("decider_key", ("seq",))
