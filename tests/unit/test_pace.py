"""Whatever a question ends in leaves at an edge of the grid, and at no other moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import NotAnswerable, Refusal, StartupRefusal, Unavailable
from sandbox.pace import AT_ONCE, Pace
from sandbox.settings import Settings

EDGES = (0.025, 0.1, 0.5, 2.0, 3.0)
EARLY = 0.005


@dataclass
class Clock:
    """Time that passes only where a test says so."""

    time: float = 1000.0

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def pace(clock: Clock, edges: tuple[float, ...] = EDGES) -> Pace:
    return Pace(edges, repeat_edge=EARLY, deadline=2.0, clock=clock, sleep=clock.sleep)


def left_after(
    seconds: float, *, edges: tuple[float, ...] = EDGES, early: bool = False, ending: Exception | None = None
) -> tuple[float, object]:
    """Return after how many seconds a question that took ``seconds`` left, and what left."""
    clock = Clock()

    def work() -> str:
        clock.time += seconds
        if ending:
            raise ending
        return "answer"

    try:
        result: object = pace(clock, edges).run(work, arrived=1000.0, early=lambda _: early)
    except Exception as fault:  # noqa: BLE001  # whatever it is, it left
        result = fault
    return clock.time - 1000.0, result


def on_the_grid(moment: float, edges: tuple[float, ...]) -> bool:
    multiple = round(moment / edges[-1])
    return any(abs(moment - edge) < 1e-9 for edge in (*edges, edges[-1] * max(1, multiple)))


endings = st.sampled_from([None, NotAnswerable("x", "No."), ZeroDivisionError("a cell was 0")])


@given(st.floats(0, 40), endings, st.booleans())
def test_everything_leaves_at_an_edge(seconds: float, ending: Exception | None, early: bool) -> None:
    moment, _ = left_after(seconds, ending=ending, early=early)
    assert on_the_grid(moment, (EARLY, *EDGES) if early else EDGES)
    assert moment >= seconds - 1e-9


def test_without_a_grid_the_moment_would_be_found_between_the_edges() -> None:
    moment, _ = left_after(0.04, edges=())
    assert not on_the_grid(moment, EDGES)


@pytest.mark.parametrize("ending", [None, NotAnswerable("x", "No."), ZeroDivisionError("a cell was 0")])
def test_past_the_last_edge_everything_is_one_refusal(ending: Exception | None) -> None:
    moment, left = left_after(3.5, ending=ending)
    assert isinstance(left, Unavailable)
    assert (round(moment, 9), left.code) == (6.0, "not-completed")


def test_a_repeat_may_leave_at_an_edge_of_its_own_and_a_refusal_may_not() -> None:
    assert left_after(0.001, early=True)[0] == pytest.approx(EARLY)
    assert left_after(0.001)[0] == pytest.approx(EDGES[0])
    assert left_after(0.001, ending=NotAnswerable("x", "No."), early=True)[0] == pytest.approx(EDGES[0])


def test_waiting_before_the_work_counts_from_the_arrival() -> None:
    clock = Clock(1000.4)
    pace(clock).run(lambda: "answer", arrived=1000.0, early=lambda _: False)
    assert clock.time == pytest.approx(1000.5)


@pytest.mark.parametrize(
    ("edges", "deadline"),
    [
        ((0.1, 0.1, 2.0), 0.1),
        ((2.0, 1.0), 2.0),
        ((0.001, 2.0, 3.0), 2.0),
        ((1.0, 2.0), 2.0),
        ((1.0, 2.0), 1.5),
    ],
)
def test_a_grid_that_does_not_rise_or_holds_no_deadline_stops_the_start(
    edges: tuple[float, ...], deadline: float
) -> None:
    with pytest.raises(StartupRefusal, match="SANDBOX_"):
        Pace(edges, repeat_edge=EARLY, deadline=deadline)


def test_the_settings_own_grid_stands() -> None:
    Pace.of(Settings())
    Pace.of(Settings(latency_buckets=(), query_deadline=7))


def test_what_waits_for_its_moment_takes_no_place_from_what_works() -> None:
    held, go = threading.Semaphore(0), threading.Event()

    def sleep(_: float) -> None:
        held.release()
        go.wait(10)

    pace = Pace((5.0, 6.0), repeat_edge=EARLY, deadline=5.0, sleep=sleep)
    threads = [threading.Thread(target=run, args=(pace, lambda: None)) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    assert all(held.acquire(timeout=10) for _ in threads), "all are waiting for their moment"
    worked = threading.Event()
    last = threading.Thread(target=run, args=(pace, worked.set))
    last.start()
    assert worked.wait(10)
    pace.end()
    go.set()
    for thread in (*threads, last):
        thread.join()


def test_a_question_without_a_place_before_the_deadline_is_refused_uncharged() -> None:
    pace = Pace((0.1, 0.2), repeat_edge=EARLY, deadline=0.1)
    busy, go = threading.Semaphore(0), threading.Event()

    def work() -> None:
        busy.release()
        go.wait(10)

    threads = [threading.Thread(target=run, args=(pace, work)) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    assert all(busy.acquire(timeout=10) for _ in threads)
    refusal = run(pace, lambda: None)
    go.set()
    for thread in threads:
        thread.join()
    assert refusal is not None
    assert refusal.code in {"too-busy", "not-completed"}


def run(pace: Pace, work: Callable[[], None]) -> Refusal | None:
    try:
        pace.run(work, arrived=pace.now(), early=lambda _: False)
    except Refusal as refusal:
        return refusal
    return None
