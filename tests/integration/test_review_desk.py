"""Requests move as the rules say, under every attempt to go round them."""

from __future__ import annotations

import tarfile
import threading
from io import BytesIO

import pytest
from office import ANSWER, BARE, ROUNDED, SMALL, Office

from sandbox.errors import Conflict, Malformed, NotAllowed
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.review.status import Status


def test_two_outsiders_let_a_file_out_and_the_author_fetches_it(office: Office) -> None:
    request = office.submit({"visits.csv": BARE})
    assert office.decide("rita", request).status is Status.REVIEW
    assert office.decide("rolf", request).status is Status.RELEASED
    name, content = office.desk.download(office.actor("ana"), request)
    assert name == f"release-{request}.tar.gz"
    with tarfile.open(fileobj=BytesIO(content)) as tar:
        member = tar.extractfile(f"release-{request}/files/visits.csv")
        assert member is not None
        assert member.read() == BARE


def test_an_unchanged_answer_is_green_whatever_its_counts(office: Office) -> None:
    request = office.submit({"n.csv": ANSWER}, (office.receipt(ANSWER),))
    view = office.desk.show(office.actor("rita"), request)
    assert (view.request.risk, view.files[0].verdict) == ("green", "pass")
    assert office.desk.open_file(office.actor("rita"), request, "n.csv") == ANSWER


@pytest.mark.parametrize("name", ["ana", "pam", "both", "olaf", "ann"])
def test_nobody_involved_and_nobody_who_watches_may_vote(office: Office, name: str) -> None:
    request = office.submit()
    version = office.desk.show(office.actor("ana"), request).row_version
    with pytest.raises(NotAllowed):
        office.desk.decide(
            office.actor(name), request, verdict="approve", reason="Mine.", row_version=version
        )
    refused = office.log.search(kind="release.refused", actor=name)
    assert [entry.event["body"]["code"] for entry in refused] == ["not-a-reviewer"]


def test_a_notebook_cannot_vote(office: Office) -> None:
    request = office.submit()
    view = office.read("rita", request)
    inside = Actor(
        name="rita", groups=office.groups["rita"], scopes=scopes_of(office.groups["rita"]),
        channel=Channel.NOTEBOOK,
    )  # fmt: skip
    with pytest.raises(NotAllowed):
        office.desk.decide(inside, request, verdict="approve", reason="x", row_version=view.row_version)


def test_a_refused_file_blocks_the_request_until_another_round(office: Office) -> None:
    request = office.submit({"visits.csv": SMALL})
    view = office.desk.show(office.actor("ana"), request)
    assert (view.status, view.files[0].findings[0].code) == (Status.BLOCKED, "C1")
    again = office.desk.resubmit(
        office.actor("ana"), request, row_version=view.row_version, files={"visits.csv": ROUNDED}
    )
    assert (again.status, again.request.round) == (Status.REVIEW, 2)


def test_a_stale_page_decides_nothing(office: Office) -> None:
    request = office.submit()
    old = office.read("rita", request).row_version
    office.decide("rolf", request, "return")
    office.decide("rosa", request, "return")
    view = office.desk.show(office.actor("ana"), request)
    office.desk.resubmit(
        office.actor("ana"), request, row_version=view.row_version, files={"visits.csv": ROUNDED}
    )
    with pytest.raises(Conflict, match="changed since"):
        office.decide("rita", request, row_version=old)


def test_bytes_that_were_not_opened_are_not_approved(office: Office) -> None:
    request = office.submit()
    version = office.desk.show(office.actor("rita"), request).row_version
    with pytest.raises(Conflict, match="not opened"):
        office.desk.decide(
            office.actor("rita"), request, verdict="approve", reason="Fine.", row_version=version
        )


def test_every_flag_must_be_acknowledged(office: Office) -> None:
    request = office.submit({"visits.csv": BARE})
    with pytest.raises(Conflict, match="C26"):
        office.decide("rita", request, acknowledged={"C1": "Large enough.", "C26": "  "})


def test_a_decision_needs_a_reason(office: Office) -> None:
    with pytest.raises(Malformed):
        office.decide("rita", office.submit(), reason="  ")


@pytest.mark.parametrize(("verdict", "status"), [("return", "RETURNED"), ("reject", "REJECTED")])
def test_reviews_that_say_the_same_end_the_round_as_they_say(
    office: Office, verdict: str, status: str
) -> None:
    request = office.submit()
    assert office.decide("rita", request, verdict).status is Status.REVIEW
    assert office.decide("rolf", request, verdict).status == status
    with pytest.raises(Conflict):
        office.decide("rosa", request)
    assert office.packages() == 0


def test_a_reviewer_learns_nothing_of_the_other_before_voting(office: Office) -> None:
    request = office.submit()
    before = office.desk.show(office.actor("rolf"), request).to_document()
    office.decide("rita", request)
    assert office.desk.show(office.actor("rolf"), request).to_document() == before
    assert "rita" not in str(office.desk.show(office.actor("ana"), request).to_document())


def test_one_reviewer_counts_once(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    with pytest.raises(Conflict, match="already"):
        office.decide("rita", request)
    assert office.desk.queue(office.actor("rita")) == ()
    assert [view.id for view in office.desk.queue(office.actor("rolf"))] == [request]


def test_votes_at_the_same_moment_release_exactly_once(office: Office) -> None:
    request = office.submit()
    views = {name: office.read(name, request) for name in ("rita", "rolf", "rosa")}
    outcomes: list[object] = []

    def vote(name: str) -> None:
        try:
            view = office.desk.decide(
                office.actor(name), request, verdict="approve", reason="Fine.",
                row_version=views[name].row_version,
            )  # fmt: skip
            outcomes.append(view.status)
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=vote, args=(name,)) for name in views]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 3
    assert len(office.log.search(kind="release.sealed", subject=request)) == 1
    assert (office.status(request), office.packages()) == (Status.RELEASED, 1)
