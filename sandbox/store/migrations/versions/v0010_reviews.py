"""A review says a word on each file; requests are held, commented and excused; people are trained."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from sandbox import canonical

revision = "0010"
down_revision = "0009"

_NEW: dict[str, Any] = {
    "leaving": [],
    "held_from": "",
    "seats": [],
    "declined": [],
    "consent": {},
    "excuses": [],
}


def upgrade() -> None:
    """Add comments, and what a review and a request hold beside what they held before.

    Reviews of rounds that are still open stay readable; they are void, since what a review is bound to
    has changed, and are given again.
    """
    op.create_table(
        "release_comment",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("file", sa.String(length=255), nullable=False),
        sa.Column("anchor", sa.String(length=255), nullable=False),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["release_request.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("release_comment_request", "release_comment", ["request"])
    op.add_column(
        "account", sa.Column("trained_until", sa.String(length=10), nullable=False, server_default="")
    )
    _widen_votes()
    _widen_documents()


def _widen_votes() -> None:
    empty = canonical.encode({"files": {}, "acknowledged": {}, "overridden": ""})
    with op.batch_alter_table("vote") as widened:
        widened.add_column(sa.Column("document", sa.LargeBinary(), nullable=True))
    vote = sa.table("vote", sa.column("document", sa.LargeBinary))
    op.get_bind().execute(vote.update().values(document=empty))
    with op.batch_alter_table("vote") as narrowed:
        narrowed.alter_column("document", existing_type=sa.LargeBinary(), nullable=False)


def _widen_documents() -> None:
    request = sa.table("release_request", sa.column("id", sa.String), sa.column("document", sa.LargeBinary))
    bind = op.get_bind()
    for row in bind.execute(sa.select(request.c.id, request.c.document)).all():
        document = canonical.decode(bytes(row.document))
        document.pop("acknowledged", None)
        sealed = document["sealed"].get("manifest", {}).get("files", [])
        wider = canonical.encode({**_NEW, "leaving": [file["name"] for file in sealed], **document})
        bind.execute(request.update().where(request.c.id == row.id).values(document=wider))
