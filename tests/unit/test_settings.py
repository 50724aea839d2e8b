"""Settings are read once, and every path they give can be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.errors import StartupRefusal
from sandbox.settings import Settings


def test_every_field_is_read_from_its_variable() -> None:
    settings = Settings.from_environment({"SANDBOX_HOME": "/srv/s", "SANDBOX_HUB_PORT": "9000"})
    assert (settings.home, settings.hub_port) == (Path("/srv/s"), 9000)


def test_raw_tables_stand_under_a_home_that_was_moved() -> None:
    assert Settings.from_environment({"SANDBOX_HOME": "/srv/s"}).raw == Path("/srv/s/raw")


@pytest.mark.parametrize("name", ["SANDBOX_HUB_PORT", "SANDBOX_QUERY_DEADLINE"])
def test_a_value_of_the_wrong_type_refuses_to_start(name: str) -> None:
    with pytest.raises(StartupRefusal, match=name):
        Settings.from_environment({name: "soon"})


def test_an_isolation_that_does_not_exist_refuses_to_start() -> None:
    with pytest.raises(StartupRefusal, match="bubblewrap"):
        Settings.from_environment({"SANDBOX_ISOLATION": "none"})


@pytest.mark.parametrize("home", ["/srv/s", "/srv/" + "deep/" * 40 + "var"])
def test_the_longest_socket_fits_whatever_the_home_is(home: str) -> None:
    run = Settings(home=Path(home)).run
    assert len(str(run / "door" / "people" / ("n" * 32) / "out" / "door.sock")) <= 107


def test_two_deep_homes_do_not_share_their_sockets() -> None:
    first, second = (Settings(home=Path("/srv/" + "deep/" * 40 + name)) for name in "ab")
    assert first.run != second.run


def test_what_is_handed_on_to_another_process_is_read_there_as_it_was() -> None:
    mine = Settings(home=Path("/srv/pds"), latency_buckets=(0.5, 30.0, 31.0), hub_port=9000)
    assert Settings.from_environment(mine.to_environment()) == replace(
        mine, raw=mine.raw.resolve(), policies=mine.policies.resolve(), doors=mine.doors.resolve()
    )
