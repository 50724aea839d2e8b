"""PostgreSQL killed, stopped or out of reach: nothing is answered, nobody waits long, none is restarted."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from fault_asker import CHEAP, close, intent, open_ledger, outcome
from fault_record import unrecorded
from postgres_server import Server, programs, restarted, running
from relay import Relay
from state_databases import STATE_OWNER, STATE_SERVICE, postgres_state

from sandbox.errors import Unavailable
from sandbox.ledger.ledger import Ledger
from sandbox.settings import Settings

HANG_SECONDS, DEADLINE = 10.0, 2.0
THREADS = 4


class Askers:
    """Threads that ask all the time; what was answered and how long each question took."""

    def __init__(self, ledger: Ledger, *, careless: bool = False) -> None:
        self.answered: set[str] = set()
        self.refused = 0
        self.longest = 0.0
        self._ledger = ledger
        self._careless = careless
        self._stop = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def asking(self) -> Iterator[None]:
        with ThreadPoolExecutor(THREADS) as pool:
            threads = [pool.submit(self._ask, number) for number in range(THREADS)]
            try:
                yield
            finally:
                self._stop.set()
            for thread in threads:
                thread.result(timeout=60)

    def wait_for(self, ready: Callable[[], bool], *, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < until, "it did not come"
            time.sleep(0.02)

    def _ask(self, thread: int) -> None:
        for number in count():
            if self._stop.is_set():
                return
            request, started = f"q{thread}-{number}-{time.monotonic_ns()}", time.monotonic()
            answered = self._answered(request)
            with self._lock:
                self.longest = max(self.longest, time.monotonic() - started)
                self.refused += not answered
                if answered:
                    self.answered.add(request)
            if not answered:
                time.sleep(0.05)

    def _answered(self, request: str) -> bool:
        try:
            self._ledger.charge(request, CHEAP, intent(request))
            self._ledger._log.append(outcome(request))
        except Unavailable:
            return self._careless  # planted: an answer leaves although its record could not be written
        return True


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A durable server of this module's own, because it is killed."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    with running(found, settings=()) as server:
        with server.connect() as owner:
            for role in (STATE_OWNER, STATE_SERVICE):
                owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'".encode())
        yield server


@pytest.fixture
def ledger(server: Server, tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(replace(postgres_state(server, tmp_path), commit_deadline=DEADLINE))
    yield ledger
    close(ledger)


def processes(server: Server) -> list[int]:
    """Return the server's own process and all that it has started."""
    pid = server.process.pid
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def survive(askers: Askers, fault: Callable[[], None], cure: Callable[[], None], *, lasts: float) -> None:
    """Ask before, during and after a fault, and hold what must hold meanwhile."""
    with askers.asking():
        askers.wait_for(lambda: len(askers.answered) > THREADS, seconds=10)
        fault()
        # What was committed before the fault may still be told by threads that were about to.
        time.sleep(DEADLINE)
        during, refused = len(askers.answered), askers.refused
        time.sleep(lasts)
        assert len(askers.answered) == during, "answered without its database"
        askers.wait_for(lambda: askers.refused > refused, seconds=HANG_SECONDS)
        cure()
        askers.wait_for(lambda: len(askers.answered) > during + THREADS, seconds=HANG_SECONDS)
    assert askers.longest < HANG_SECONDS


def test_killed_and_started_again_it_is_used_again_and_knows_every_answer(
    server: Server, ledger: Ledger, long: bool
) -> None:
    for _ in range(10 if long else 1):
        askers = Askers(ledger)

        def kill() -> None:
            for pid in processes(server):
                os.kill(pid, signal.SIGKILL)
            server.process.wait(timeout=10)

        survive(askers, kill, lambda: restarted(server), lasts=1)
        assert unrecorded(ledger, askers.answered) == set()


def test_stopped_it_refuses_until_it_goes_on(server: Server, ledger: Ledger, long: bool) -> None:
    for _ in range(5 if long else 1):
        askers = Askers(ledger)

        def send(what: signal.Signals) -> None:
            for pid in processes(server):
                os.kill(pid, what)

        survive(askers, lambda: send(signal.SIGSTOP), lambda: send(signal.SIGCONT), lasts=3)
        assert unrecorded(ledger, askers.answered) == set()


@pytest.fixture
def far(server: Server, tmp_path: Path) -> Iterator[tuple[Settings, Relay]]:
    """Settings of a state behind a network, and that network."""
    settings = postgres_state(server, tmp_path)
    with Relay(next(server.directory.glob(".s.PGSQL.*[0-9]"))) as relay:
        for path in (settings.postgresql_state, settings.postgresql_state_owner):
            start, _, _ = path.read_text().partition("?")
            path.write_text(start.replace("@/", f"@127.0.0.1:{relay.port}/") + "\n")
        yield replace(settings, commit_deadline=DEADLINE), relay


def test_a_network_that_carries_nothing_refuses_until_it_carries_again(
    far: tuple[Settings, Relay], long: bool
) -> None:
    settings, relay = far
    ledger = open_ledger(settings)
    try:
        for _ in range(5 if long else 1):
            askers = Askers(ledger)
            survive(askers, relay.die, relay.live, lasts=5)
            assert unrecorded(ledger, askers.answered) == set()
    finally:
        close(ledger)


def test_an_asker_that_answers_although_nothing_was_written_is_found(server: Server, ledger: Ledger) -> None:
    def send(what: signal.Signals) -> None:
        for pid in processes(server):
            os.kill(pid, what)

    askers = Askers(ledger, careless=True)
    try:
        with pytest.raises(AssertionError, match="answered without its database"):
            survive(askers, lambda: send(signal.SIGSTOP), lambda: None, lasts=3)
    finally:
        send(signal.SIGCONT)
    assert unrecorded(ledger, askers.answered) != set()
