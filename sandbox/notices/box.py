"""Each person's notices: what is in the box, and what of it they have read."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from sqlalchemy import Connection, Row, case, func, insert, select, update

from sandbox.audit.event import timestamp
from sandbox.notices.notice import About, Notice
from sandbox.policy.roles import Actor
from sandbox.store.tables import notice as notices

SHOWN = 200
"""Notices that are listed at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """Something that people are told once each."""

    at: str
    about: About
    request: str
    authorization: str
    occasion: str
    """What makes it another happening than the next of its kind: a round, a place in the log."""
    people: frozenset[str]


def for_person(connection: Connection, actor: Actor, since: str = "") -> tuple[Notice, ...]:
    """Return notices of ``actor`` after ``since``: those that are unread, then the others, newest first.

    Args:
        connection: of the state database.
        actor: whose they are; nobody reads another's.
        since: UTC, ISO 8601; empty for all that are kept.
    """
    t = notices
    query = select(t).where(t.c.person == actor.name, t.c.at > since)
    # Unread ones come first so that however many there are, marking those that are shown brings the rest.
    unread_first = case((t.c.read_at == "", 0), else_=1)
    rows = connection.execute(query.order_by(unread_first, t.c.at.desc(), t.c.id).limit(SHOWN))
    return tuple(_notice(row) for row in rows)


def unread(connection: Connection, actor: Actor) -> int:
    """Return how many notices ``actor`` has not marked as read."""
    t = notices
    query = select(func.count()).where(t.c.person == actor.name, t.c.read_at == "")
    return connection.execute(query).scalar_one()


def mark_read(connection: Connection, actor: Actor, ids: Iterable[str], *, now: datetime) -> int:
    """Mark notices of ``actor`` as read; ids of others' notices mark nothing. Return how many were marked."""
    t = notices
    mine = (t.c.person == actor.name, t.c.read_at == "", t.c.id.in_(list(ids)))
    return connection.execute(update(t).where(*mine).values(read_at=timestamp(now))).rowcount


def missing(connection: Connection, happening: Happening) -> set[str]:
    """Return whom a happening concerns and who has no notice of it yet; empty stands for webhooks."""
    t = notices
    told = select(t.c.person).where(t.c.occasion == _occasion(happening))
    return {*happening.people, ""} - set(connection.execute(told).scalars())


def put(connection: Connection, happenings: Iterable[Happening]) -> None:
    """Keep a notice for each person of each happening, and one for webhooks, unless it is kept already."""
    t = notices
    numbers = count(last_number(connection) + 1)
    for happening in happenings:
        people = sorted(missing(connection, happening))
        # Couriers go by the order in which notices were kept; it must not tell who is left out of them.
        random.SystemRandom().shuffle(people)
        for person in people:
            connection.execute(
                insert(t).values(
                    number=next(numbers),
                    id=secrets.token_hex(16),
                    occasion=_occasion(happening),
                    person=person,
                    about=str(happening.about),
                    request=happening.request,
                    authorization=happening.authorization,
                    at=happening.at,
                    read_at="",
                )
            )


def after(connection: Connection, number: int, *, most: int) -> Sequence[tuple[int, Notice]]:
    """Return the notices kept after ``number``, each with its own number, oldest first; for couriers."""
    rows = connection.execute(
        select(notices).where(notices.c.number > number).order_by(notices.c.number).limit(most)
    )
    return [(row.number, _notice(row)) for row in rows]


def last_number(connection: Connection) -> int:
    """Return the number of the newest notice, 0 where there is none."""
    return connection.execute(select(func.max(notices.c.number))).scalar() or 0


def _occasion(happening: Happening) -> str:
    return f"{happening.request}:{happening.about}:{happening.occasion}"


def _notice(row: Row[tuple[object, ...]]) -> Notice:
    return Notice(
        id=row.id,
        at=row.at,
        about=About(row.about),
        request=row.request,
        authorization=row.authorization,
        person=row.person,
        read_at=row.read_at,
    )
