"""Who may log in, and which groups they are in.

Guarantees: a password is kept only as a salted scrypt hash; after :data:`FAILURES_ALLOWED` wrong ones in
a row an account is closed for :data:`LOCK_TIME`, whatever is tried meanwhile; nobody holds two roles that
exclude each other; every change of an account is in the log, in the transaction that makes it.

Where people log in at a provider, their accounts have no password that is asked for: :func:`admit` makes
them and sets their groups to what the provider's word gives.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select

from sandbox import canonical
from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.group import Transaction
from sandbox.audit.log import Log
from sandbox.errors import Conflict, Malformed, NotAllowed, NotAuthenticated, NotFound, Refusal
from sandbox.policy.names import PERSON_NAME
from sandbox.policy.roles import forbidden_together
from sandbox.store.tables import account as accounts_table

OWASP_SCRYPT = (2**15, 8, 3)
"""N, r, p from OWASP's Password Storage Cheat Sheet (2023): 32 MiB and about 0.2 s a try."""
SCRYPT_MEMORY = 64 * 1024 * 1024
SALT_BYTES = 16
HASH_BYTES = 32
PASSWORD_BYTES = 12
"""96 random bits, 16 characters: made here, so that nobody picks a weak one."""
PASSWORD_LIMIT = 256
"""Longest password that is looked at; a longer one is wrong."""
FAILURES_ALLOWED = 5
LOCK_TIME = timedelta(minutes=15)
"""So at most 480 tries a day, against 96 random bits; NIST SP 800-63B 5.2.2 asks for a limit."""

TRAINED = frozenset({"analysts", "reviewers"})
"""Roles that take a training where the rules of review ask for one."""
PROVIDER = "login-provider"
"""Who is named in the log where groups change because they changed at the provider."""

_GROUP_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_WRONG = "The name or the password is wrong, or the account is closed for now."


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One person as the sandbox knows them."""

    number: int
    """Fixes the uid of the person's notebook; never given to anybody else."""
    name: str
    groups: frozenset[str]
    disabled: bool
    generation: int
    """Grows with every new password; sessions of an earlier one are void."""
    trained_until: str
    """Last day of the person's training, ISO 8601; empty where nobody said."""


def create(log: Log, name: str, *, groups: frozenset[str], actor: str, login: bool = True) -> str:
    """Add an account; return its password, or an empty text where it cannot log in at the hub.

    Raises:
        Malformed: the name or a group's name is not of the right form.
        NotAllowed: two of the groups exclude each other.
        Conflict: the name is taken.
    """
    _check_name(name)
    _check_groups(groups)
    password = secrets.token_urlsafe(PASSWORD_BYTES) if login else ""
    stored = _hash(password) if login else ""
    with log.writing() as tx:
        if _row(tx, name) is not None:
            raise Conflict("account-exists", f"There is an account {name} already.")
        _add(tx, name, password_hash=stored, groups=groups)
        _record(tx, name, actor=actor, change="created", groups=sorted(groups), login=login)
    return password


def list_all(engine: Engine) -> list[Account]:
    """Return every account, by name."""
    with engine.connect() as connection:
        rows = connection.execute(select(accounts_table).order_by(accounts_table.c.name)).all()
    return [_account(row) for row in rows]


def find(engine: Engine, name: str) -> Account | None:
    """Return the account of this name, also a disabled one."""
    with engine.connect() as connection:
        row = connection.execute(select(accounts_table).where(accounts_table.c.name == name)).one_or_none()
    return None if row is None else _account(row)


def groups_by_name(engine: Engine, *, trained_on: str = "") -> dict[str, frozenset[str]]:
    """Return the groups of everybody whose account is not disabled, by name.

    Args:
        engine: of the state database.
        trained_on: a day; whose training has run out by then, or was never said, is without the roles
            that take one. Empty asks for no training.
    """
    return {
        one.name: one.groups - (TRAINED if one.trained_until < trained_on else frozenset())
        for one in list_all(engine)
        if not one.disabled
    }


def groups_of(engine: Engine, name: str) -> frozenset[str]:
    """Return the groups the person is in now; none where there is no such account or it is disabled."""
    account = find(engine, name)
    return frozenset() if account is None or account.disabled else account.groups


def set_groups(log: Log, name: str, *, groups: frozenset[str], actor: str) -> None:
    """Set all groups of an account; acts at the person's next request.

    Raises:
        Malformed, NotAllowed: as for :func:`create`.
        NotFound: there is no such account.
    """
    _check_groups(groups)
    _change(
        log, name, actor=actor, values={"groups": canonical.encode(sorted(groups))}, groups=sorted(groups)
    )


