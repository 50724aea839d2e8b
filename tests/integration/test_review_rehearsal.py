"""A check before submitting says what submitting would, keeps nothing, and cannot be had without end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from office import ROUNDED, SMALL, STUDY, Office
from sqlalchemy import func, select

from sandbox import freezes
from sandbox.audit.event import Kind
from sandbox.canonical import digest
from sandbox.errors import NotAllowed, TooOften
from sandbox.review import rehearsal
from sandbox.review.rehearsal import CHECKS_AN_HOUR
from sandbox.store import tables

NAMELESS = {"bad.exe": b"MZ"}
"""Refused by its name alone, so that many checks of it take no time."""


def stored(office: Office) -> list[int]:
    counted = (tables.release_request, tables.release_file, tables.blob)
    with office.log.reading() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in counted]


@pytest.mark.parametrize("content", [ROUNDED, SMALL])
def test_a_check_finds_what_submitting_finds_and_stores_nothing(office: Office, content: bytes) -> None:
    ana = office.actor("ana")
    checked = rehearsal.check(
        office.desk, office.log, ana, authorization=STUDY, files={"a.csv": content}
    ).to_document()
    assert stored(office) == [0, 0, 0]
    view = office.desk.show(ana, office.submit({"a.csv": content})).to_document()
    assert checked["files"][0]["findings"] == view["files"][0]["findings"]
    assert checked["would"] == {"BLOCKED": "be blocked", "REVIEW": "go to review"}[view["status"]]
    assert (checked["risk"], checked["quorum"]) == (view["risk"], view["quorum"])


def test_a_check_is_on_record_by_digests_before_it_is_made(office: Office) -> None:
    rehearsal.check(
        office.desk, office.log, office.actor("ana"), authorization=STUDY, files={"secret-name.csv": ROUNDED}
    )
    (entry,) = office.log.search(kind=Kind.RELEASE_CHECKED)
    assert entry.event["body"] == {"files": [digest(ROUNDED)]}
    assert b"secret-name" not in office.log.leaf(entry.seq)


def test_checks_come_to_an_end_and_begin_again_after_an_hour(office: Office) -> None:
    ana = office.actor("ana")
    for _ in range(CHECKS_AN_HOUR):
        rehearsal.check(office.desk, office.log, ana, authorization=STUDY, files=NAMELESS)
    with pytest.raises(TooOften):
        rehearsal.check(office.desk, office.log, ana, authorization=STUDY, files=NAMELESS)
    rehearsal.check(office.desk, office.log, office.actor("ann"), authorization=STUDY, files=NAMELESS)
    assert office.desk.show(ana, office.submit()).status == "REVIEW"
    office.now[0] += timedelta(hours=1, seconds=1)
    rehearsal.check(office.desk, office.log, ana, authorization=STUDY, files=NAMELESS)


def test_who_may_not_submit_may_not_check(office: Office) -> None:
    for name, authorization in [("rita", STUDY), ("ana", "visits-closed"), ("ana", "nothing")]:
        with pytest.raises(NotAllowed):
            rehearsal.check(
                office.desk, office.log, office.actor(name), authorization=authorization, files=NAMELESS
            )
    target = freezes.Target(freezes.What.AUTHORIZATION, STUDY)
    freezes.freeze(office.log, target, actor="olaf", reason="A look into it.")
    with pytest.raises(NotAllowed):
        rehearsal.check(office.desk, office.log, office.actor("ana"), authorization=STUDY, files=NAMELESS)
