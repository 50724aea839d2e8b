"""The end of an authorization, as its members, requests and the log see it.

Guarantees: what was done is recorded when it is done, each thing once, so an exit that was interrupted
goes on where it stopped; the certificate's statement is made of these records alone, and its digest stands
in the entry that ends the authorization, so the same exit always has the same statement.

Destroying files and stopping notebooks is the caller's: they need the rights of whoever runs the hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from sandbox import freezes
from sandbox.audit import reading
from sandbox.audit.event import Event, Kind
from sandbox.audit.log import Log
from sandbox.audit.reading import Entry
from sandbox.canonical import Canonical, digest_of
from sandbox.errors import Conflict, Refusal
from sandbox.freezes import Target, What
from sandbox.governance import accounts
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.policies import Policies
from sandbox.review.ending import ENDED
from sandbox.store.tables import event_index

VERSION = 1
_WORKSPACES = (Kind.WORKSPACE_DESTROYED, Kind.WORKSPACE_KEPT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Somebody of the authorization's group."""

    name: str
    others: tuple[str, ...]
    """Other authorizations that they hold and that are not over: what their files are kept for."""


def members(
    engine: Engine, policies: Policies, granted: AuthorizationPolicy, *, now: datetime
) -> tuple[Member, ...]:
    """Return the members of the group of ``granted``, by name."""
    with engine.connect() as connection, connection.begin():
        over = {one.target.name for one in freezes.standing(connection) if one.final}
    lasting = [
        one
        for one in policies.authorizations.values()
        if one.name != granted.name and one.name not in over and now < one.term.end
    ]
    return tuple(
        Member(
            name=account.name,
            others=tuple(sorted(one.name for one in lasting if one.group in account.groups)),
        )
        for account in accounts.list_all(engine)
        if granted.group in account.groups
    )


def workspace_recorded(log: Log, authorization: str, member: str) -> bool:
    """Whether it is on record what became of the files of ``member``."""
    with log.reading() as connection:
        return any(
            entry.event["subject"] == member
            for kind in _WORKSPACES
            for entry in _entries(connection, authorization, kind)
        )


def record_workspace(
    log: Log, granted: AuthorizationPolicy, member: Member, *, found: bool, actor: str
) -> None:
    """Record what became of the files of ``member``: destroyed, or kept for their other authorizations.

    Args:
        log: gets the entry.
        granted: the authorization that ends.
        member: whose files.
        found: whether there were any.
        actor: who ends it.
    """
    kept: dict[str, Canonical] = {"found": found}
    kind = Kind.WORKSPACE_DESTROYED
    if member.others:
        kind, kept = Kind.WORKSPACE_KEPT, {"because": list(member.others)}
    log.append(
        Event(
            kind=kind,
            actor=actor,
            subject=member.name,
            authorization=granted.name,
            dataset=granted.dataset,
            body=kept,
        )
    )


def ended(log: Log, authorization: str) -> Entry | None:
    """Return the entry that ended ``authorization``, None where it has not been ended."""
    with log.reading() as connection:
        found = _entries(connection, authorization, Kind.AUTHORIZATION_ENDED)
    return found[0] if found else None


def conclude(log: Log, granted: AuthorizationPolicy, *, actor: str) -> Entry:
    """End ``granted`` on record, once everything else is done, and return the entry.

    Raises:
        Conflict: it was not frozen for good before.
        Unavailable: the log cannot be written.
    """
    with log.writing() as tx:
        known = _entries(tx.connection, granted.name, Kind.AUTHORIZATION_ENDED)
        if not known:
            said = statement(tx.connection, granted.name, before=None)
            event = Event(
                kind=Kind.AUTHORIZATION_ENDED,
                actor=actor,
                subject=granted.name,
                authorization=granted.name,
                dataset=granted.dataset,
                body={"statement": digest_of(said), "group": granted.group},
            )
            tx.append(event)
    entry = ended(log, granted.name)
    if entry is None:
        raise Refusal("log-broken", "The log does not hold the entry that was just written.")
    return entry


def statement_of(log: Log, entry: Entry) -> dict[str, Canonical]:
    """Return the statement whose digest is in ``entry``, which ended an authorization.

    Raises:
        Refusal: the records do not make that statement any more (code ``log-broken``).
    """
    with log.reading() as connection:
        said = statement(connection, str(entry.event["subject"]), before=entry.seq)
    if digest_of(said) != entry.event["body"]["statement"]:
        raise Refusal("log-broken", f"The records are not those that entry {entry.seq} was made of.")
    return said


def statement(connection: Connection, authorization: str, *, before: int | None) -> dict[str, Canonical]:
    """Return what the log says of the end of ``authorization``, from entries before this place.

    Raises:
        Conflict: it was not frozen for good.
    """
    freeze = freezes.of_target(connection, Target(What.AUTHORIZATION, authorization))
    if freeze is None or not freeze.final:
        raise Conflict("not-ended", f"Authorization {authorization} was not frozen for good.")
    destroyed = _entries(connection, authorization, Kind.WORKSPACE_DESTROYED, before=before)
    kept = _entries(connection, authorization, Kind.WORKSPACE_KEPT, before=before)
    moved = _entries(connection, authorization, Kind.RELEASE_MOVED, before=before)
    return {
        "version": VERSION,
        "authorization": authorization,
        "frozen": {"entry": freeze.seq, "at": freeze.at},
        "workspaces_destroyed": [_row(one, "person", "found") for one in destroyed],
        "workspaces_kept": [_row(one, "person", "because") for one in kept],
        "requests_ended": [_row(one, "request", "was") for one in moved if one.event["decision"] == ENDED],
        "counts": {
            name: _count(connection, authorization, kind, decision, before=before)
            for name, (kind, decision) in _COUNTED.items()
        },
    }


_COUNTED: Mapping[str, tuple[Kind, str | None]] = {
    "questions_charged": (Kind.QUESTION_INTENT, None),
    "questions_answered": (Kind.QUESTION_OUTCOME, "answered"),
    "answers_repeated": (Kind.QUESTION_REPEATED, None),
    "reviewed_answers": (Kind.REVIEWED_ASKED, None),
    "releases_handed_in": (Kind.RELEASE_SUBMITTED, None),
    "releases_sealed": (Kind.RELEASE_SEALED, None),
    "downloads": (Kind.RELEASE_DOWNLOADED, None),
}


def _row(entry: Entry, who: str, what: str) -> dict[str, Any]:
    return {"entry": entry.seq, who: entry.event["subject"], what: entry.event["body"][what]}


def _entries(
    connection: Connection, authorization: str, kind: Kind, *, before: int | None = None
) -> list[Entry]:
    """Return the entries of this kind under ``authorization``, oldest first."""
    exact = {"authorization": authorization, "kind": kind.value}
    return reading.search(connection, exact=exact, before=before, limit=None)[::-1]


def _count(
    connection: Connection, authorization: str, kind: Kind, decision: str | None, *, before: int | None
) -> int:
    t = event_index
    query = select(func.count()).where(t.c.authorization == authorization, t.c.kind == kind.value)
    if decision is not None:
        query = query.where(t.c.decision == decision)
    if before is not None:
        query = query.where(t.c.seq < before)
    return int(connection.execute(query).scalar_one())
