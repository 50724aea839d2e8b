"""The time of decisions never goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sandbox.clock import SteadyClock

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Hands:
    """A system's two clocks, set by the test."""

    def __init__(self) -> None:
        self.system, self.monotonic = NOON, 0.0

    def clock(self) -> SteadyClock:
        return SteadyClock(system=lambda: self.system, monotonic=lambda: self.monotonic)


def test_it_follows_a_system_that_goes_ahead() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.system += timedelta(days=400)
    assert clock() == NOON + timedelta(days=400)


def test_set_back_it_goes_on_by_the_monotonic_clock() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.system -= timedelta(days=30)
    hands.monotonic += 60
    assert clock() == NOON + timedelta(minutes=1)
    hands.monotonic += 60
    assert clock() == NOON + timedelta(minutes=2)


def test_it_begins_where_the_newest_record_stands() -> None:
    hands = Hands()
    clock = hands.clock()
    clock.not_before(NOON + timedelta(days=1))
    assert clock() == NOON + timedelta(days=1)
    clock.not_before(NOON)
    assert clock() == NOON + timedelta(days=1)
