"""A turn belongs to one thread at a time, in the order of asking, and is never lost."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from sandbox.audit.turns import Job, Turn, Turns


def waiting(turns: Turns, count: int) -> None:
    while len(turns._queue) < count:
        time.sleep(0.001)


def test_whoever_asked_first_gets_it_first() -> None:
    turns, order = Turns(), []
    assert turns.take(wait=0) is Turn.MINE

    def take(number: int) -> None:
        assert turns.take(wait=10) is Turn.MINE
        order.append(number)
        turns.release()

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=take, args=(number,)))
        threads[-1].start()
        waiting(turns, number + 1)
    turns.release()
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_nobody_waits_longer_than_they_said() -> None:
    turns = Turns()
    turns.take(wait=0)
    assert turns.take(wait=0.01) is Turn.LATE
    assert not turns.hand_over()
    turns.release()
    assert turns.take(wait=0) is Turn.MINE


def test_a_job_is_done_by_whoever_has_the_turn() -> None:
    turns, job = Turns(), Job(lambda number: number + 1)
    turns.take(wait=0)
    assert turns.next_job() is None
    with ThreadPoolExecutor(1) as pool:
        waited = pool.submit(turns.take, wait=10, job=job)
        waiting(turns, 1)
        found = turns.next_job()
        assert found is not None
        found[0].result = found[0].work(41)
        found[1]()
        assert waited.result() is Turn.DONE
    assert job.result == 42


def test_a_job_that_was_begun_is_not_taken_back_when_the_wait_runs_out() -> None:
    turns, job = Turns(), Job(lambda _: None)
    turns.take(wait=0)
    with ThreadPoolExecutor(1) as pool:
        waited = pool.submit(turns.take, wait=0.05, job=job)
        waiting(turns, 1)
        found = turns.next_job()
        assert waited.result() is Turn.LATE
        assert found is not None
        found[1]()
    turns.release()
    assert turns.take(wait=0) is Turn.MINE


@pytest.mark.parametrize("seed", range(4))
def test_threads_that_give_up_at_any_moment_never_lose_the_turn(seed: int) -> None:
    turns, inside, taken = Turns(), [0], [0]

    def visit(number: int) -> None:
        random = Random(f"{seed} {number}")  # noqa: S311  # which threads give up, not a secret
        for _ in range(200):
            if turns.take(wait=random.choice([0, 0.0001, 0.001, 1])) is Turn.MINE:
                inside[0] += 1
                assert inside[0] == 1, "two threads have the turn"
                taken[0] += 1
                inside[0] -= 1
                if not (random.random() < 0.5 and turns.hand_over()):
                    turns.release()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(8)))
    assert taken[0] > 0
    assert turns.take(wait=0) is Turn.MINE, "the turn came back"
