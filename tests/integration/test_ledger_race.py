"""The last epsilon, raced for: exactly one question is granted, counted by what was granted.

Each race is also run against a ledger with a planted fault, to show that the race would find it.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path

import ledger_asker
import pytest
from ledger_asker import TIGHT, CarelessLedger, decide, granted, open_ledger, plan_of, tight_on, window
from sqlalchemy import Connection, event

from sandbox.audit.keys import SigningKey, create_secret
from sandbox.ledger.ledger import Ledger
from sandbox.ledger.scopes import scopes_for
from sandbox.privacy.plan import Plan

Open = Callable[[type[Ledger]], Ledger]
PROCESSES, ASKERS = 2, 32


@pytest.fixture
def home(tmp_path: Path) -> Path:
    SigningKey.create(tmp_path / "log")
    create_secret(tmp_path / "private")
    ledger = open_ledger(tmp_path)
    yesterday = ledger._log.now().date() - timedelta(days=1)
    decide(ledger, tight_on("window"), windows=[window(yesterday)])
    ledger._log.engine.dispose()
    return tmp_path


@pytest.fixture
def opened(home: Path) -> Iterator[Open]:
    """Open ledgers of one state, each with its own connections."""
    ledgers: list[Ledger] = []

    def open_one(kind: type[Ledger]) -> Ledger:
        ledgers.append(open_ledger(home, kind))
        return ledgers[-1]

    yield open_one
    for ledger in ledgers:
        ledger._log.engine.dispose()


def race_by_load(home: Path, scope: str, *flags: str) -> int:
    """Let all askers of all processes ask at once; return how many questions were granted."""
    started = [
        subprocess.Popen(
            [sys.executable, ledger_asker.__file__, str(home), f"p{number}", str(ASKERS), scope, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for number in range(PROCESSES)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return sum(int(process.communicate(timeout=120)[0]) for process in started)


def race_by_schedule(first: Ledger, rival: Ledger, plan: Plan) -> int:
    """Start a rival after the first asker has read and before it writes; return how many were granted."""
    rivals: list[Future[bool]] = []
    with ThreadPoolExecutor(1) as pool:

        def start_rival(statement: str) -> None:
            # The first statement that writes a budget: everything that was read is in hand.
            if not rivals and statement.lstrip().startswith(
                ("UPDATE budget", "INSERT OR REPLACE INTO budget")
            ):
                rivals.append(pool.submit(granted, rival, "rival", plan))
                wait(rivals, timeout=0.5)  # it reads now, or waits for the lock as it should

        def watch(connection: Connection) -> None:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.set_trace_callback(start_rival)

        event.listen(first._log.engine, "begin", watch)
        answers = [granted(first, "first", plan)]
        answers += [asked.result(timeout=60) for asked in rivals]
    assert len(answers) == 2
    return sum(answers)


def spent(ledger: Ledger, plan: Plan) -> list[int]:
    return [balance.spent.picorho for balance in ledger.balances(scopes_for(plan.checked))]


@pytest.mark.parametrize("scope", TIGHT)
def test_the_last_epsilon_of_a_scope_raced_by_64_askers_of_two_processes_is_granted_once(
    home: Path, opened: Open, scope: str
) -> None:
    assert race_by_load(home, scope) == 1
    ledger, plan = opened(Ledger), plan_of("1", tight_on(scope))
    assert spent(ledger, plan) == [plan.loss.picorho] * len(TIGHT)
    assert ledger._log.check_start().size == 3  # the key, the decision, the one intent


@pytest.mark.parametrize("scope", TIGHT)
def test_a_rival_between_read_and_write_is_refused(opened: Open, scope: str) -> None:
    plan = plan_of("1", tight_on(scope))
    assert race_by_schedule(opened(Ledger), opened(Ledger), plan) == 1


@pytest.mark.parametrize("scope", TIGHT)
def test_the_race_by_load_finds_a_ledger_that_looks_before_it_writes(home: Path, scope: str) -> None:
    assert race_by_load(home, scope, "careless") > 1


@pytest.mark.parametrize("scope", TIGHT)
def test_the_race_by_schedule_finds_a_ledger_that_looks_before_it_writes(opened: Open, scope: str) -> None:
    plan = plan_of("1", tight_on(scope))
    assert race_by_schedule(opened(CarelessLedger), opened(CarelessLedger), plan) == 2
    assert set(spent(opened(Ledger), plan)) == {plan.loss.picorho}  # its own rows would never have shown it
