"""Decisions that open time windows or raise a budget, and why one that was forged has no effect.

A decision is a canonical document, signed by the person who makes it with a key of their own. It opens
windows by their first and last day, so no clock ever opens one, and it can be applied once, because its
digest is its name. The ledger believes a stored decision only if all of this holds, each time anew:

1. its name is the digest of its bytes, and the bytes are a decision about this authorization;
2. the log's entry that it refers to holds these very bytes and this signature;
3. the newest key of its maker that was registered before that entry, by an entry of the log, made the
   signature.

So whoever can write to the database, but cannot sign, can take a window away and cannot open one.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from sandbox import canonical
from sandbox.audit.event import Kind, timestamp
from sandbox.audit.keys import SigningKey, VerifyKey
from sandbox.errors import Malformed, Refusal
from sandbox.policy.values import read_decimal, spell
from sandbox.store import engine as store

MOST_WINDOWS = 120
"""Windows that one decision may open: ten years of months."""
REASON_LIMIT = 1000
"""Characters of a decision's reason."""
_DOMAIN = b"public-data-sandbox budget decision 1\n"
_KEY = "SELECT seq, public FROM decider_key WHERE name = ? AND seq < ? ORDER BY seq DESC LIMIT 1"
_LEAF = "SELECT leaf FROM entry WHERE seq = ?"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A stretch of time in which something may be spent."""

    first: date
    """Its first day, which is also its name."""
    until: date
    """The first day that is not in it any more."""
    epsilon: Decimal
    """What may be spent in it, at most; the policy may say less."""

    def holds(self, at: datetime) -> bool:
        """Return whether ``at`` lies in it; days begin at midnight UTC."""
        return self.first <= at.astimezone(UTC).date() < self.until

    def meets(self, other: Window) -> bool:
        """Return whether the two share a day."""
        return self.first < other.until and other.first < self.until

    def scope(self, authorization: str) -> str:
        """Return the name under which the ledger keeps what is spent in it."""
        return f"window:{authorization}:{self.first.isoformat()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Raise:
    """One budget gets a higher limit."""

    scope: str
    """``authorization:NAME`` or ``analyst:NAME:PERSON``."""
    epsilon: Decimal
    """What may be spent on it in all from now on; never more than the policy's cap."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What one person decided about the budgets of one authorization."""

    authorization: str
    by: str
    """Account name of who decided."""
    at: str
    """When they did, UTC, ISO 8601, by their own word."""
    reason: str
    windows: tuple[Window, ...] = ()
    raises: tuple[Raise, ...] = ()

    def document(self) -> bytes:
        """Return the one byte string that is signed."""
        return canonical.encode(
            {
                "v": 1,
                "authorization": self.authorization,
                "by": self.by,
                "at": self.at,
                "reason": self.reason,
                "windows": [
                    {
                        "from": window.first.isoformat(),
                        "until": window.until.isoformat(),
                        "epsilon": spell(window.epsilon),
                    }
                    for window in self.windows
                ],
                "raises": [
                    {"scope": raised.scope, "epsilon": spell(raised.epsilon)} for raised in self.raises
                ],
            }
        )

    @classmethod
    def read(cls, data: bytes) -> Decision:
        """Read a document; accepts only what :meth:`document` writes.

        Raises:
            Malformed: it is something else.
        """
        try:
            found = canonical.decode(data)
            decision = cls(
                authorization=str(found["authorization"]),
                by=str(found["by"]),
                at=timestamp(datetime.fromisoformat(found["at"])),
                reason=str(found["reason"]),
                windows=tuple(_window(entry) for entry in found["windows"]),
                raises=tuple(
                    Raise(scope=str(entry["scope"]), epsilon=read_decimal(entry["epsilon"]))
                    for entry in found["raises"]
                ),
            )
            same = decision.document() == data
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _unreadable() from error
        if not same:
            raise _unreadable()
        return decision


def sign(decision: Decision, key: SigningKey) -> Signed:
    """Return ``decision`` signed with its maker's key."""
    document = decision.document()
    return Signed(document=document, signature=key.sign(_DOMAIN + document))


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """A decision's bytes and a signature, which may be anybody's until :meth:`check` says whose."""

    document: bytes
    signature: bytes

    @property
    def id(self) -> str:
        """The decision's name: the digest of its bytes."""
        return canonical.digest(self.document)

    def check(self, key: VerifyKey) -> None:
        """Return if ``key`` signed it.

        Raises:
            Refusal: it did not.
        """
        key.verify(_DOMAIN + self.document, self.signature)

    def said(self) -> dict[str, canonical.Canonical]:
        """Return what the log's entry says of it: all that a stranger needs to verify it."""
        return {
            "decision": self.id,
            "document": self.document.decode(),
            "signature": base64.b64encode(self.signature).decode(),
        }


def believed(connection: Connection, signed: Signed, *, name: str, authorization: str, seq: int) -> Decision:
    """Return a stored decision as one that counts.

    Args:
        connection: an open transaction.
        signed: what is stored.
        name: the name it is stored under.
        authorization: whose decision the table says it is.
        seq: the entry of the log that it refers to.

    Raises:
        Refusal: it does not verify.
    """
    decision = Decision.read(signed.document)  # 1
    if signed.id != name or decision.authorization != authorization:
        raise Refusal("decision-broken", "A decision is not stored as it was made.")
    event = _event(connection, seq)  # 2
    said = event.get("body", {})
    if event.get("kind") != Kind.BUDGET_GRANTED or dict(said) != dict(signed.said()):
        raise Refusal("decision-broken", "The log does not hold this decision.")
    signed.check(key_of(connection, decision.by, before=seq))  # 3
    return decision


def key_of(connection: Connection, person: str, *, before: int) -> VerifyKey:
    """Return the key with which ``person`` signed decisions before entry ``before`` of the log.

    Raises:
        Refusal: none was registered, it was withdrawn, or the log does not know it.
    """
    row = store.run(connection, _KEY, (person, before)).fetchone()
    if row is None or not bytes(row[1]):
        raise Refusal(
            "decider-unknown",
            f"No key of {person} is registered to sign decisions with.",
            allowed="Make one with `sandbox account key`; an administrator registers its public half.",
        )
    seq, public = row[0], bytes(row[1])
    event = _event(connection, seq)
    told = (event.get("kind"), event.get("subject"), event.get("body", {}).get("public"))
    if told != (Kind.DECIDER_KEY_CHANGED, person, base64.b64encode(public).decode()):
        raise Refusal("decision-broken", "The log does not hold this key.")
    return VerifyKey(public)


def _event(connection: Connection, seq: int) -> Mapping[str, Any]:
    row = store.run(connection, _LEAF, (seq,)).fetchone()
    try:
        event: Mapping[str, Any] = canonical.decode(bytes(row[0])) if row is not None else {}
    except ValueError:
        return {}
    return event


def _window(entry: Mapping[str, Any]) -> Window:
    first, until = date.fromisoformat(entry["from"]), date.fromisoformat(entry["until"])
    return Window(first=first, until=until, epsilon=read_decimal(entry["epsilon"]))


def _unreadable() -> Malformed:
    return Malformed("decision-malformed", "This is not a decision about a budget.")
