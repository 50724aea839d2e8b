"""Killed at any moment: no answer without its record, nothing spent twice, open again at once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import fault_asker as asker
import pytest
from sqlalchemy import func, select

from sandbox.audit.event import Kind
from sandbox.ledger.books import check_books
from sandbox.ledger.scopes import scopes_for
from sandbox.settings import Settings
from sandbox.store import tables

RESTART_SECONDS = 5.0
PROJECT = Path(__file__).parents[2]


def start(settings: Settings, *words: str) -> subprocess.Popen[str]:
    path = f"{PROJECT / 'tests'}:{os.environ.get('PYTHONPATH', '')}"
    return subprocess.Popen(
        [sys.executable, asker.__file__, *words],
        env={**os.environ, **settings.to_environment(), "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )


def killed_while_asking(settings: Settings, name: str, *flags: str) -> list[str]:
    """Let a process ask, kill it at a moment of chance, and return the answers that left."""
    with start(settings, "ask", name, *flags) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        seen = [process.stdout.readline() for _ in range(random.randint(1, 12))]  # noqa: S311  # a moment
        time.sleep(random.random() * 0.02)  # noqa: S311  # as above
        process.kill()
        seen += process.stdout.readlines()
    return [line.strip() for line in seen if line.endswith("\n")]


def without_record(settings: Settings, answers: set[str]) -> set[str]:
    """Open what a killed process left, prove it whole, and return the answers that it does not know."""
    started = time.monotonic()
    ledger = asker.open_ledger(settings)
    try:
        log = ledger._log
        log.check_start()
        with log.reading() as connection:
            check_books(connection)
        log.close_open_intents()
        assert time.monotonic() - started < RESTART_SECONDS
        kind, index = Kind.QUESTION_OUTCOME, tables.event_index.c
        with log.reading() as connection:
            rows = connection.execute(select(index.subject, index.decision).where(index.kind == kind)).all()
            charged = connection.execute(select(func.count(tables.charge.c.request_id.distinct()))).scalar()
        assert len(rows) == charged, "every charge has one outcome, be it unknown"
        for balance in ledger.balances(scopes_for(asker.CHEAP.checked)):
            assert balance.spent.picorho == charged * asker.CHEAP.loss.picorho
        return answers - {row.subject for row in rows if row.decision == "answered"}
    finally:
        asker.close(ledger)


def test_killed_again_and_again_no_answer_left_without_its_record(state: Settings, long: bool) -> None:
    answers: set[str] = set()
    for number in range(300 if long else 6):
        answers |= set(killed_while_asking(state, f"p{number}"))
        assert without_record(state, answers) == set()
    assert len(answers) > 6


def test_an_asker_that_answers_before_its_record_is_found(state: Settings) -> None:
    found: set[str] = set()
    for number in range(20):
        found = without_record(state, set(killed_while_asking(state, f"p{number}", "early")))
        if found:
            break
    assert found, "the planted fault was not found"


@pytest.mark.parametrize("processes", [1, 2])
def test_the_last_epsilon_is_granted_to_exactly_one_of_64_askers(state: Settings, processes: int) -> None:
    spend_all_but_one(state)
    assert race(state, processes) == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_a_ledger_that_looks_first_and_writes_later_is_found(state: Settings, processes: int) -> None:
    spend_all_but_one(state)
    assert any(race(state, processes, "careless") > 1 for _ in range(5))


def spend_all_but_one(settings: Settings) -> None:
    """Leave room for exactly one question."""
    ledger = asker.open_ledger(settings)
    number = 0
    while True:
        line, *_ = sorted(ledger.balances(scopes_for(asker.LAST.checked)), key=lambda one: one.left.picorho)
        if line.left.picorho < 2 * asker.LAST.loss.picorho:
            break
        ledger.charge(f"before-{number}", asker.LAST, asker.intent(f"before-{number}"))
        number += 1
    assert line.left.picorho >= asker.LAST.loss.picorho
    asker.close(ledger)


def race(settings: Settings, processes: int, *flags: str) -> int:
    """Let 64 askers ask at once; return how many were granted."""
    started = [
        start(settings, "race", f"r{number}", str(64 // processes), *flags) for number in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return sum(int(process.communicate(timeout=120)[0]) for process in started)
