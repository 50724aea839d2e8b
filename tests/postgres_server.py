"""A PostgreSQL server of the tests' own: Debian's programs, a directory under /tmp, one unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

DATABASE = "register"
REGISTRAR, GATEWAY = "sandbox_registrar", "sandbox_gateway"
OWNER = "owner"
STARTS_WITHIN = 30.0
FAST = ("fsync=off", "full_page_writes=off")
"""For tables that are made again; nothing that a crash would have to keep."""
_SETTINGS = ("listen_addresses=", "max_connections=100")
_ROLES = (
    f"CREATE ROLE {REGISTRAR} LOGIN PASSWORD 'registrar'",
    f"CREATE ROLE {GATEWAY} LOGIN PASSWORD 'gateway'",
    f"GRANT CREATE ON DATABASE {DATABASE} TO {REGISTRAR}",
)


@dataclass
class Server:
    """One that runs: its owner's connection, and the key files of both hands on the data."""

    directory: Path
    registrar: Path
    gateway: Path
    process: subprocess.Popen[bytes]

    def connect(self, role: str = OWNER, password: str = OWNER) -> psycopg.Connection[tuple[Any, ...]]:
        """Connect without the product, to see what is really there."""
        return psycopg.connect(
            host=str(self.directory), dbname=DATABASE, user=role, password=password, autocommit=True
        )


def programs() -> Path | None:
    """Return the directory of the newest initdb and postgres, or None where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    found = debian[-1] if debian else shutil.which("postgres")
    return None if found is None else Path(found).parent


@contextmanager
def running(binaries: Path, settings: Sequence[str] = FAST) -> Iterator[Server]:
    """Make and start a server, and leave nothing of it behind."""
    with tempfile.TemporaryDirectory(prefix="pds-pg-", ignore_cleanup_errors=True) as name:
        directory, identity = Path(name), _identity()
        if identity:
            os.chown(directory, identity["user"], -1)
        secret = directory / "owner"
        secret.write_text("owner")
        secret.chmod(0o644)
        subprocess.run(
            [binaries / "initdb", "-D", directory / "data", "-U", "owner", f"--pwfile={secret}",
             "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True, capture_output=True, cwd="/", **identity,
        )  # fmt: skip
        options = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
        process = _start([binaries / "postgres", "-D", directory / "data", "-k", directory, *options])
        server = None
        try:
            _wait(directory, process)
            server = _prepared(directory, process)
            yield server
        finally:
            process = process if server is None else server.process  # it may have been started again
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def restarted(server: Server) -> None:
    """Start a server again that was killed, as it was started before."""
    until = time.monotonic() + STARTS_WITHIN
    while True:
        server.process = _start(server.process.args)
        try:
            _wait(server.directory, server.process)
        except AssertionError:  # what the killed one left still ends
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def _start(arguments: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **_identity()
    )


def _identity() -> dict[str, Any]:
    """Return another user than root, which PostgreSQL does not run under."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = names.get("postgres", names["nobody"])
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _wait(directory: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            psycopg.connect(host=str(directory), dbname="postgres", user="owner", password="owner").close()
        except psycopg.OperationalError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)
        else:
            return


def _prepared(directory: Path, process: subprocess.Popen[bytes]) -> Server:
    with psycopg.connect(
        host=str(directory), dbname="postgres", user="owner", password="owner", autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        for statement in _ROLES:
            connection.execute(statement.encode())
    keys = directory / "keys"
    keys.mkdir()
    for role, word in ((REGISTRAR, "registrar"), (GATEWAY, "gateway")):
        (keys / word).touch(mode=0o600)
        (keys / word).write_text(f"postgresql://{role}:{word}@/{DATABASE}?host={directory}\n")
    return Server(directory, registrar=keys / "registrar", gateway=keys / "gateway", process=process)