def set_disabled(log: Log, name: str, *, disabled: bool, actor: str) -> None:
    """Close an account, or open it again; opening also forgets failed log-ins.

    Raises:
        NotFound: there is no such account.
    """
    values = {"disabled": disabled, "failures": 0, "locked_until": ""}
    _change(log, name, actor=actor, values=values, disabled=disabled)


def set_trained(log: Log, name: str, *, until: date, actor: str) -> None:
    """Set the last day of a person's training; acts at their next request.

    Raises:
        NotFound: there is no such account.
    """
    last = until.isoformat()
    _change(log, name, actor=actor, values={"trained_until": last}, trained_until=last)


def new_password(log: Log, name: str, *, actor: str) -> str:
    """Give an account a new password and return it; the old one is void, and every session it began.

    Raises:
        NotFound: there is no such account.
    """
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    values = {
        "password_hash": _hash(password),
        "failures": 0,
        "locked_until": "",
        "generation": accounts_table.c.generation + 1,
    }
    _change(log, name, actor=actor, values=values, password="new")  # noqa: S106  # a word for the log
    return password


def log_in(log: Log, name: str, password: str) -> Account:
    """Return the account that ``name`` and ``password`` belong to; both outcomes are logged.

    Every way to fail has the same sentence and costs the same hash, so neither tells which names exist.

    Raises:
        NotAuthenticated: the name or password is wrong, or the account is disabled or locked.
    """
    named = PERSON_NAME.fullmatch(name) is not None
    with log.engine.connect() as connection:
        query = select(accounts_table.c.password_hash).where(accounts_table.c.name == name)
        stored = connection.execute(query).scalar() if named else None
    right = _matches(password, stored or _NOBODY)
    with log.writing() as tx:
        row = _row(tx, name) if named else None
        locked = row is not None and row.locked_until > timestamp(tx.at)
        if row is not None and right and row.password_hash == stored and not (locked or row.disabled):
            _update(tx, name, {"failures": 0, "locked_until": ""})
            tx.append(Event(kind=Kind.LOGIN, actor=name, subject=name, decision="granted"))
            return _account(row)
        if row is not None and not locked:
            _update(tx, name, _after_failure(row.failures + 1, tx.at))
        subject = name if row is not None else "unknown-name"
        tx.append(Event(kind=Kind.LOGIN_REFUSED, actor=subject, subject=subject, decision="refused"))
    raise NotAuthenticated("login-refused", _WRONG)


def admit(log: Log, name: str, *, subject: str, groups: frozenset[str]) -> Account:
    """Return the account of somebody whom the provider vouches for; make it, or set its groups.

    Args:
        log: the log that accounts are kept with.
        name: what the provider calls the person.
        subject: digest of what the provider knows the person by for ever.
        groups: what the provider's word gives now.

    Raises:
        Malformed: the name cannot be an account's.
        NotAllowed: two of the groups exclude each other, or the account belongs to somebody else there.
        NotAuthenticated: the account is disabled.
    """
    try:
        _check_name(name)
        _check_groups(groups)
    except Refusal:
        refuse(log, name)
        raise
    with log.writing() as tx:
        row = _row(tx, name)
        theirs = row is None or row.subject in {"", subject}
        admitted = row is None or (theirs and not row.disabled)
        if row is None:
            _add(tx, name, password_hash="", groups=groups, subject=subject)
            _record(tx, name, actor=PROVIDER, change="created", groups=sorted(groups), login=True)
        elif admitted:
            _update(tx, name, {"subject": subject})
            _set_if_changed(tx, row, groups)
        kind, decision = (Kind.LOGIN, "granted") if admitted else (Kind.LOGIN_REFUSED, "refused")
        tx.append(Event(kind=kind, actor=name, subject=name, decision=decision))
        account = _account(_row(tx, name))
    if not theirs:
        raise NotAllowed(
            "account-of-another",
            f"The account {name} belongs to another person of the log-in provider.",
            allowed="Ask the administrator.",
        )
    if not admitted:
        raise NotAuthenticated("account-disabled", "The account is disabled.")
    return account


def refuse(log: Log, name: str) -> None:
    """Log that somebody was refused who called themselves ``name``."""
    known = PERSON_NAME.fullmatch(name) is not None and find(log.engine, name) is not None
    subject = name if known else "unknown-name"
    with log.writing() as tx:
        tx.append(Event(kind=Kind.LOGIN_REFUSED, actor=subject, subject=subject, decision="refused"))


