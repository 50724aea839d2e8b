"""Every check is shown a planted fault and must find it; on a sandbox in order it must not."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from examined import doctor
from witnesses import make_witness

from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import load_secret
from sandbox.audit.log import Log
from sandbox.doctor import books, examine, files, running
from sandbox.doctor.check import Outcome, Result
from sandbox.doctor.subject import Subject
from sandbox.governance.installation import PRIVATE_KEY, open_books, open_signer
from sandbox.hub import embedded, recipes
from sandbox.hub.running import free_ports
from sandbox.settings import Settings
from sandbox.store.engine import open_state

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="uids of parts need root")
STOPPED = ("parts", "part-users", "ports", "homes", "running-notebooks")
WITHOUT_NOTEBOOK = tuple(check.name for check in examine.CHECKS if not check.name.startswith("notebook"))


def found(settings: Settings, name: str) -> Outcome:
    """What one check says of this sandbox."""
    (check,) = (one for one in examine.CHECKS if one.name == name)
    subject = Subject(settings)
    try:
        return check.run(subject)
    finally:
        subject.close()


def fails(settings: Settings, name: str, *words: str) -> bool:
    """Whether the check fails, says these words, and says what to do."""
    outcome = found(settings, name)
    return (
        outcome.result is Result.FAILS
        and bool(outcome.remedy)
        and all(word in outcome.found for word in words)
    )


@pytest.mark.parametrize(
    "name", ["roles", "keys", "raw-tables", "disk", "database", "log", "ledger", "releases", "clock"]
)
def test_a_sandbox_in_order_keeps_the_promise(settings: Settings, name: str) -> None:
    outcome = found(settings, name)
    if name == "roles":
        assert outcome.found == "The hub has not run here yet."
    else:
        assert outcome.result is Result.HOLDS, outcome


@pytest.mark.parametrize("name", STOPPED)
def test_what_needs_a_running_sandbox_says_so_and_passes_for_nothing(settings: Settings, name: str) -> None:
    outcome = found(on_free_ports(settings), name)
    assert outcome.result is Result.UNKNOWN
    assert "does not run" in outcome.found


@pytest.mark.parametrize("name", WITHOUT_NOTEBOOK)
def test_without_a_sandbox_no_promise_is_said_to_hold(tmp_path: Path, name: str) -> None:
    settings = on_free_ports(Settings(home=tmp_path / "none", raw=tmp_path / "none" / "raw"))
    outcome = found(settings, name)
    about_the_machine = {"time-source", "versions", "image"}
    assert outcome.result is not Result.HOLDS or name in about_the_machine
    assert not (tmp_path / "none" / "state").exists()


@pytest.mark.parametrize(
    "place",
    ["keys/receipt.key", "keys/gateway-hub-token", "signer/checkpoint.key", "keys", "seeds", "signer"],
)
def test_a_key_that_others_can_read_is_found(settings: Settings, place: str) -> None:
    path = settings.home / place
    path.chmod(0o755 if path.is_dir() else 0o644)
    assert fails(settings, "keys", str(path), "has mode")


def test_a_link_in_the_place_of_a_key_is_found(settings: Settings) -> None:
    key = settings.keys / "receipt.key"
    key.rename(settings.home / "elsewhere")
    key.symlink_to(settings.home / "elsewhere")
    assert fails(settings, "keys", str(key), "is not a file")


@AS_ROOT
@pytest.mark.parametrize("place", ["keys/private.key", "signer/checkpoint.key", "seeds"])
def test_a_key_of_another_part_is_found(settings: Settings, place: str) -> None:
    os.chown(settings.home / place, settings.door_uid, settings.door_uid)
    assert fails(settings, "keys", place, f"belongs to uid {settings.door_uid}")


def test_raw_tables_whose_directory_is_open_are_found(settings: Settings) -> None:
    settings.raw.chmod(0o755)
    assert fails(settings, "raw-tables", "has mode 0755")


@AS_ROOT
def test_another_part_that_can_read_raw_tables_is_found_by_trying(settings: Settings) -> None:
    table = settings.raw / "visits.csv"
    assert not files._read_by(settings.gateway_uid, [str(table)])
    assert not files._read_by(settings.gateway_uid, [str(settings.raw)])
    assert files._read_by(settings.registrar_uid, [str(table)])
    settings.raw.chmod(0o755)
    table.chmod(0o644)
    assert files._read_by(settings.gateway_uid, [str(table)])


@AS_ROOT
def test_a_disk_without_room_is_found(settings: Settings, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "small", str(small)], check=True)
    try:
        shutil.copytree(settings.keys, small / "keys")
        assert fails(replace(settings, home=small), "disk", "15 MiB")
    finally:
        subprocess.run(["umount", str(small)], check=True)


@contextmanager
def state(settings: Settings) -> Iterator[sqlite3.Connection]:
    """The state's file, with everything that protects it taken away."""
    path = settings.home / "state" / "state.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET leaf = CAST(replace(leaf, 'test', 'tess') AS BLOB) WHERE seq = 2",
        "DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)",
        "UPDATE node SET hash = zeroblob(32)",
        "UPDATE head SET mac = zeroblob(32)",
    ],
)
def test_a_log_that_was_tampered_with_is_found_and_takes_no_entry(settings: Settings, change: str) -> None:
    with state(settings) as connection:
        connection.execute(change)
        size = connection.execute("SELECT count(*) FROM entry").fetchone()
    assert fails(settings, "log", "log")
    done = doctor(settings, "--only", "log", "--output", str(settings.home / "report"))
    assert done.returncode == 3
    assert "The log did not take the entry" in done.stderr
    with state(settings) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == size


