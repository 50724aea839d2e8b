"""The tables of the first version, and the triggers that keep the log append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sandbox.store.migrations.append_only import refuse_changes

revision = "0001"
down_revision = None

PRIMARY_KEYS = {"entry": ("seq",), "node": ("level", "idx"), "checkpoint": ("size",)}
"""The tables that are append-only, and what identifies a row of each."""


def upgrade() -> None:
    """Create everything; refuse every later change of a row of the log."""
    _create_tables()
    for table, key in PRIMARY_KEYS.items():
        refuse_changes(table, key)


def _create_tables() -> None:
    op.create_table(
        "account",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("groups", sa.LargeBinary(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "blob",
        sa.Column("sha256", sa.String(length=80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "budget",
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("spent >= 0 AND spent <= cap", name="within_cap"),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "entry",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx"),
    )
    op.create_table(
        "release_request",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("authorization", sa.String(length=255), nullable=False),
        sa.Column("purpose", sa.String(length=4000), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("release_request_author", "release_request", ["author"], unique=False)
    op.create_index("release_request_status", "release_request", ["status"], unique=False)
    op.create_table(
        "snapshot",
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("dataset", sa.String(length=255), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("snapshot_dataset", "snapshot", ["dataset"], unique=False)
    op.create_table(
        "charge",
        sa.Column("request_id", sa.String(length=80), nullable=False),
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("loss", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scope"],
            ["budget.scope"],
        ),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["entry.seq"],
        ),
        sa.PrimaryKeyConstraint("request_id", "scope"),
    )
    op.create_table(
        "event_index",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("authorization", sa.String(length=255), nullable=False),
        sa.Column("dataset", sa.String(length=255), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["entry.seq"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("event_index_actor", "event_index", ["actor", "seq"], unique=False)
    op.create_index("event_index_authorization", "event_index", ["authorization", "seq"], unique=False)
    op.create_index("event_index_dataset", "event_index", ["dataset", "seq"], unique=False)
    op.create_index("event_index_kind", "event_index", ["kind", "seq"], unique=False)
    op.create_index("event_index_subject", "event_index", ["subject", "kind"], unique=False)
    op.create_table(
        "event_subject",
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["entry.seq"],
        ),
        sa.PrimaryKeyConstraint("subject", "seq"),
    )
    op.create_table(
        "opened",
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=80), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["release_request.id"],
        ),
        sa.PrimaryKeyConstraint("request", "sha256", "reviewer"),
    )
    op.create_table(
        "package",
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["release_request.id"],
        ),
        sa.PrimaryKeyConstraint("request"),
    )
    op.create_table(
        "private",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["entry.seq"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "release_file",
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=80), nullable=False),
        sa.Column("original_sha256", sa.String(length=80), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["release_request.id"],
        ),
        sa.PrimaryKeyConstraint("request", "round", "name"),
    )
    op.create_table(
        "vote",
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=4000), nullable=False),
        sa.Column("binding", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["release_request.id"],
        ),
        sa.PrimaryKeyConstraint("request", "round", "reviewer"),
        sa.UniqueConstraint("request", "round", "reviewer"),
    )
