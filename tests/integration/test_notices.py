"""Everybody is told what concerns them, once; a reviewer learns nothing of others while a round is blind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from office import SMALL, Office, open_office
from sqlalchemy import Connection
from state_databases import KINDS, empty_state

from sandbox.audit.event import timestamp
from sandbox.notices import box
from sandbox.notices.box import Happening
from sandbox.notices.concerning import Concerned
from sandbox.notices.follower import Follower
from sandbox.notices.notice import SENTENCES, About, Notice
from sandbox.review.status import Status
from sandbox.store import tables
from sandbox.store.engine import reading, writing

HOURS = 72
TempPaths = pytest.TempPathFactory


@pytest.fixture
def follower(office: Office) -> Follower:
    follower = Follower(
        engine=office.engine,
        policies=office.desk.policies,
        people=lambda: office.groups,
        review_time=timedelta(hours=HOURS),
        clock=lambda: office.now[0],
    )
    follower.begin()
    return follower


def told(office: Office, follower: Follower, name: str) -> list[About]:
    """What the person has been told so far, oldest first; at one moment in the order of the story."""
    return [notice.about for notice in in_box(office, follower, name)]


def in_box(office: Office, follower: Follower, name: str) -> list[Notice]:
    follower.follow()
    follower.remind()
    with reading(office.engine) as connection:
        found = box.for_person(connection, office.actor(name))
    order = list(About)
    return sorted(found, key=lambda notice: (notice.at, order.index(notice.about)))


def test_every_notice_has_its_sentence_and_names_the_request_only() -> None:
    assert list(SENTENCES) == list(About)
    for sentence in SENTENCES.values():
        assert sentence.count("{") == sentence.count("{request}") == 1


@pytest.mark.parametrize("office", KINDS, indirect=True)
def test_the_story_of_a_release_is_told_to_those_it_concerns(office: Office, follower: Follower) -> None:
    request = office.release()
    office.desk.download(office.actor("ana"), request)
    office.desk.stop(office.actor("olaf"), request, reason="Wrong year.")
    author = [About.SUBMITTED, About.APPROVED, About.RELEASED, About.DOWNLOADED, About.REVOKED]
    assert told(office, follower, "ana") == author
    assert told(office, follower, "rita") == [About.REVIEW_REQUESTED, About.REVOKED]
    assert told(office, follower, "rosa") == [About.REVIEW_REQUESTED]
    assert told(office, follower, "olaf") == [About.DOWNLOADED, About.REVOKED]


def test_nobody_is_asked_to_review_who_may_not(office: Office, follower: Follower) -> None:
    office.submit()
    asked = {name for name in office.groups if About.REVIEW_REQUESTED in told(office, follower, name)}
    assert asked == {"rita", "rolf", "rosa"}  # not pam, who is a member, nor both, who watches


def test_a_blocked_request_concerns_its_author_alone(office: Office, follower: Follower) -> None:
    office.submit({"n.csv": SMALL})
    assert told(office, follower, "ana") == [About.SUBMITTED, About.BLOCKED]
    assert told(office, follower, "rita") == []


@pytest.mark.parametrize(("verdict", "about"), [("return", About.RETURNED), ("reject", About.REJECTED)])
def test_the_author_is_told_of_the_end_of_a_round_and_not_by_whom(
    office: Office, follower: Follower, verdict: str, about: About
) -> None:
    request = office.submit()
    office.decide("rita", request, verdict)
    office.decide("rolf", request, verdict)
    notices = in_box(office, follower, "ana")
    assert [notice.about for notice in notices] == [About.SUBMITTED, about]
    assert not {"rita", "rolf"} & set(notices[-1].sentence.split())
    assert told(office, follower, "rosa") == [About.REVIEW_REQUESTED]


def test_reviews_that_differ_are_told_to_their_writers_alone(office: Office, follower: Follower) -> None:
    request = office.submit()
    office.decide("rita", request)
    assert told(office, follower, "rita") == [About.REVIEW_REQUESTED]
    office.decide("rolf", request, "return")
    for name in ("rita", "rolf"):
        assert told(office, follower, name) == [About.REVIEW_REQUESTED, About.REVIEWS_DIFFER]
    assert told(office, follower, "rosa") == [About.REVIEW_REQUESTED]
    assert told(office, follower, "ana") == [About.SUBMITTED]


def test_a_hold_is_told_to_the_author_and_officers(office: Office, follower: Follower) -> None:
    request = office.submit()
    office.desk.hold(office.actor("olaf"), request, reason="An incident.")
    assert told(office, follower, "ana") == [About.SUBMITTED, About.HELD]
    assert told(office, follower, "olaf") == [About.HELD]


def test_a_red_request_is_told_to_the_data_stewards(office: Office, follower: Follower) -> None:
    office.submit({"n.csv": b"district,n\n" + b"".join(b"D%d,50\n" % number for number in range(30))})
    assert told(office, follower, "stella") == [About.CONSENT_REQUESTED]


def test_a_new_round_asks_anew(office: Office, follower: Follower) -> None:
    request = office.submit()
    office.decide("rita", request, "return")
    view = office.decide("rosa", request, "return")
    office.desk.resubmit(
        office.actor("ana"), request, row_version=view.row_version, files={"n.csv": b"district,n\nBei,20\n"}
    )
    assert told(office, follower, "rolf") == [About.REVIEW_REQUESTED] * 2


def test_bytes_that_differ_are_told_to_officers_and_to_nobody_who_may_have_done_it(
    office: Office, follower: Follower
) -> None:
    request = office.release()
    t = tables.package
    office.change(t, t.c.request == request, content=b"x")
    with pytest.raises(Exception, match="not the one that was sealed"):
        office.desk.download(office.actor("ana"), request)
    assert told(office, follower, "olaf") == [About.TAMPERED]
    assert About.TAMPERED not in told(office, follower, "ana")
    assert About.TAMPERED not in told(office, follower, "rita")


def test_reminders_come_at_half_of_the_time_and_at_its_end_once_each(
    office: Office, follower: Follower
) -> None:
    office.submit()
    steps = {
        HOURS / 2 - 1: [],
        HOURS / 2: [About.REVIEW_DUE_SOON],
        HOURS: [About.REVIEW_DUE_SOON, About.REVIEW_OVERDUE],
    }
    begin = office.now[0]
    for hours, reminders in steps.items():
        office.now[0] = begin + timedelta(hours=hours, minutes=1)
        for _ in range(2):
            assert told(office, follower, "rita") == [About.REVIEW_REQUESTED, *reminders]
    assert told(office, follower, "olaf") == [About.REVIEW_OVERDUE]


def test_after_a_long_silence_only_the_last_reminder_comes(office: Office, follower: Follower) -> None:
    office.submit()
    office.now[0] += timedelta(days=30)
    assert told(office, follower, "rita") == [About.REVIEW_REQUESTED, About.REVIEW_OVERDUE]


def test_an_author_is_reminded_before_the_package_ends_and_told_when_it_has(
    office: Office, follower: Follower
) -> None:
    request = office.release()
    office.now[0] += timedelta(days=11, hours=23)
    assert About.EXPIRES_SOON not in told(office, follower, "ana")
    office.now[0] += timedelta(hours=2)
    assert told(office, follower, "ana")[-1] is About.EXPIRES_SOON
    office.now[0] += timedelta(days=2)
    office.desk.settle()
    assert office.status(request) is Status.EXPIRED
    assert told(office, follower, "ana")[-2:] == [About.EXPIRES_SOON, About.EXPIRED]


# --- blindness --------------------------------------------------------------------------------------


def seen_by(office: Office, follower: Follower, name: str) -> list[tuple[str, str, str]]:
    """All that a person can tell of their notices; ids are random."""
    return [(notice.at, notice.about, notice.sentence) for notice in in_box(office, follower, name)]


def everything_but_a_vote(
    office: Office, follower: Follower, vote: Callable[[str], None]
) -> list[list[object]]:
    """Let a round grow old, with or without a vote in it, and return what others see at each step."""
    request, begin, seen = "a" * 16, office.now[0], []
    created = office.submit()
    seen.append([seen_by(office, follower, name) for name in ("rolf", "rosa", "ana")])
    vote(created)
    for hours in (1, HOURS / 2, HOURS, 2 * HOURS):
        office.now[0] = begin + timedelta(hours=hours, minutes=1)
        seen.append([seen_by(office, follower, name) for name in ("rolf", "rosa", "ana")])
    return [[str(part).replace(created, request) for part in step] for step in seen]


def rounds(
    office: Office, follower: Follower, request: pytest.FixtureRequest, home: Path
) -> tuple[object, object]:
    """What others see of a round in which rita voted, and of one in which nobody did."""

    def vote(created: str) -> None:
        office.decide("rita", created)

    with_vote = everything_but_a_vote(office, follower, vote)
    with open_office(empty_state(request, home, "sqlite")) as silent:
        other = replace(
            follower, engine=silent.engine, people=lambda: silent.groups, clock=lambda: silent.now[0]
        )
        return with_vote, everything_but_a_vote(silent, other, lambda _: None)


def test_one_vote_of_two_changes_nothing_that_anybody_else_is_told(
    office: Office, follower: Follower, request: pytest.FixtureRequest, tmp_path_factory: TempPaths
) -> None:
    with_vote, without = rounds(office, follower, request, tmp_path_factory.mktemp("silent"))
    assert with_vote == without


def test_a_notice_that_depended_on_a_vote_would_be_seen(
    office: Office,
    follower: Follower,
    request: pytest.FixtureRequest,
    tmp_path_factory: TempPaths,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Concerned._reviews

    def leaking(self: Concerned, connection: Connection, now: datetime) -> Iterator[Happening]:
        for happening in honest(self, connection, now):
            yield replace(
                happening, people=frozenset() if "rita" not in happening.people else happening.people
            )

    monkeypatch.setattr(Concerned, "_reviews", leaking)
    with_vote, without = rounds(office, follower, request, tmp_path_factory.mktemp("silent"))
    assert with_vote != without


def test_who_has_voted_is_not_reminded_and_programs_cannot_tell(office: Office, follower: Follower) -> None:
    request = office.submit()
    office.decide("rita", request)
    office.now[0] += timedelta(hours=HOURS)
    assert told(office, follower, "rita") == [About.REVIEW_REQUESTED]
    with reading(office.engine) as connection:
        programs = [notice for _, notice in box.after(connection, 0, most=100) if not notice.person]
    assert [notice.about for notice in programs] == [
        About.SUBMITTED,
        About.REVIEW_REQUESTED,
        About.REVIEW_OVERDUE,
    ]


def test_the_order_in_which_reviewers_are_told_is_another_each_time(
    office: Office, follower: Follower
) -> None:
    for _ in range(20):
        office.submit()
    follower.follow()
    with reading(office.engine) as connection:
        notices = [notice for _, notice in box.after(connection, 0, most=200)]
    orders = {
        tuple(one.person for one in notices if one.request == request and one.about is About.REVIEW_REQUESTED)
        for request in {notice.request for notice in notices}
    }
    assert len(orders) > 1


# --- the box ------------------------------------------------------------------------------------------


def test_what_happened_before_the_first_start_is_not_told(office: Office, follower: Follower) -> None:
    del follower
    late = Follower(
        engine=office.engine,
        policies=office.desk.policies,
        people=lambda: office.groups,
        review_time=timedelta(hours=HOURS),
        clock=lambda: office.now[0],
    )
    office.change(tables.notice_cursor, tables.notice_cursor.c.name == "log", name="another")
    office.release()
    late.begin()
    assert told(office, late, "ana") == []


def test_a_follower_that_stops_anywhere_tells_everything_once(
    office: Office, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.release()
    whole = box.put

    def crash_in_the_middle(connection: object, happenings: object) -> None:
        whole(connection, happenings)  # type: ignore[arg-type]  # passed on as given
        raise OSError("the plug was pulled")

    with monkeypatch.context() as crash:
        crash.setattr(box, "put", crash_in_the_middle)
        with pytest.raises(OSError, match="pulled"):
            follower.follow()
    assert told(office, follower, "ana") == [About.SUBMITTED, About.APPROVED, About.RELEASED]


def test_a_person_marks_and_reads_their_own_notices_only(office: Office, follower: Follower) -> None:
    office.submit()
    (mine,) = in_box(office, follower, "ana")
    with writing(office.engine, wait=5) as connection:
        assert box.mark_read(connection, office.actor("rita"), [mine.id], now=office.now[0]) == 0
        assert box.unread(connection, office.actor("ana")) == 1
        assert box.mark_read(connection, office.actor("ana"), [mine.id], now=office.now[0]) == 1
        assert box.unread(connection, office.actor("ana")) == 0
        assert box.for_person(connection, office.actor("ana"), since=mine.at) == ()
        assert box.for_person(connection, office.actor("ana"))[0].read_at == timestamp(office.now[0])


def test_a_notice_holds_neither_names_of_files_nor_purpose_nor_reason(
    office: Office, follower: Follower
) -> None:
    request = office.submit({"secret-name.csv": b"district,n\nBei,20\n"})
    office.decide("rita", request, "return", reason="A secret reason")
    follower.follow()
    with reading(office.engine) as connection:
        rows = connection.execute(tables.notice.select()).all()
    text = " ".join(str(value) for row in rows for name, value in row._mapping.items() if name != "person")
    assert not [word for word in ("secret", "Visits by district", "rita") if word in text]
    assert datetime.fromisoformat(rows[0].at).tzinfo is not None
