"""A sandbox with a long history is open again soon, after everything in it was checked."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from fault_asker import CHEAP, close, intent, open_ledger, outcome
from sqlalchemy import func, select

from sandbox.ledger.books import check_books
from sandbox.ledger.scopes import scopes_for
from sandbox.settings import Settings
from sandbox.store import tables

RESTART_SECONDS = 5.0
THREADS = 32
AT_ONCE = 500


def test_a_long_history_is_checked_and_open_again_within_five_seconds(state: Settings, long: bool) -> None:
    size = 100_000 if long else 10_000
    fill(state, size)
    started = time.monotonic()
    ledger = open_ledger(state)
    try:
        ledger._log.check_start()
        with ledger._log.reading() as connection:
            check_books(connection)
        assert ledger._log.close_open_intents() == 1
        took = time.monotonic() - started
        with ledger._log.reading() as connection:
            assert connection.execute(select(func.count()).select_from(tables.entry)).scalar() == size + 1
        for balance in ledger.balances(scopes_for(CHEAP.checked)):
            assert balance.spent.picorho == charges(size) * CHEAP.loss.picorho
    finally:
        close(ledger)
    assert took < RESTART_SECONDS, f"{took:.1f} s for {size:,} entries"


def charges(size: int) -> int:
    """Say how many entries of so many are charged questions; most of a long log is something else."""
    return size // 20


def fill(settings: Settings, size: int) -> None:
    """Write ``size`` entries: charged and answered questions, one that was left open, and many others."""
    ledger = open_ledger(settings)
    log = ledger._log

    def ask(number: int) -> None:
        ledger.charge(f"q{number}", CHEAP, intent(f"q{number}"))
        if number:
            log.append(outcome(f"q{number}"))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ask, range(charges(size))))
    written = 2 * charges(size) - 1
    while written < size:
        many = min(AT_ONCE, size - written)
        with log.writing() as transaction:
            for number in range(written, written + many):
                transaction.append(outcome(f"repeat-{number}"))
        written += many
    close(ledger)
