"""Whatever somebody changes in the state's file: it is refused, or nothing that is shown is different."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_asker import CHEAP, close, intent, open_ledger, outcome

from sandbox.audit.verify import verify_proof
from sandbox.errors import SandboxError
from sandbox.ledger.books import check_books
from sandbox.ledger.ledger import Ledger
from sandbox.ledger.scopes import scopes_for
from sandbox.settings import Settings

QUESTIONS = 40
COVERED = ("entry", "node", "checkpoint", "head", "private", "charge", "budget")
DERIVED = ("event_index", "event_subject")
"""Tables that only help to find entries; what is shown comes from the entries."""
Shown = tuple[tuple[Any, ...], ...]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed state with charged and answered questions, and its keys."""
    home = tmp_path_factory.mktemp("original")
    ledger = open_ledger(Settings(home=home))
    for number in range(QUESTIONS):
        ledger.charge(f"q{number}", CHEAP, intent(f"q{number}"), private=f"SELECT {number}")
        ledger._log.append(outcome(f"q{number}"))
    ledger._log.cover()
    with sqlite3.connect(state_file(home)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    close(ledger)
    return home


def state_file(home: Path) -> Path:
    return home / "state" / "state.sqlite"


def shown(home: Path) -> Shown:
    """Open the state as a start does, and return everything that anybody is ever shown of it."""
    ledger = open_ledger(Settings(home=home))
    try:
        log = ledger._log
        log.check_start()
        with log.reading() as connection:
            check_books(connection)
        return tuple(_entries(ledger)), tuple(
            (one.scope, one.spent.picorho, one.left.picorho)
            for one in ledger.balances(scopes_for(CHEAP.checked))
        )
    finally:
        close(ledger)


def _entries(ledger: Ledger) -> Iterator[tuple[Any, ...]]:
    log = ledger._log
    key = log.status().key
    for seq in range(2 * QUESTIONS):
        verify_proof(log.proof(seq), leaf=log.leaf(seq), key=key)
        yield log.leaf(seq), log.reveal(seq)


def attempt(original: Path, home: Path, change: Callable[[sqlite3.Connection], object]) -> str:
    """Change a copy of the state, and say what came of it: refused, same, or different."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(original, home)
    connection = sqlite3.connect(state_file(home), isolation_level=None)
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA ignore_check_constraints=ON")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    try:
        change(connection)
    except sqlite3.IntegrityError:
        return "impossible"
    finally:
        connection.close()
    return outcome_of(original, home)


def outcome_of(original: Path, home: Path) -> str:
    try:
        return "same" if shown(home) == shown(original) else "different"
    except SandboxError:
        return "refused"


def changed(value: object, chance: random.Random) -> object:
    """Return another value of the same kind."""
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 1000])
    if isinstance(value, str):
        return value[:-1] + chance.choice("xyz") if value else "x"
    assert isinstance(value, bytes)
    place = chance.randrange(len(value))
    return value[:place] + bytes([value[place] ^ 1 << chance.randrange(8)]) + value[place + 1 :]


def random_change(table: str, chance: random.Random) -> Callable[[sqlite3.Connection], object]:
    """Change one value, remove one row, or write a row in the place of another."""

    def change(connection: sqlite3.Connection) -> None:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        rows = connection.execute(f"SELECT rowid, * FROM {table}").fetchall()  # noqa: S608  # names of our own
        rowid, *values = chance.choice(rows)
        if chance.randrange(3) == 0:
            connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))  # noqa: S608  # as above
            return
        place = chance.randrange(len(columns))
        setting = f'UPDATE {table} SET "{columns[place]}" = ? WHERE rowid = ?'  # noqa: S608  # as above
        connection.execute(setting, (changed(values[place], chance), rowid))

    return change


@pytest.mark.parametrize("table", [*COVERED, *DERIVED])
def test_a_changed_row_is_refused_or_shows_nothing_else(
    original: Path, tmp_path: Path, table: str, long: bool
) -> None:
    chance = random.Random(table)  # noqa: S311  # which row, not a secret
    found = [
        attempt(original, tmp_path / "home", random_change(table, chance)) for _ in range(110 if long else 7)
    ]
    assert "different" not in found
    assert set(found) - {"impossible"}, "something was changed"
    if table in {"entry", "budget"}:
        assert "refused" in found


def test_a_changed_byte_of_the_file_is_refused_or_shows_nothing_else(
    original: Path, tmp_path: Path, long: bool
) -> None:
    chance, found = random.Random(1), []  # noqa: S311  # which byte, not a secret
    for _ in range(150 if long else 12):
        home = tmp_path / "home"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(original, home)
        content = bytearray(state_file(home).read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        state_file(home).write_bytes(content)
        found.append(outcome_of(original, home))
    assert "different" not in found


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE budget SET spent = spent - 1",
        "UPDATE budget SET spent = 0",
        "DELETE FROM budget WHERE scope LIKE 'population:%'",
        "UPDATE charge SET loss = 1",
        "DELETE FROM charge WHERE request_id = 'q3'",
        "UPDATE charge SET loss = loss - 1 WHERE request_id = 'q3'; UPDATE budget SET spent = spent - 1",
        "DELETE FROM charge; DELETE FROM budget",
    ],
)
def test_a_ledger_that_somebody_made_smaller_stops_the_start(
    original: Path, tmp_path: Path, statement: str
) -> None:
    assert attempt(original, tmp_path / "home", lambda one: one.executescript(statement)) == "refused"


def test_the_harness_tells_what_differs(original: Path, tmp_path: Path) -> None:
    """Planted: a start that checks nothing lets a smaller budget pass, and the harness says so."""
    home = tmp_path / "home"
    shutil.copytree(original, home)
    with sqlite3.connect(state_file(home)) as connection:
        connection.execute("UPDATE budget SET spent = spent - 1")
    connection.close()
    with pytest.MonkeyPatch.context() as careless:
        careless.setitem(globals(), "check_books", lambda _connection: None)
        assert outcome_of(original, home) == "different"
