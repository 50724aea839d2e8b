"""A deadline interrupts the block it is for, again and again, and never one that has ended."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from sandbox.sources.engines.watchdog import INTERRUPT_AGAIN, Watchdog


def test_each_of_many_blocks_is_interrupted_at_its_own_deadline_and_no_other() -> None:
    watchdog, barrier = Watchdog(), threading.Barrier(12)

    def block(number: int) -> tuple[float, float]:
        interrupted = threading.Event()
        after = 0.05 * (12 - number)  # the later ones first, so that the thread has to be woken earlier
        barrier.wait()
        started = time.monotonic()
        with watchdog.watch(interrupted.set, after=after):
            assert interrupted.wait(10)
        return after, time.monotonic() - started

    with ThreadPoolExecutor(12) as pool:
        for after, took in pool.map(block, range(12)):
            assert after <= took < after + 5


def test_a_block_that_goes_on_is_interrupted_again() -> None:
    calls: list[float] = []
    with Watchdog().watch(lambda: calls.append(time.monotonic()), after=0):
        until = time.monotonic() + 10
        while len(calls) < 3 and time.monotonic() < until:
            time.sleep(0.005)
    assert len(calls) >= 3
    assert all(later - earlier >= INTERRUPT_AGAIN for earlier, later in pairwise(calls))


def test_nothing_is_interrupted_after_its_block_has_ended() -> None:
    watchdog, ended, late = Watchdog(), threading.Event(), []
    for _ in range(20):
        ended.clear()
        with watchdog.watch(lambda: late.append(ended.is_set()), after=0.001):
            time.sleep(0.002)
        ended.set()
        time.sleep(0.002)
    time.sleep(3 * INTERRUPT_AGAIN)
    assert late
    assert not any(late)


def test_a_block_whose_own_exception_ends_it_is_left_alone() -> None:
    calls: list[None] = []
    with pytest.raises(KeyError), Watchdog().watch(lambda: calls.append(None), after=0.05):
        raise KeyError
    time.sleep(0.15)
    assert calls == []


def test_an_interrupt_that_fails_is_tried_again_and_keeps_no_other_deadline_waiting() -> None:
    watchdog, calls, other = Watchdog(), [], threading.Event()

    def fail() -> None:
        calls.append(time.monotonic())
        raise OSError

    with watchdog.watch(fail, after=0), watchdog.watch(other.set, after=0.05):
        assert other.wait(10)
        until = time.monotonic() + 10
        while len(calls) < 3 and time.monotonic() < until:
            time.sleep(0.005)
    assert len(calls) >= 3
