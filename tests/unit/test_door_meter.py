"""How the door counts a day's bytes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from sandbox.door.meter import Meter

DAY = date(2026, 3, 1)


def test_a_day_ends_where_its_bytes_do_and_the_next_begins_anew(tmp_path: Path) -> None:
    days = [DAY]
    meter = Meter(tmp_path / "traffic.json", limit=10, today=lambda: days[-1])
    assert meter.to_browser("ana", 10)
    assert not meter.to_browser("ana", 1)
    assert not meter.used_up("ben")
    days.append(DAY + timedelta(days=1))
    assert not meter.used_up("ana")


def test_a_clock_that_is_set_back_gives_no_day_again(tmp_path: Path) -> None:
    days = [DAY]
    meter = Meter(tmp_path / "traffic.json", limit=10, today=lambda: days[-1])
    meter.to_browser("ana", 11)
    days.append(DAY - timedelta(days=1))
    assert meter.used_up("ana")


def test_a_door_that_starts_again_goes_on_counting(tmp_path: Path) -> None:
    before = Meter(tmp_path / "traffic.json", limit=10, today=lambda: DAY)
    before.to_browser("ana", 11)
    before.save()
    assert Meter(tmp_path / "traffic.json", limit=10, today=lambda: DAY).used_up("ana")
    tomorrow = Meter(tmp_path / "traffic.json", limit=10, today=lambda: DAY + timedelta(days=1))
    assert not tomorrow.used_up("ana")


def test_bytes_into_a_notebook_are_counted_and_not_limited(tmp_path: Path) -> None:
    meter = Meter(tmp_path / "traffic.json", limit=10, today=lambda: DAY)
    meter.to_notebook("ana", 100)
    assert not meter.used_up("ana")
