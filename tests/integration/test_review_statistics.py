"""How reviewers work, told from rounds that are over and from nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from office import Office

from sandbox.audit.event import timestamp
from sandbox.review.statistics import by_reviewer


def statistics(office: Office, **given: Any) -> dict[str, dict[str, Any]]:
    with office.log.reading() as connection:
        return {name: one.to_document(name) for name, one in by_reviewer(connection, **given).items()}


def test_decisions_and_their_times_are_counted_for_each_reviewer(office: Office) -> None:
    request = office.submit()
    office.now[0] += timedelta(hours=2)
    office.decide("rita", request)
    office.now[0] += timedelta(hours=4)
    office.decide("rolf", request)
    assert statistics(office) == {
        name: {
            "reviewer": name, "decided": 1, "approve": 1, "return": 0, "reject": 0, "outvoted": 0,
            "median_hours": hours, "longest_hours": hours,
        }
        for name, hours in (("rita", "2.0"), ("rolf", "6.0"))
    }  # fmt: skip


def test_a_round_that_is_blind_is_not_counted_before_it_is_over(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    assert statistics(office) == {}
    office.decide("rolf", request, "return")
    found = statistics(office)
    assert (found["rita"]["approve"], found["rita"]["outvoted"]) == (1, 1)
    assert (found["rolf"]["return"], found["rolf"]["outvoted"]) == (1, 0)


def test_earlier_rounds_of_a_request_in_review_are_counted(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request, "return")
    view = office.decide("rosa", request, "return")
    again = {"n.csv": b"district,n\nBei,20\n"}
    office.desk.resubmit(office.actor("ana"), request, row_version=view.row_version, files=again)
    office.decide("rolf", request)
    assert list(statistics(office)) == ["rita", "rosa"]


def test_a_round_that_is_held_while_blind_is_not_counted(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    office.desk.hold(office.actor("olaf"), request, reason="Wait.")
    assert statistics(office) == {}


def test_rounds_before_a_day_are_left_out(office: Office) -> None:
    office.release()
    office.now[0] += timedelta(days=1)
    assert statistics(office, since=timestamp(office.now[0])) == {}
