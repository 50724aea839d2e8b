"""What is frozen: a person, an authorization, a dataset, or everything.

Guarantees: a freeze and its end are entries of the log, written in the transaction that makes them
effective, and rows that are never changed, so they survive every restart; :func:`check`, called in the
transaction that charges a question, records an answer, or seals or hands out a release, sees every freeze
that was committed before, because all of these hold the one write lock. The reason is sealed beside the
entry and stands in no refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from sandbox.audit import reading
from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.audit.log import Log
from sandbox.audit.reading import Entry
from sandbox.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal
from sandbox.store import engine as store
from sandbox.store import tables

LONGEST_REASON = 4_000
"""Characters."""
FROZEN = "frozen"
"""Code of the refusal."""
_INSERT = store.insert_sql(tables.freezing)
_NEWEST = "seq = (SELECT max(seq) FROM freezing AS later WHERE later.what = f.what AND later.name = f.name)"
_STANDING = f"SELECT what, name, seq, at, final FROM freezing AS f WHERE frozen AND {_NEWEST}"  # noqa: S608  # our own words
_CONCERNING = (
    f"{_STANDING} AND (what = 'all' OR (what = 'user' AND name = ?)"
    " OR (what = 'authorization' AND name = ?) OR (what = 'dataset' AND name = ?)) ORDER BY seq LIMIT 1"
)
_OF_TARGET = f"{_STANDING} AND what = ? AND name = ?"
_ROWS = "SELECT seq, what, name, frozen, final, at FROM freezing"
_ALL = f"{_STANDING} ORDER BY seq"


class What(StrEnum):
    """What kind of thing is frozen."""

    USER = "user"
    AUTHORIZATION = "authorization"
    DATASET = "dataset"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Target:
    """What a freeze is about."""

    what: What
    name: str = ""
    """Empty for everything."""

    def __post_init__(self) -> None:
        if (self.what is What.ALL) == bool(self.name):
            raise Malformed("freeze-target", "All is frozen without a name, everything else by its name.")

    @property
    def said(self) -> str:
        """The target as it stands in a sentence."""
        return "everything" if self.what is What.ALL else f"{self.what} {self.name}"


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze that stands."""

    target: Target
    seq: int
    """The entry of the log that froze it."""
    at: str
    """When, UTC, ISO 8601."""
    final: bool
    """Whether nothing ends it: the authorization was ended for good."""

    @property
    def sentence(self) -> str:
        """What is told to whoever it refuses; never why."""
        since = f"since {self.at[:19].replace('T', ' ')} UTC"
        match self.target.what:
            case What.USER:
                return f"Your account is frozen {since}."
            case What.ALL:
                return f"The whole sandbox is frozen {since}."
            case _ if self.final:
                return f"The {self.target.said} was ended for good at {since.removeprefix('since ')}."
            case _:
                return f"The {self.target.said} is frozen {since}."

    def refusal(self) -> NotAllowed:
        """Return the refusal of whatever it holds up."""
        return NotAllowed(FROZEN, self.sentence, allowed="Ask a security officer of this sandbox.")


def concerning(
    connection: Connection, *, person: str = "", authorization: str = "", dataset: str = ""
) -> Freeze | None:
    """Return the oldest freeze that stands and holds up what is described, None where none does."""
    row = store.run(connection, _CONCERNING, (person, authorization, dataset)).fetchone()
    return None if row is None else _freeze(row)


def check(connection: Connection, *, person: str = "", authorization: str = "", dataset: str = "") -> None:
    """Return if nothing of what is described is frozen.

    Raises:
        NotAllowed: something is (code :data:`FROZEN`); the sentence says what and since when.
    """
    found = concerning(connection, person=person, authorization=authorization, dataset=dataset)
    if found is not None:
        raise found.refusal()


def standing(connection: Connection) -> tuple[Freeze, ...]:
    """Return every freeze that stands, oldest first."""
    return tuple(map(_freeze, store.run(connection, _ALL).fetchall()))


def of_target(connection: Connection, target: Target) -> Freeze | None:
    """Return the freeze of exactly this target, if one stands."""
    row = store.run(connection, _OF_TARGET, (str(target.what), target.name)).fetchone()
    return None if row is None else _freeze(row)


