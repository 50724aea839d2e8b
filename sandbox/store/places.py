"""Where the state is: a SQLite file, or a PostgreSQL database whose way in is a key file."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sandbox.errors import StartupRefusal
from sandbox.settings import Settings

WRITE_WAIT = "sandbox_write_wait"
"""Execution option of a writing transaction: seconds it waits for the write lock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresPlace:
    """A database, and who may do what in it."""

    service: URL
    """Of the role that reads and writes, and may change no row of the log."""
    owner: URL | None
    """Of the role that owns the tables and migrates them; None for a process that cannot."""


def place_of(settings: Settings) -> Path | PostgresPlace:
    """Return where the state of ``settings`` is.

    Raises:
        StartupRefusal: neither a SQLite file nor PostgreSQL is named, or a key file is missing or wrong.
    """
    if settings.state_url == "postgresql":
        return _postgres(settings)
    try:
        parsed = make_url(settings.database_url)
    except ArgumentError as error:
        raise _refused() from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise _refused()
    return Path(parsed.database)


def read_key(path: Path) -> URL:
    """Read a key file with one line, ``postgresql://role:password@host:port/database``.

    Raises:
        StartupRefusal: it is missing, others can read it, or it holds something else.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StartupRefusal(f"{path} can be read by others; set its mode to 0600.")
        url = make_url(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError, ArgumentError):
        raise StartupRefusal(f"{path} must hold postgresql://role:password@host:port/database.") from None
    if url.drivername != "postgresql":
        raise StartupRefusal(f"{path} must hold postgresql://role:password@host:port/database.")
    return url.set(drivername="postgresql+psycopg")


def _postgres(settings: Settings) -> PostgresPlace:
    service, path = read_key(settings.postgresql_state), settings.postgresql_state_owner
    # os.access: who runs the sandbox day by day cannot even look into the owner's directory.
    owner = read_key(path) if os.access(path, os.R_OK) else None
    if owner is not None and owner.username == service.username:
        raise StartupRefusal("The state's owner and the role that the sandbox runs under must be two roles.")
    return PostgresPlace(service=service, owner=owner)


def _refused() -> StartupRefusal:
    return StartupRefusal(
        "SANDBOX_STATE_URL must be empty, name a SQLite file as in sqlite:////srv/sandbox/state.sqlite, "
        "or be the word postgresql."
    )
