"""A round from its blind beginning to its end: words on files, vetoes, seats, comments, holds, exceptions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from office import BARE, ROUNDED, Office
from state_databases import KINDS

from sandbox.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal
from sandbox.review.status import Status

pytestmark = pytest.mark.parametrize("office", KINDS, indirect=True)

OTHER = b"region,n\nEast,95\nWest,60\n"
LONG = b"district,n\n" + b"".join(b"D%d,50\n" % number for number in range(30))
FIVE = b"district,n\nBei,5\nDong,50\n"
TWO = {"visits.csv": ROUNDED, "regions.csv": OTHER}


def test_reviews_that_differ_are_seen_by_their_writers_and_nobody_else(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    assert office.decide("rolf", request, "return").status is Status.CONSOLIDATION
    for name in ("rita", "rolf"):
        votes = office.desk.show(office.actor(name), request).votes
        assert {vote.reviewer: vote.verdict for vote in votes} == {"rita": "approve", "rolf": "return"}
    for name in ("rosa", "ana"):
        view = office.desk.show(office.actor(name), request)
        assert view.votes == ()
        assert "rita" not in str(view.to_document())
    with pytest.raises(NotAllowed):
        office.conclude("rosa", request, "approve")


def test_a_veto_stands_until_its_writer_changes_it(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    office.decide("rolf", request, "return")
    with pytest.raises(Conflict, match="veto"):
        office.conclude("rita", request, "approve")
    office.decide("rosa", request)  # two approvals beat no veto
    with pytest.raises(Conflict, match="veto"):
        office.conclude("rita", request, "approve")
    office.decide("rolf", request)
    assert office.conclude("rita", request, "approve") is Status.RELEASED


def test_an_officer_overrides_a_veto_with_a_reason_and_adds_no_approval(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    office.decide("rolf", request, "return")
    with pytest.raises(NotAllowed):
        office.desk.override(office.actor("rita"), request, reviewer="rolf", reason="I disagree.")
    with pytest.raises(Malformed):
        office.desk.override(office.actor("olaf"), request, reviewer="rolf", reason=" ")
    office.desk.override(office.actor("olaf"), request, reviewer="rolf", reason="His objection is moot.")
    with pytest.raises(Conflict, match="approvals"):
        office.conclude("rita", request, "approve")
    office.decide("rosa", request)
    assert office.conclude("rita", request, "approve") is Status.RELEASED
    manifest = office.manifest(request)
    assert [vote["overridden"] for vote in manifest["votes"] if vote["reviewer"] == "rolf"] == [
        "His objection is moot."
    ]


def test_only_files_with_approvals_and_without_a_veto_leave(office: Office) -> None:
    request = office.submit(TWO)
    office.decide("rita", request)
    split = {"visits.csv": "approve", "regions.csv": "changes"}
    assert office.decide("rolf", request, "return", files=split).status is Status.CONSOLIDATION
    view = office.desk.show(office.actor("rita"), request)
    assert {file.name: file.state for file in view.files} == {
        "regions.csv": "CONFLICTED",
        "visits.csv": "APPROVED",
    }
    assert office.conclude("rita", request, "approve") is Status.RELEASED
    assert [file["name"] for file in office.manifest(request)["files"]] == ["visits.csv"]
    assert office.members(request) == {"visits.csv"}


@pytest.mark.parametrize(
    ("verdict", "files"),
    [
        ("approve", {"visits.csv": "changes"}),
        ("reject", {"visits.csv": "approve"}),
        ("return", {"visits.csv": "approve", "regions.csv": "approve"}),
        ("return", {"nobody.csv": "approve"}),
        ("return", {"visits.csv": "perhaps"}),
    ],
)
def test_a_review_that_contradicts_itself_is_not_taken(
    office: Office, verdict: str, files: dict[str, str]
) -> None:
    request = office.submit(TWO)
    with pytest.raises(Malformed):
        office.decide("rita", request, verdict, files=files)


def test_nobody_approves_a_file_within_a_return_without_opening_it(office: Office) -> None:
    request = office.submit(TWO)
    view = office.desk.show(office.actor("rita"), request)
    with pytest.raises(Conflict, match=r"visits\.csv"):
        office.desk.decide(
            office.actor("rita"), request, verdict="return", reason="Round it.",
            row_version=view.row_version, acknowledged=dict.fromkeys(view.to_acknowledge, "Seen."),
            files={"visits.csv": "approve"},
        )  # fmt: skip


def test_a_changed_review_makes_the_other_pages_stale(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    office.decide("rolf", request, "return")
    old = office.desk.show(office.actor("rita"), request).row_version
    office.decide("rolf", request)
    with pytest.raises(Conflict, match="changed since"):
        office.desk.conclude(office.actor("rita"), request, verdict="approve", reason="Yes.", row_version=old)


def test_a_late_third_reviewer_is_blind_until_their_own_review_is_in(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    office.decide("rolf", request, "return")
    assert office.desk.show(office.actor("rosa"), request).may_vote
    office.decide("rosa", request)
    assert len(office.desk.show(office.actor("rosa"), request).votes) == 3


# --- comments and the letter ---------------------------------------------------------------------------


def comment(office: Office, name: str, request: str, text: str, audience: Any, **place: str) -> None:
    office.desk.comment(office.actor(name), request, text=text, audience=audience, **place)


def texts(office: Office, name: str, request: str) -> list[str]:
    return [one.text for one in office.desk.show(office.actor(name), request).comments]


def test_comments_are_their_writers_alone_while_blind_and_their_readers_after_it(office: Office) -> None:
    request = office.submit()
    before = office.desk.show(office.actor("rolf"), request).to_document()
    comment(office, "rita", request, "Too fine.", "author", file="visits.csv", anchor="row 1, column n")
    office.now[0] += timedelta(seconds=1)
    comment(office, "rita", request, "Ask the steward?", "reviewers")
    assert office.desk.show(office.actor("rolf"), request).to_document() == before
    assert texts(office, "ana", request) == []
    office.decide("rita", request, "return")
    office.decide("rolf", request)
    assert texts(office, "rolf", request) == ["Too fine.", "Ask the steward?"]
    assert texts(office, "ana", request) == []
    letter = office.desk.letter(office.actor("rolf"), request)
    assert "visits.csv, row 1, column n: Too fine." in letter
    assert "steward" not in letter
    assert office.conclude("rolf", request, "return", letter) is Status.RETURNED
    assert texts(office, "ana", request) == ["Too fine.", letter]


def test_an_author_answers_in_a_comment_that_reviewers_read(office: Office) -> None:
    request = office.submit()
    comment(office, "ana", request, "Both tables are for the annual report.", "reviewers")
    assert texts(office, "rita", request) == ["Both tables are for the annual report."]
    with pytest.raises(NotFound):
        comment(office, "ann", request, "Mine too.", "author")


@pytest.mark.parametrize(
    "wrong", [{"text": " "}, {"text": "x" * 4001}, {"file": "other.csv"}, {"audience": "everybody"}]
)
def test_a_comment_that_says_nothing_or_is_about_nothing_is_not_taken(
    office: Office, wrong: dict[str, Any]
) -> None:
    request = office.submit()
    with pytest.raises(Malformed):
        office.desk.comment(
            office.actor("rita"), request, **({"text": "See.", "audience": "reviewers"} | wrong)
        )


# --- seats -----------------------------------------------------------------------------------------------


def seated(office: Office, request: str) -> set[str]:
    with office.log.reading():
        view = office.desk.show(office.actor("olaf"), request)
    return set(view.request.seats)


def test_reviewers_are_drawn_and_others_may_not_review(office: Office) -> None:
    office.with_review(seats="drawn")
    request = office.submit()
    drawn = seated(office, request)
    (other,) = {"rita", "rolf", "rosa"} - drawn
    assert len(drawn) == 2
    with pytest.raises(NotAllowed, match="drawn"):
        office.decide(other, request)
    with pytest.raises(Conflict, match="seat"):
        office.desk.claim(office.actor(other), request)
    assert [office.decide(name, request).status for name in sorted(drawn)][-1] is Status.RELEASED


def test_every_reviewer_is_drawn_in_time(office: Office) -> None:
    office.with_review(seats="drawn")
    assert set().union(*(seated(office, office.submit()) for _ in range(12))) == {"rita", "rolf", "rosa"}


def test_who_declares_a_conflict_is_replaced_and_never_reviews_it(office: Office) -> None:
    office.with_review(seats="drawn")
    request = office.submit()
    drawn = seated(office, request)
    gone = min(drawn)
    office.desk.decline(office.actor(gone), request, reason="The author is my brother.")
    assert seated(office, request) == {"rita", "rolf", "rosa"} - {gone}
    with pytest.raises(Refusal):
        office.decide(gone, request)
    with pytest.raises(Refusal):
        office.desk.claim(office.actor(gone), request)
    last = [office.decide(name, request).status for name in sorted(seated(office, request))][-1]
    assert last is Status.RELEASED


def test_what_somebody_said_before_declaring_a_conflict_does_not_count(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    office.desk.decline(office.actor("rita"), request, reason="I know the people in it.")
    assert office.decide("rolf", request).status is Status.REVIEW
    assert office.decide("rosa", request).status is Status.RELEASED


def test_an_overdue_review_may_be_taken_over(office: Office) -> None:
    office.with_review(seats="drawn")
    request = office.submit()
    (other,) = {"rita", "rolf", "rosa"} - seated(office, request)
    office.now[0] += timedelta(hours=73)
    assert office.desk.show(office.actor(other), request).may_claim
    office.desk.claim(office.actor(other), request)
    assert office.desk.show(office.actor(other), request).may_vote


def test_a_seat_is_drawn_anew_where_somebody_may_not_review_any_more(office: Office) -> None:
    office.with_review(seats="drawn")
    request = office.submit()
    gone = min(seated(office, request))
    office.groups[gone] = frozenset()
    office.desk.settle()
    assert seated(office, request) == {"rita", "rolf", "rosa"}


def test_a_seat_written_into_the_database_lets_nothing_out(office: Office) -> None:
    office.with_review(seats="drawn")
    request = office.submit()
    (other,) = {"rita", "rolf", "rosa"} - seated(office, request)
    office.change_document(request, seats=["rita", "rolf", "rosa"])
    office.decide(other, request)
    office.decide(min(seated(office, request) - {other}), request)
    assert (office.status(request), office.packages()) == (Status.TAMPERED, 0)


# --- what is stored and what is on record ----------------------------------------------------------------


@pytest.mark.parametrize("planted", ["word", "reason", "overridden", "weighed"])
def test_a_review_that_was_changed_in_the_database_lets_nothing_out(office: Office, planted: str) -> None:
    office.with_review(cooling_hours={"green": 0, "amber": 2, "red": 24})
    request = office.submit({"visits.csv": BARE})
    office.decide("rita", request)
    office.decide("rolf", request)
    office.change_vote(request, "rolf", planted)
    office.now[0] += timedelta(hours=3)
    office.desk.settle()
    assert (office.status(request), office.packages()) == (Status.TAMPERED, 0)


def test_a_file_written_among_those_that_leave_lets_nothing_out(office: Office) -> None:
    office.with_review(cooling_hours={"green": 0, "amber": 2, "red": 24})
    request = office.submit(TWO)
    office.decide("rita", request)
    office.decide("rolf", request, "return", files={"visits.csv": "approve", "regions.csv": "changes"})
    assert office.conclude("rita", request, "approve") is Status.APPROVED
    office.change_document(request, leaving=["regions.csv", "visits.csv"])
    office.now[0] += timedelta(hours=3)
    office.desk.settle()
    assert (office.status(request), office.packages()) == (Status.TAMPERED, 0)