def freeze(log: Log, target: Target, *, reason: str, actor: str, final: bool = False) -> Freeze:
    """Freeze ``target`` from now on and return the freeze; one that stands already is left as it is.

    Args:
        log: gets the entry.
        target: what.
        reason: why; sealed beside the entry.
        actor: who decided.
        final: let nothing end it.

    Raises:
        Malformed: the reason is missing or too long.
        Unavailable: it cannot be recorded; then nothing is frozen.
    """
    reason = _checked(reason)
    with log.writing() as tx:
        stands = of_target(tx.connection, target)
        if stands is not None and (stands.final or not final):
            return stands
        event = _event(Kind.ACCESS_FROZEN, target, actor=actor, final=final)
        seq = _write(tx, target, event, reason=reason, frozen=True, final=final)
        return Freeze(target, seq, timestamp(tx.at), final)


def unfreeze(log: Log, target: Target, *, reason: str, actor: str) -> int:
    """End the freeze of ``target`` and return the place of its entry.

    Raises:
        Malformed: the reason is missing or too long.
        NotFound: it is not frozen.
        Conflict: it was ended for good.
        Unavailable: it cannot be recorded; then it stays frozen.
    """
    reason = _checked(reason)
    with log.writing() as tx:
        stands = of_target(tx.connection, target)
        if stands is None:
            raise NotFound(
                "not-frozen",
                f"There is no freeze of {target.said}.",
                allowed="`sandbox freeze list` shows what is frozen.",
            )
        if stands.final:
            raise Conflict(
                "ended-for-good",
                f"The {target.said} was ended for good, which nothing takes back.",
                allowed="A data steward may write a new authorization under another name.",
            )
        event = _event(Kind.ACCESS_UNFROZEN, target, actor=actor, final=False)
        return _write(tx, target, event, reason=reason, frozen=False, final=False)


def check_agrees(connection: Connection) -> None:
    """Compare every row with the entry that it names, and the other way round.

    Raises:
        Refusal: they differ (code ``books-broken``): somebody wrote into the database by hand.
    """
    rows = {row[0]: tuple(row[1:]) for row in store.run(connection, _ROWS).fetchall()}
    entries = [
        entry
        for kind in (Kind.ACCESS_FROZEN, Kind.ACCESS_UNFROZEN)
        for entry in reading.search(connection, exact={"kind": kind.value}, limit=None)
    ]
    recorded = {entry.seq: _recorded(entry) for entry in entries}
    for seq in sorted(rows.keys() | recorded.keys()):
        if rows.get(seq) != recorded.get(seq):
            raise Refusal("books-broken", f"The freezes and the log do not agree about entry {seq}.")


def _recorded(entry: Entry) -> tuple[object, ...]:
    body, frozen = entry.event["body"], entry.event["kind"] == Kind.ACCESS_FROZEN
    name = "" if body["what"] == What.ALL else entry.event["subject"]
    return body["what"], name, frozen, body["final"], entry.at


def _event(kind: Kind, target: Target, *, actor: str, final: bool) -> Event:
    return Event(
        kind=kind,
        actor=actor,
        subject=target.name or str(What.ALL),
        authorization=target.name if target.what is What.AUTHORIZATION else "",
        dataset=target.name if target.what is What.DATASET else "",
        body={"target": target.said, "what": str(target.what), "final": final},
    )


def _write(tx: Transaction, target: Target, event: Event, *, reason: str, frozen: bool, final: bool) -> int:
    seq = tx.append(event, private=reason)
    row = (seq, str(target.what), target.name, frozen, final, timestamp(tx.at))
    store.run(tx.connection, _INSERT, row)
    return seq


def _freeze(row: tuple[str, str, int, str, bool]) -> Freeze:
    what, name, seq, at, final = row
    return Freeze(Target(What(what), name), seq, at, bool(final))


def _checked(reason: str) -> str:
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Malformed(
            "reason-missing",
            "The reason is missing or too long.",
            allowed=f"Say why in at most {LONGEST_REASON} characters.",
        )
    return reason
