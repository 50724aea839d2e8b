"""The state on each database that can hold it: SQLite, and PostgreSQL on a server of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.postgres import tests_server
from sandbox.settings import Settings


def states(home: Path, stack: ExitStack) -> Iterator[tuple[str, Settings]]:
    """Yield the name of each database and the settings of an empty state in it, below ``home``."""
    yield "SQLite", Settings(home=home.with_name(f"{home.name}-sqlite"))
    server = tests_server()
    programs = server.programs()
    if programs is not None:
        running = stack.enter_context(server.running(programs, settings=()))
        yield "PostgreSQL", _postgres_state(running, home.with_name(f"{home.name}-postgresql"))


def _postgres_state(running: Any, home: Path) -> Settings:
    settings = Settings(home=home, state_url="postgresql")
    with running.connect() as connection:
        for role in ("books_owner", "books"):
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'".encode())
        connection.execute(b"CREATE DATABASE books OWNER books_owner")
    for path, role in (
        (settings.postgresql_state, "books"),
        (settings.postgresql_state_owner, "books_owner"),
    ):
        path.parent.mkdir(mode=0o700, parents=True)
        path.touch(mode=0o600)
        path.write_text(f"postgresql://{role}:{role}@/books?host={running.directory}\n")
    return settings
