"""Accounts know which person at a log-in provider they belong to, and how many passwords they had."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add both to every account: nobody from a provider, and no password after the first."""
    op.add_column("account", sa.Column("subject", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("account", sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
