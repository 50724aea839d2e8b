"""The state on each database that can hold it: SQLite, and PostgreSQL with the two roles it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from postgres_server import OWNER, Server, programs, running

from sandbox.settings import Settings

KINDS = ("sqlite", "postgresql")
STATE_OWNER, STATE_SERVICE = "state_owner", "state_service"
_databases = count(1)


@pytest.fixture(scope="session")
def state_server() -> Iterator[Server]:
    """A PostgreSQL server that flushes what it acknowledges, with the two roles of a state database."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    with running(found, settings=()) as server:
        with server.connect() as owner:
            for role in (STATE_OWNER, STATE_SERVICE):
                owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'".encode())
        yield server


def postgres_state(server: Server, home: Path) -> Settings:
    """Return settings of a new and empty database under ``home``."""
    name = f"state_{next(_databases)}"
    with server.connect() as owner:
        owner.execute(f"CREATE DATABASE {name} OWNER {STATE_OWNER}".encode())
    settings = Settings(home=home, state_url="postgresql")
    for path, role in (
        (settings.postgresql_state, STATE_SERVICE),
        (settings.postgresql_state_owner, STATE_OWNER),
    ):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(f"postgresql://{role}:{role}@/{name}?host={server.directory}\n")
    return settings


def connect_to(
    settings: Settings, server: Server, role: str = OWNER
) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to the database of ``settings`` without the product, by default as the server's owner."""
    name = settings.postgresql_state.read_text().partition("?")[0].rpartition("/")[2].strip()
    return psycopg.connect(host=str(server.directory), dbname=name, user=role, password=role, autocommit=True)


def empty_state(request: pytest.FixtureRequest, home: Path, kind: str) -> Settings:
    """Return settings of an empty state database of this kind."""
    if kind == "sqlite":
        return Settings(home=home)
    return postgres_state(request.getfixturevalue("state_server"), home)


@pytest.fixture(params=KINDS)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an empty state database, once on each kind."""
    return empty_state(request, tmp_path, request.param)