def follow(log: Log, name: str, *, groups: frozenset[str]) -> None:
    """Set the groups to what the provider's word gives now; nothing is written where they are that.

    Raises:
        Malformed, NotAllowed: as for :func:`create`.
    """
    _check_groups(groups)
    account = find(log.engine, name)
    if account is None or account.groups == groups:
        return
    with log.writing() as tx:
        _set_if_changed(tx, _row(tx, name), groups)


def _after_failure(failures: int, at: datetime) -> dict[str, object]:
    if failures < FAILURES_ALLOWED:
        return {"failures": failures}
    return {"failures": 0, "locked_until": timestamp(at + LOCK_TIME)}


def _check_name(name: str) -> None:
    if PERSON_NAME.fullmatch(name) is None:
        raise Malformed(
            "account-name",
            f"{name!r} cannot be an account's name.",
            allowed="A name begins with a to z and has at most 32 of a to z, 0 to 9 and -.",
        )


def _check_groups(groups: frozenset[str]) -> None:
    wrong = sorted(group for group in groups if _GROUP_NAME.fullmatch(group) is None)
    if wrong:
        raise Malformed(
            "group-name",
            f"{wrong[0]!r} cannot be a group's name.",
            allowed="A group's name has at most 63 of a to z, 0 to 9, _ and -.",
        )
    pair = forbidden_together(groups)
    if pair is not None:
        first, second = sorted(pair)
        raise NotAllowed(
            "roles-exclude",
            f"Nobody may be in {first} and in {second}.",
            allowed="Give the two roles to two people.",
        )


def _add(
    tx: Transaction, name: str, *, password_hash: str, groups: frozenset[str], subject: str = ""
) -> None:
    last = tx.connection.execute(select(func.max(accounts_table.c.number))).scalar()
    tx.connection.execute(
        accounts_table.insert().values(
            number=(last or 0) + 1,
            name=name,
            password_hash=password_hash,
            groups=canonical.encode(sorted(groups)),
            disabled=False,
            failures=0,
            locked_until="",
            subject=subject,
            generation=0,
        )
    )


def _set_if_changed(tx: Transaction, row: Any, groups: frozenset[str]) -> None:
    if _account(row).groups != groups:
        _update(tx, row.name, {"groups": canonical.encode(sorted(groups))})
        _record(tx, row.name, actor=PROVIDER, change="changed", groups=sorted(groups))


def _change(
    log: Log, name: str, *, actor: str, values: dict[str, object], **said: canonical.Canonical
) -> None:
    with log.writing() as tx:
        if _row(tx, name) is None:
            raise NotFound("account-unknown", f"There is no account {name!r}.")
        _update(tx, name, values)
        _record(tx, name, actor=actor, change="changed", **said)


def _record(tx: Transaction, name: str, *, actor: str, **body: canonical.Canonical) -> None:
    tx.append(Event(kind=Kind.ACCOUNT_CHANGED, actor=actor, subject=name, body=body))


def _row(tx: Transaction, name: str) -> Any:
    return tx.connection.execute(select(accounts_table).where(accounts_table.c.name == name)).one_or_none()


def _update(tx: Transaction, name: str, values: dict[str, object]) -> None:
    tx.connection.execute(accounts_table.update().where(accounts_table.c.name == name).values(**values))


def _account(row: Any) -> Account:
    groups = frozenset(canonical.decode(row.groups))
    return Account(
        number=row.number,
        name=row.name,
        groups=groups,
        disabled=row.disabled,
        generation=row.generation,
        trained_until=row.trained_until,
    )


def _hash(password: str) -> str:
    salt = os.urandom(SALT_BYTES)
    key = _scrypt(password, salt, OWASP_SCRYPT)
    parameters = [str(part) for part in OWASP_SCRYPT]
    return "$".join(["scrypt", *parameters, base64.b64encode(salt).decode(), base64.b64encode(key).decode()])


def _matches(password: str, stored: str) -> bool:
    _, n, r, p, salt, key = stored.split("$")
    found = _scrypt(password, base64.b64decode(salt), (int(n), int(r), int(p)))
    return hmac.compare_digest(found, base64.b64decode(key)) and 0 < len(password) <= PASSWORD_LIMIT


def _scrypt(password: str, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    n, r, p = cost
    secret = password[:PASSWORD_LIMIT].encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=SCRYPT_MEMORY, dklen=HASH_BYTES)


_NOBODY = "$".join(
    ["scrypt", *(str(part) for part in OWASP_SCRYPT), base64.b64encode(bytes(SALT_BYTES)).decode(), ""]
)
"""What a password is compared with where there is no account or no log-in: the cost is the same."""
