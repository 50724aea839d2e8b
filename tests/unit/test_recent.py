"""A memory of bounded weight: what is in it is what was put, and the oldest goes first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.recent import Recent

LIMIT = 10


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 12))))
def test_the_weight_stays_within_the_limit_and_values_are_those_put_last(
    puts: list[tuple[int, int]],
) -> None:
    recent: Recent[int, int] = Recent(LIMIT, weight=lambda value: value)
    last: dict[int, int] = {}
    for key, value in puts:
        recent.put(key, value)
        if value <= LIMIT:
            last[key] = value
    held = {key: kept for key in last if (kept := recent.get(key)) is not None}
    assert sum(held.values()) <= LIMIT
    assert held.items() <= last.items()


def test_what_was_used_is_kept_longer_than_what_was_not() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("old", 1)
    recent.put("new", 2)
    assert recent.get("old") == 1
    recent.put("newest", 3)
    assert (recent.get("old"), recent.get("new"), recent.get("newest")) == (1, None, 3)


def test_a_value_heavier_than_everything_is_not_kept_and_pushes_nothing_out() -> None:
    recent: Recent[str, int] = Recent(LIMIT, weight=lambda value: value)
    recent.put("light", 1)
    recent.put("heavy", LIMIT + 1)
    assert (recent.get("light"), recent.get("heavy")) == (1, None)
