"""What officers and data stewards do to a request: hold, cool off, consent, exceptions, and what lapses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from office import ANSWER, ROUNDED, STUDY, Office
from state_databases import KINDS

from sandbox.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal
from sandbox.review.ending import end_requests
from sandbox.review.sealing import Sealer
from sandbox.review.status import Status

pytestmark = pytest.mark.parametrize("office", KINDS, indirect=True)

OTHER = b"region,n\nEast,95\nWest,60\n"
LONG = b"district,n\n" + b"".join(b"D%d,50\n" % number for number in range(30))
FIVE = b"district,n\nBei,5\nDong,50\n"
TWO = {"visits.csv": ROUNDED, "regions.csv": OTHER}


# --- officers and stewards ---------------------------------------------------------------------------------


def test_a_held_request_moves_for_nobody_and_goes_back_to_where_it_stood(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    with pytest.raises(NotAllowed):
        office.desk.hold(office.actor("rolf"), request, reason="Wait.")
    assert office.desk.hold(office.actor("olaf"), request, reason="An incident.").status is Status.HELD
    with pytest.raises(Conflict):
        office.decide("rolf", request)
    with pytest.raises(Conflict):
        office.desk.withdraw(office.actor("ana"), request)
    assert office.desk.show(office.actor("rolf"), request).votes == ()
    assert office.desk.unhold(office.actor("olaf"), request, reason="Solved.").status is Status.REVIEW
    assert office.decide("rolf", request).status is Status.RELEASED


def test_a_held_package_is_not_fetched(office: Office) -> None:
    request = office.release()
    office.desk.hold(office.actor("olaf"), request, reason="A complaint.")
    with pytest.raises(Conflict):
        office.desk.download(office.actor("ana"), request)
    office.desk.unhold(office.actor("olaf"), request, reason="Unfounded.")
    assert office.desk.download(office.actor("ana"), request)


def test_a_held_request_is_stopped_without_being_let_go_on_first(office: Office) -> None:
    released, waiting = office.release(), office.submit({"other.csv": OTHER})
    for request in (released, waiting):
        office.desk.hold(office.actor("olaf"), request, reason="A complaint.")
    ends = [
        office.desk.stop(office.actor("olaf"), request, reason="It is right.").status
        for request in (released, waiting)
    ]
    assert ends == [Status.REVOKED, Status.REJECTED]
    assert office.desk.differing() == ()
    with pytest.raises(Conflict):
        office.desk.download(office.actor("ana"), released)


def test_a_request_that_ends_while_held_shows_its_reviews_like_any_other(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    office.desk.hold(office.actor("olaf"), request, reason="An incident.")
    end_requests(office.log, STUDY, actor="olaf")
    view = office.desk.show(office.actor("ana"), request)
    assert (view.status, view.request.held_from, len(view.votes)) == (Status.ENDED, None, 1)
    assert office.desk.differing() == ()


def test_roles_that_an_account_lost_count_at_once_whatever_the_login_says(office: Office) -> None:
    request = office.submit()
    view = office.read("rita", request)
    rita = office.actor("rita")
    office.groups["rita"] = frozenset()
    with pytest.raises(NotAllowed, match="at present"):
        office.desk.decide(rita, request, verdict="return", reason="Round it.", row_version=view.row_version)


def test_an_author_whose_training_ran_out_hands_nothing_in(office: Office) -> None:
    ana = office.actor("ana")
    office.with_review(training=True)
    office.submit()
    office.groups["ana"] -= {"analysts"}  # as the accounts say of whom the training ran out
    with pytest.raises(NotAllowed, match="training"):
        office.desk.submit(ana, authorization=STUDY, purpose="Visits", files={"n.csv": OTHER})


def test_an_approved_request_cools_off_and_can_be_held_meanwhile(office: Office) -> None:
    office.with_review(cooling_hours={"green": 0, "amber": 2, "red": 24})
    request = office.submit()
    office.decide("rita", request)
    assert office.decide("rolf", request).status is Status.APPROVED
    office.now[0] += timedelta(hours=1)
    office.desk.settle()
    assert office.status(request) is Status.APPROVED
    office.desk.hold(office.actor("olaf"), request, reason="Let me look.")
    office.now[0] += timedelta(hours=9)
    office.desk.settle()
    assert (office.status(request), office.packages()) == (Status.HELD, 0)
    office.desk.unhold(office.actor("olaf"), request, reason="Fine.")
    office.now[0] += timedelta(hours=3)  # a hold does not count as cooling off
    office.desk.settle()
    assert office.status(request) is Status.RELEASED


def test_a_request_that_cannot_be_sealed_does_not_hold_up_the_others(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.with_review(cooling_hours={"green": 0, "amber": 2, "red": 24})
    broken, whole = office.submit(), office.submit({"other.csv": OTHER})
    for request in (broken, whole):
        office.decide("rita", request)
        office.decide("rolf", request)
    office.now[0] += timedelta(hours=3)
    seal = Sealer.seal

    def fails_once(sealer: Sealer, request: str) -> None:
        if request == broken:
            raise OSError("planted")
        seal(sealer, request)

    with monkeypatch.context() as planted:
        planted.setattr(Sealer, "seal", fails_once)
        with pytest.raises(OSError, match="planted"):
            office.desk.settle()
    assert [office.status(broken), office.status(whole)] == [Status.APPROVED, Status.RELEASED]
    office.desk.settle()
    assert office.status(broken) is Status.RELEASED


def test_a_red_request_waits_for_the_data_steward(office: Office) -> None:
    request = office.submit({"visits.csv": LONG})
    assert office.desk.show(office.actor("rita"), request).request.risk == "red"
    office.decide("rita", request)
    assert office.decide("rolf", request).status is Status.CONSOLIDATION
    with pytest.raises(Conflict, match="steward"):
        office.conclude("rita", request, "approve")
    version = office.desk.show(office.actor("stella"), request).row_version
    with pytest.raises(NotAllowed):
        office.desk.consent(office.actor("rolf"), request, reason="Fine.", row_version=version)
    assert [view.id for view in office.desk.awaiting_steward(office.actor("stella"))] == [request]
    office.desk.consent(office.actor("stella"), request, reason="Public anyway.", row_version=version)
    assert office.conclude("rita", request, "approve") is Status.RELEASED
    assert office.manifest(request)["consent"]["by"] == "stella"


def test_a_steward_of_the_project_does_not_consent_to_it(office: Office) -> None:
    request = office.submit({"visits.csv": LONG})
    office.groups["stella"] |= office.groups["ana"]
    with pytest.raises((NotAllowed, NotFound)):
        office.desk.consent(office.actor("stella"), request, reason="Mine.", row_version=2)


def excuse(office: Office, name: str, request: str, *, code: str = "C1", days: int = 7) -> Status:
    version = office.desk.show(office.actor("olaf"), request).row_version
    view = office.desk.excuse(
        office.actor(name), request, code=code, reason="A census table.", days=days, row_version=version
    )
    return view.status


def test_a_refusal_comes_before_reviewers_with_two_words_and_is_red(office: Office) -> None:
    request = office.submit({"visits.csv": FIVE})
    with pytest.raises(NotAllowed):
        excuse(office, "stella", request)
    assert excuse(office, "olaf", request) is Status.BLOCKED
    with pytest.raises(NotAllowed):
        excuse(office, "olaf", request)
    assert excuse(office, "stella", request) is Status.REVIEW
    view = office.desk.show(office.actor("rita"), request)
    assert (view.request.risk, "C1" in view.to_acknowledge) == ("red", True)
    office.desk.consent(office.actor("stella"), request, reason="Yes.", row_version=view.row_version)
    office.decide("rita", request)
    assert office.decide("rolf", request).status is Status.RELEASED
    assert [one["code"] for one in office.manifest(request)["exceptions"]] == ["C1"]


def test_an_exception_that_expired_lets_nothing_out(office: Office) -> None:
    office.with_review(cooling_hours={"green": 0, "amber": 0, "red": 48})
    request = office.submit({"visits.csv": FIVE})
    excuse(office, "olaf", request, days=1)
    excuse(office, "stella", request)
    version = office.desk.show(office.actor("rita"), request).row_version
    office.desk.consent(office.actor("stella"), request, reason="Yes.", row_version=version)
    office.decide("rita", request)
    assert office.decide("rolf", request).status is Status.APPROVED
    office.now[0] += timedelta(hours=49)
    office.desk.settle()
    assert (office.status(request), office.packages()) == (Status.REVIEW, 0)
    with pytest.raises(Conflict, match="no exception holds"):
        office.decide("rosa", request)


@pytest.mark.parametrize("wrong", [{"code": "C9"}, {"days": 0}, {"days": 91}])
def test_what_is_not_refused_and_what_lasts_too_long_is_not_excused(
    office: Office, wrong: dict[str, Any]
) -> None:
    request = office.submit({"visits.csv": FIVE})
    with pytest.raises((Conflict, Malformed)):
        excuse(office, "olaf", request, **wrong)


def test_a_file_without_canonical_form_is_never_excused(office: Office) -> None:
    request = office.submit({"model.pkl": b"\x80\x04K\x01."})
    (file,) = office.desk.show(office.actor("ana"), request).files
    with pytest.raises(Conflict):
        excuse(office, "olaf", request, code=file.findings[0].code)


def test_a_forged_receipt_is_never_excused(office: Office) -> None:
    receipt = office.receipt(ANSWER)
    forged = receipt[:-4] + ("AAAA" if not receipt.endswith("AAAA") else "BBBB")
    request = office.submit({"n.csv": ANSWER}, (forged,))
    if office.status(request) is Status.BLOCKED:
        with pytest.raises(Conflict):
            excuse(office, "olaf", request, code="C28")


def test_what_its_author_leaves_unanswered_lapses(office: Office) -> None:
    blocked, returned = office.submit({"visits.csv": FIVE}), office.submit()
    office.decide("rita", returned, "return")
    office.decide("rolf", returned, "return")
    office.now[0] += timedelta(days=59)
    office.desk.settle()
    assert [office.status(blocked), office.status(returned)] == [Status.BLOCKED, Status.RETURNED]
    office.now[0] += timedelta(days=1)
    office.desk.settle()
    assert [office.status(blocked), office.status(returned)] == [Status.LAPSED, Status.LAPSED]
    with pytest.raises(Refusal):
        office.desk.withdraw(office.actor("ana"), blocked)