def test_a_budget_that_was_lowered_by_hand_is_found(settings: Settings) -> None:
    with state(settings) as connection:
        connection.execute("UPDATE budget SET spent = spent - 1 WHERE spent > 0")
    assert fails(settings, "ledger", "do not agree")
    assert found(settings, "log").result is Result.HOLDS


def test_a_release_request_that_the_log_does_not_know_is_found(settings: Settings) -> None:
    with state(settings) as connection:
        connection.execute(
            "INSERT INTO release_request VALUES"
            " ('planted', 'ana', 'visits-study', 'x', 'RELEASED', 1, 1, x'7b7d', '2026-06-01', '2026-06-01')"
        )
    assert fails(settings, "releases", "planted")
    assert found(settings, "log").result is Result.HOLDS


def test_tables_of_an_older_version_are_found_and_left_as_they_are(settings: Settings) -> None:
    with state(settings) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0004'")
    assert fails(settings, "database", "0004")
    assert found(settings, "log").result is Result.UNKNOWN
    with state(settings) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0004",)


@contextmanager
def log_without_copies(settings: Settings, *, ahead: timedelta = timedelta()) -> Iterator[Log]:
    """The log, written past its copies, by a clock that may go wrong."""
    log = Log(
        open_state(settings),
        signer=open_signer(settings),
        private_key=load_secret(settings.keys / PRIVATE_KEY),
        clock=lambda: datetime.now(UTC) + ahead,
    )
    yield log
    log.close()
    log.engine.dispose()


SOMETHING = Event(kind=Kind.LOGIN, actor="ana", subject="ana")


def test_a_clock_behind_the_record_is_found(settings: Settings) -> None:
    with log_without_copies(settings, ahead=timedelta(hours=1)) as log:
        log.append(SOMETHING)
    assert fails(settings, "clock", "before the log's newest entry")


@pytest.fixture
def own_policies(settings: Settings, tmp_path: Path) -> Settings:
    """The same sandbox with policies that a test may change."""
    return replace(settings, policies=Path(shutil.copytree(settings.policies, tmp_path / "policies")))


