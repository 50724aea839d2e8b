"""Requests that tell together what neither may tell alone, at the desk."""

from __future__ import annotations

import pytest
from office import ANSWER, ROUNDED, Office
from state_databases import KINDS

from sandbox.errors import Conflict
from sandbox.review.status import Status

pytestmark = pytest.mark.parametrize("office", KINDS, indirect=True)
ONE_LESS = b"district,n,mean_cost\nBei,115,31.5\nDong,55,28\n"


def codes(office: Office, request: str) -> set[str]:
    return set(office.desk.show(office.actor("rita"), request).to_acknowledge)


def test_a_request_beside_a_released_one_must_be_weighed(office: Office) -> None:
    office.release()
    second = office.submit({"visits.csv": ONE_LESS})
    assert codes(office, second) == {"C19"}
    with pytest.raises(Conflict, match="C19"):
        office.decide("rita", second, acknowledged=frozenset())


def test_a_request_beside_one_that_waits_must_be_weighed(office: Office) -> None:
    office.submit()
    assert codes(office, office.submit({"visits.csv": ONE_LESS})) == {"C19"}


def test_of_two_that_were_approved_side_by_side_the_second_is_stopped_at_sealing(office: Office) -> None:
    first, second = office.submit(), office.submit({"visits.csv": ONE_LESS})
    office.decide("rita", first)
    office.decide("rita", second)
    assert office.decide("rolf", second).status is Status.RELEASED
    stopped = office.decide("rolf", first)
    assert stopped.status is Status.REVIEW
    assert codes(office, first) == {"C19"}
    assert office.packages() == 1


def test_what_was_stopped_leaves_once_it_was_weighed_anew(office: Office) -> None:
    first, second = office.submit(), office.submit({"visits.csv": ONE_LESS})
    for name in ("rita", "rolf"):
        office.decide(name, second)
        office.decide(name, first)
    assert office.status(first) is Status.REVIEW
    office.decide("rita", first)
    assert office.decide("rolf", first).status is Status.RELEASED


def test_what_was_taken_back_tells_nothing(office: Office) -> None:
    office.desk.withdraw(office.actor("ana"), office.submit())
    assert codes(office, office.submit({"visits.csv": ONE_LESS})) == set()


def test_an_answer_with_its_receipt_is_not_compared(office: Office) -> None:
    twice = [
        office.desk.submit(
            office.actor("ana"),
            authorization="visits-study",
            purpose="Visits by service",
            files={"visits.csv": content},
            receipts=(office.receipt(content),),
        )
        for content in (ANSWER, ANSWER.replace(b"1207", b"1209"))
    ]
    assert [view.to_acknowledge for view in twice] == [(), ()]


def test_another_round_is_not_compared_with_the_one_before(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request, "return")
    office.decide("rolf", request, "return")
    view = office.desk.show(office.actor("ana"), request)
    office.desk.resubmit(
        office.actor("ana"), request, row_version=view.row_version, files={"visits.csv": ONE_LESS}
    )
    assert codes(office, request) == set()
    assert ROUNDED != ONE_LESS
