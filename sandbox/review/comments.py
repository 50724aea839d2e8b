"""What people write beside a request: to reviewers or to the author, about all of it or one place in a file.

Comments never break the blind phase: what a reviewer writes is theirs alone until reviews are in, and its
author reads nothing of reviewers until the round is over.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import Connection, insert, select

from sandbox.audit.event import Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.canonical import digest
from sandbox.errors import Malformed
from sandbox.review import changes
from sandbox.review.request import Request
from sandbox.review.status import Status
from sandbox.store import tables

Audience = Literal["reviewers", "author"]
LONGEST = 4_000
"""Characters of a comment; the width of the column."""
LONGEST_ANCHOR = 200
ONGOING = frozenset({Status.SCREENING, Status.REVIEW, Status.CONSOLIDATION})
"""States in which a round is not over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """One remark."""

    id: str
    round: int
    author: str
    """Account name of who wrote it."""
    audience: str
    """``reviewers``, or ``author`` for everybody who may see the request."""
    file: str
    """Name of a file of the request; empty where it is about all of it."""
    anchor: str
    """Place in the file, as ``row 3, column n`` or ``line 12``; empty for the whole."""
    text: str
    at: str

    def to_document(self) -> dict[str, str | int]:
        """Return the comment for pages and programs."""
        return asdict(self)


def write(
    tx: Transaction, request: Request, *, author: str, audience: Audience, text: str, file: str, anchor: str
) -> Comment:
    """Store a comment and put it on record, its text sealed.

    Raises:
        Malformed: it is empty, too long, for nobody, or about a file that is not there.
    """
    _check(request, audience=audience, text=text, file=file, anchor=anchor)
    comment = Comment(
        id=secrets.token_hex(8),
        round=request.round,
        author=author,
        audience=audience,
        file=file,
        anchor=anchor if file else "",
        text=text,
        at=timestamp(tx.at),
    )
    row = {**comment.to_document(), "request": request.id}
    tx.connection.execute(insert(tables.release_comment).values(row))
    body = {"comment": comment.id, "audience": audience, "file": digest(file.encode()) if file else ""}
    tx.append(
        changes.event(Kind.RELEASE_COMMENTED, request, actor=author, decision=audience, body=body),
        private=text,
    )
    return comment


def comments_for(
    connection: Connection, request: Request, viewer: str, *, unblinded: bool
) -> tuple[Comment, ...]:
    """Return the comments that ``viewer`` may read, oldest first.

    Args:
        connection: of the state database.
        request: what they are about.
        viewer: account name of who looks.
        unblinded: whether the viewer may see what reviewers say of this round.
    """
    return tuple(
        comment
        for comment in _all(connection, request)
        if comment.author in {viewer, request.author} or _readable(comment, request, viewer, unblinded)
    )


def letter(comments: tuple[Comment, ...], request: Request) -> str:
    """Return a draft of what the author is told of this round: the comments for them, file by file."""
    lines = []
    for comment in sorted(comments, key=lambda one: (one.file, one.at)):
        if (
            comment.round == request.round
            and comment.audience == "author"
            and comment.author != request.author
        ):
            place = ", ".join(part for part in (comment.file, comment.anchor) if part)
            lines.append(f"{place}: {comment.text}" if place else comment.text)
    for vote in request.votes:
        wanted = sorted(name for name, word in vote.files.items() if word == "changes")
        if wanted and not vote.overridden:
            lines.append(f"{', '.join(wanted)}: {vote.reason}")
    return "\n".join(lines)


def _readable(comment: Comment, request: Request, viewer: str, unblinded: bool) -> bool:
    over = comment.round < request.round or request.stage not in ONGOING
    if viewer == request.author:
        return over and comment.audience == "author"
    return over or unblinded


def _all(connection: Connection, request: Request) -> Iterator[Comment]:
    t = tables.release_comment
    query = select(t).where(t.c.request == request.id).order_by(t.c.at, t.c.id)
    for row in connection.execute(query).mappings():
        yield Comment(**{name: row[name] for name in Comment.__dataclass_fields__})


def _check(request: Request, *, audience: str, text: str, file: str, anchor: str) -> None:
    if not text.strip() or len(text) > LONGEST or len(anchor) > LONGEST_ANCHOR:
        raise Malformed(
            "comment-empty",
            "The comment is empty or too long.",
            allowed=f"Write at most {LONGEST} characters.",
        )
    if audience not in {"reviewers", "author"}:
        raise Malformed("comment-audience", "A comment is for the reviewers or for the author.")
    if file and file not in request.names:
        raise Malformed("comment-file", "The comment is about a file that is not there.")
