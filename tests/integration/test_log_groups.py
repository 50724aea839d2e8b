"""Callers at the same moment share a commit, and none of them pays for another's failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, select

from sandbox.audit.event import Event, Kind
from sandbox.audit.group import Transaction
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import Hashes, KeySigner
from sandbox.errors import Conflict, SandboxError, Unavailable
from sandbox.settings import Settings
from sandbox.store.engine import open_state
from sandbox.store.tables import budget

CALLERS = 24


class Moody(KeySigner):
    """A signer that refuses while it is told to."""

    refuses = False

    def sign(self, size: int, hashes: Hashes) -> bytes:
        if self.refuses:
            raise Unavailable("signer-away", "The signer does not answer.")
        return super().sign(size, hashes)


@pytest.fixture
def signer() -> Moody:
    return Moody(SigningKey.from_seed(bytes(32)))


@pytest.fixture
def log(state: Settings, signer: Moody) -> Iterator[Log]:
    engine = open_state(state)
    yield Log(engine, signer=signer, private_key=bytes(32))
    engine.dispose()


def said(subject: str) -> Event:
    return Event(kind=Kind.AUDIT_READ, actor="ana", subject=subject)


def spend(transaction: Transaction, scope: str) -> None:
    transaction.connection.execute(budget.insert().values(scope=scope, cap=1, spent=0))


def scopes(log: Log) -> set[str]:
    with log.reading() as connection:
        return set(connection.execute(select(budget.c.scope)).scalars())


@contextmanager
def one_group(log: Log, callers: int) -> Iterator[ThreadPoolExecutor]:
    """Hold the turn until ``callers`` threads wait for it, so that they become one group."""
    with ThreadPoolExecutor(callers) as pool, log.writing() as first:
        first.append(said("first"))
        yield pool
        until = threading.Event()
        while len(log._turns._queue) < callers:
            until.wait(0.001)


def commits(engine: Engine) -> list[None]:
    seen: list[None] = []
    event.listen(engine, "commit", lambda _connection: seen.append(None))
    return seen


@pytest.mark.parametrize("way", ["write", "writing"])
def test_callers_that_wait_together_share_one_commit_and_one_checkpoint(log: Log, way: str) -> None:
    log.append(said("before"))
    seen = commits(log.engine)

    def call(number: int) -> int:
        if way == "write":
            return log.append(said(f"s{number}"))
        with log.writing() as transaction:
            return transaction.append(said(f"s{number}"))

    with one_group(log, CALLERS) as pool:
        waiting = [pool.submit(call, number) for number in range(CALLERS)]
    places = [one.result() for one in waiting]
    assert sorted(places) == list(range(2, CALLERS + 2))
    assert len(seen) == 1
    assert all(log.entry(place).event["subject"] == f"s{number}" for number, place in enumerate(places))
    assert log.check_start().size == CALLERS + 2


def test_a_member_that_fails_takes_back_its_own_rows_and_records_only(log: Log) -> None:
    def call(number: int) -> None:
        def work(transaction: Transaction) -> None:
            transaction.append(said(f"before-{number}"))
            spend(transaction, f"s{number}")
            transaction.append(said(f"after-{number}"))
            if number % 3 == 0:
                raise KeyError(number)
            if number % 3 == 1:
                spend(transaction, f"s{number}")  # the second row of this name

        if number % 2:
            log.write(work)
        else:
            with log.writing() as transaction:
                work(transaction)

    with one_group(log, CALLERS) as pool:
        waiting = [pool.submit(call, number) for number in range(CALLERS)]
    for number, one in enumerate(waiting):
        expected = (KeyError, Conflict, None)[number % 3]
        if expected is None:
            one.result()
        else:
            with pytest.raises(expected):
                one.result()
    kept = {number for number in range(CALLERS) if number % 3 == 2}
    assert scopes(log) == {f"s{number}" for number in kept}
    found = {entry.event["subject"] for entry in log.search(limit=1000)}
    assert found == {"first"} | {f"{when}-{n}" for n in kept for when in ("before", "after")}
    assert log.check_start().size == 1 + 2 * len(kept)


def test_a_member_sees_what_the_members_before_it_wrote(log: Log) -> None:
    def work(transaction: Transaction) -> int:
        count = len(set(transaction.connection.execute(select(budget.c.scope)).scalars()))
        spend(transaction, f"s{count}")
        return count

    with one_group(log, 5) as pool:
        waiting = [pool.submit(log.write, work) for _ in range(5)]
    assert sorted(one.result() for one in waiting) == [0, 1, 2, 3, 4]


def test_what_is_not_signed_is_not_acknowledged_to_anybody_and_signed_with_the_next(
    log: Log, signer: Moody
) -> None:
    log.append(said("before"))
    signer.refuses = True
    answers: list[SandboxError | int] = []

    def call(number: int) -> None:
        try:
            answers.append(log.append(said(f"s{number}")))
        except SandboxError as error:
            answers.append(error)

    with pytest.raises(Unavailable), one_group(log, 6) as pool:
        _ = [pool.submit(call, number) for number in range(6)]
    assert len(answers) == 6
    assert all(isinstance(answer, Unavailable) for answer in answers)
    signer.refuses = False
    assert log.append(said("after")) == 8
    assert log.check_start().size == 9


def test_a_group_that_cannot_be_committed_fails_every_member_and_leaves_nothing(log: Log) -> None:
    log.append(said("before"))
    failing = True

    def fail(_connection: object) -> None:
        if failing:
            raise OSError("no space left")

    event.listen(log.engine, "commit", fail)
    with pytest.raises((Unavailable, OSError)), one_group(log, 6) as pool:
        waiting = [pool.submit(log.append, said(f"s{number}")) for number in range(6)]
    for one in waiting:
        with pytest.raises((Unavailable, OSError)):
            one.result()
    failing = False
    assert log.append(said("after")) == 1
    assert log.check_start().size == 2
