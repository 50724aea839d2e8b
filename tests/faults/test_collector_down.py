"""A collector that has to be told everything and does not listen: nothing is answered meanwhile."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import collector
import pytest
from sink_bench import eventually
from sink_servers import free_port

from sandbox.answer import Answer
from sandbox.errors import Unavailable
from sandbox.gateway import Gateway
from sandbox.policy.roles import Actor
from sandbox.settings import Settings

QUESTION = "SELECT district, COUNT(*) AS n FROM visits GROUP BY district"
DEADLINE, REFUSED_SECONDS, RECOVERED_SECONDS = 1.0, 5.0, 15.0
Someone = Callable[[str], Actor]


class Collector:
    """A process that writes down what it is told, and may be stopped, killed and started."""

    def __init__(self, place: Path) -> None:
        self.port = free_port()
        self._place = place
        self.start()

    def start(self) -> None:
        words = [sys.executable, collector.__file__, str(self.port), str(self._place)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        with self.process:  # its pipe is closed too
            self.process.kill()

    def seqs(self) -> list[int]:
        return [int(line) for line in self._place.read_text().splitlines()]


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Collector]:
    opened = Collector(tmp_path / "collected")
    yield opened
    opened.process.send_signal(signal.SIGCONT)
    opened.kill()


@contextmanager
def gateway_of(settings: Settings, port: int, tmp_path: Path, *, required: bool) -> Iterator[Gateway]:
    """Open a gateway whose log is copied to ``port`` from its first entry on."""
    policies = tmp_path / "policies"
    shutil.copytree(settings.policies, policies)
    (policies / "sinks.toml").write_text(
        f'[sinks.collector]\nkind = "syslog"\nrequired = {str(required).lower()}\n'
        f'transport = "tcp"\naddress = "127.0.0.1:{port}"\n'
    )
    gateway = Gateway.open(replace(settings, policies=policies, commit_deadline=DEADLINE))
    try:
        yield gateway
    finally:
        gateway.close()


def ask(gateway: Gateway, actor: Actor) -> Answer | None:
    """Ask something new; return None where no answer leaves."""
    try:
        return gateway.ask(
            sql=QUESTION,
            authorization="visits-study",
            epsilon=Decimal("0.001"),
            actor=actor,
            fresh=True,
        )
    except Unavailable:
        return None


def asked_until_refused(gateway: Gateway, actor: Actor, most: int) -> float:
    """Ask until nothing is answered; return how long the refusal took."""
    for _ in range(most):
        started = time.monotonic()
        if ask(gateway, actor) is None:
            return time.monotonic() - started
    pytest.fail(f"{most} questions were answered, though nobody wrote down that they were")


def ask_until_answered(gateway: Gateway, actor: Actor) -> None:
    until = time.monotonic() + RECOVERED_SECONDS
    while ask(gateway, actor) is None:
        assert time.monotonic() < until, "it never went on"


def spent(gateway: Gateway, actor: Actor) -> int:
    return sum(balance.spent.picorho for balance in gateway.balances(actor))


def test_killed_it_stops_answers_and_charges_until_it_is_back_and_has_heard_what_it_missed(
    settings: Settings, tmp_path: Path, listening: Collector, actor: Someone
) -> None:
    with gateway_of(settings, listening.port, tmp_path, required=True) as gateway:
        ana = actor("ana")
        assert ask(gateway, ana) is not None
        assert listening.seqs() == list(range(gateway.books.log.status().size))
        listening.kill()
        assert asked_until_refused(gateway, ana, most=10) < REFUSED_SECONDS
        before = spent(gateway, ana)
        assert [ask(gateway, ana) for _ in range(3)] == [None] * 3
        assert spent(gateway, ana) == before
        listening.start()
        ask_until_answered(gateway, ana)
        eventually(lambda: set(listening.seqs()) == set(range(gateway.books.log.status().size)))


def test_stopped_it_stops_answers_once_its_kernel_takes_no_more_and_misses_nothing(
    settings: Settings, tmp_path: Path, listening: Collector, actor: Someone
) -> None:
    # A new connection finds new room in the kernel of the stopped one, so some answers leave meanwhile:
    # what they rest on has arrived there, and is read once it goes on.
    with gateway_of(settings, listening.port, tmp_path, required=True) as gateway:
        ana = actor("ana")
        assert ask(gateway, ana) is not None
        listening.process.send_signal(signal.SIGSTOP)
        assert asked_until_refused(gateway, ana, most=200) < REFUSED_SECONDS
        listening.process.send_signal(signal.SIGCONT)
        ask_until_answered(gateway, ana)
        eventually(lambda: set(listening.seqs()) == set(range(gateway.books.log.status().size)))


def test_a_gateway_that_answers_although_nobody_listens_is_found(
    settings: Settings, tmp_path: Path, listening: Collector, actor: Someone
) -> None:
    with gateway_of(settings, listening.port, tmp_path, required=False) as gateway:
        listening.kill()
        with pytest.raises(pytest.fail.Exception, match="nobody wrote down"):
            asked_until_refused(gateway, actor("ana"), most=10)
