"""Handing the same in again with the same key makes one request, at the same moment too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from office import ROUNDED, STUDY, Office
from state_databases import KINDS

from sandbox.audit.event import Kind

KEY = "of-this-form"


def hand_in(office: Office, name: str = "ana", **changed: Any) -> str:
    said: dict[str, Any] = {"purpose": "Visits by district", "files": {"a.csv": ROUNDED}, "once": KEY}
    return office.desk.submit(office.actor(name), authorization=STUDY, **(said | changed)).id


@pytest.mark.parametrize("office", KINDS, indirect=True)
@pytest.mark.parametrize(("key", "requests"), [(KEY, 1), ("", 2)])
def test_two_at_the_same_moment_make_one_request_if_they_have_a_key(
    office: Office, key: str, requests: int
) -> None:
    start = Barrier(2)

    def click(_: int) -> str:
        start.wait()
        return hand_in(office, once=key)

    with ThreadPoolExecutor(2) as clicks:
        ids = set(clicks.map(click, range(2)))
    assert len(ids) == len(office.desk.mine(office.actor("ana"))) == requests
    assert len(office.log.search(kind=Kind.RELEASE_SUBMITTED)) == requests


def test_the_same_again_returns_the_first_as_it_stands_now(office: Office) -> None:
    request = hand_in(office)
    office.decide("rita", request)
    office.decide("rolf", request)
    assert hand_in(office) == request
    assert office.packages() == 1


@pytest.mark.parametrize(
    "changed",
    [{"once": "another-form"}, {"purpose": "Another"}, {"files": {"b.csv": ROUNDED}}, {"name": "ann"}],
)
def test_whatever_differs_makes_another_request(office: Office, changed: dict[str, Any]) -> None:
    assert hand_in(office) != hand_in(office, **changed)