def test_a_copy_of_the_log_that_lags_is_found(
    own_policies: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "PATIENCE", 0.3)
    sink = f'[sinks.copy]\nkind = "file"\nrequired = true\npath = "{tmp_path / "copy.jsonl"}"\n'
    (own_policies.policies / "sinks.toml").write_text(sink)
    assert fails(own_policies, "sinks", "copy")
    open_books(own_policies).close()
    assert found(own_policies, "sinks").result is Result.HOLDS
    with log_without_copies(own_policies) as log:
        log.append(SOMETHING)
    assert fails(own_policies, "sinks", "copy")


def test_a_witness_that_never_cosigned_is_found(own_policies: Settings, tmp_path: Path) -> None:
    assert found(own_policies, "witnesses").result is Result.UNKNOWN
    key = make_witness(tmp_path / "witness").text
    (own_policies.policies / "witnesses.toml").write_text(
        f'[witnesses.officer]\nurl = "http://127.0.0.1:1"\nkey = "{key}"\n'
    )
    assert fails(own_policies, "witnesses", "never witnessed by officer")


def on_free_ports(settings: Settings) -> Settings:
    hub, api, proxy, console = free_ports(4)
    return replace(settings, hub_port=hub, hub_api_port=api, proxy_api_port=proxy, console_port=console)


@contextmanager
def listening(*paths: Path) -> Iterator[None]:
    """Something that answers in the places of parts, under this process's uid."""
    with ExitStack() as stack:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            bait = stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
            bait.bind(str(path))
            bait.listen()
        yield


def test_a_part_that_is_silent_is_found(settings: Settings) -> None:
    settings = on_free_ports(settings)
    with listening(settings.signer_socket):
        assert fails(settings, "parts", "door, gateway, hub")


@AS_ROOT
def test_a_part_that_runs_as_root_is_found(settings: Settings) -> None:
    settings = on_free_ports(settings)
    control = Subject(settings).control
    with listening(settings.signer_socket, control, settings.gateway_socket):
        assert fails(settings, "part-users", "the signer runs as uid 0", "the gateway runs as uid 0")


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")])  # noqa: S104  # the fault
def test_a_port_that_is_open_to_other_machines_is_found(
    settings: Settings, family: socket.AddressFamily, address: str
) -> None:
    settings = on_free_ports(settings)
    with (
        listening(settings.signer_socket),
        socket.create_server(("127.0.0.1", settings.console_port)),
    ):
        assert found(settings, "ports").result is Result.HOLDS
        with socket.create_server((address, settings.hub_port), family=family):
            assert fails(settings, "ports", f"{address} port {settings.hub_port}")


def test_a_process_without_isolation_is_told_from_a_notebook() -> None:
    """This very process is in the machine's namespaces and unfiltered."""
    weak = list(running.weaknesses(os.getpid()))
    assert any("namespaces of the machine (net, pid, ipc, uts, mnt)" in one for one in weak)
    assert {"no filter of system calls", "no no_new_privs"} <= set(weak)


def test_an_environment_of_other_files_is_found(settings: Settings) -> None:
    settings = replace(settings, isolation="bubblewrap")
    assert fails(settings, "image", "missing")
    environment = settings.home / "notebook-env"
    shutil.copytree(recipes.CONTEXT / "jupyter", environment / "etc" / "jupyter")
    (environment / "bin").mkdir()
    (environment / "bin" / "python").touch()
    embedded.copy_client(settings.home / "notebook-client")
    assert found(settings, "image").result is Result.HOLDS
    changed = next((settings.home / "notebook-client").rglob("session.py"))
    changed.write_text(changed.read_text() + "# another version\n")
    assert fails(settings, "image", "session.py")
    embedded.copy_client(settings.home / "notebook-client")
    package = environment / "lib" / "python3.11" / "site-packages" / "jupyterlab-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: jupyterlab\nVersion: 1.0\n")
    assert fails(settings, "image", "jupyterlab 1.0")
