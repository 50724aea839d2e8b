"""A look at a file is recorded before its bytes are shown, once for each person, round and content."""

from __future__ import annotations

import pytest
from office import ROUNDED, Office
from sqlalchemy import insert
from state_databases import KINDS

from sandbox.audit.event import Kind
from sandbox.canonical import digest
from sandbox.errors import Unavailable
from sandbox.review.status import Status
from sandbox.store import tables
from sandbox.store.engine import writing

OTHER = b"district,n\nBei,125\nDong,55\n"


def looks(office: Office, request: str, name: str) -> list[tuple[int, str]]:
    found = office.log.search(kind=Kind.RELEASE_OPENED, subject=request, actor=name)
    return sorted((entry.event["body"]["round"], entry.event["body"]["sha256"]) for entry in found)


def comparisons(office: Office, request: str) -> list[tuple[str, list[str]]]:
    found = office.log.search(kind=Kind.RELEASE_COMPARED, subject=request)
    return [(entry.event["actor"], entry.event["body"]["beside"]) for entry in found][::-1]


def look(office: Office, name: str, request: str, file: str = "visits.csv") -> bytes:
    return office.desk.open_file(office.actor(name), request, file)


@pytest.mark.parametrize("office", KINDS, indirect=True)
def test_the_same_look_is_recorded_once_for_each_person(office: Office) -> None:
    request = office.submit()
    for name in ("rita", "rita", "rolf", "rita"):
        assert look(office, name, request) == ROUNDED
    assert looks(office, request, "rita") == looks(office, request, "rolf") == [(1, digest(ROUNDED))]


def test_other_bytes_are_another_look(office: Office) -> None:
    request = office.submit({"visits.csv": ROUNDED, "other.csv": OTHER})
    for file in ("visits.csv", "other.csv", "visits.csv"):
        look(office, "rita", request, file)
    assert looks(office, request, "rita") == sorted([(1, digest(ROUNDED)), (1, digest(OTHER))])


def test_the_same_bytes_in_another_round_are_another_look(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request, "return")
    assert office.decide("rolf", request, "return").status is Status.RETURNED
    ana = office.actor("ana")
    version = office.desk.show(ana, request).row_version
    office.desk.resubmit(ana, request, row_version=version, files={"visits.csv": ROUNDED})
    look(office, "rita", request)
    look(office, "rita", request)
    assert looks(office, request, "rita") == [(1, digest(ROUNDED)), (2, digest(ROUNDED))]


def test_a_row_that_somebody_plants_keeps_no_look_out_of_the_log(office: Office) -> None:
    request = office.submit()
    planted = {"request": request, "sha256": digest(ROUNDED), "reviewer": "rita", "at": "2026-06-01"}
    with writing(office.engine, wait=5) as connection:
        connection.execute(insert(tables.opened).values(planted))
    look(office, "rita", request)
    assert looks(office, request, "rita") == [(1, digest(ROUNDED))]


def test_nothing_is_shown_that_could_not_be_recorded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    request = office.submit()
    monkeypatch.setattr(office.log, "_deadline", 0.2)
    with writing(office.engine, wait=5), pytest.raises(Unavailable):
        look(office, "rita", request)
    assert looks(office, request, "rita") == []


@pytest.mark.parametrize("office", KINDS, indirect=True)
def test_a_table_laid_beside_others_is_recorded_with_them_once(office: Office) -> None:
    first, second = office.submit(), office.submit()
    for name in ("rita", "rita", "rolf"):
        office.desk.beside(office.actor(name), second, "visits.csv")
    assert comparisons(office, second) == [("rita", [first]), ("rolf", [first])]
    third = office.submit()
    office.desk.beside(office.actor("rita"), second, "visits.csv")
    assert comparisons(office, second)[2:] == [("rita", sorted([first, third]))]
    assert comparisons(office, first) == []


def test_no_reviewer_learns_that_another_compared_before_the_round_is_over(office: Office) -> None:
    office.submit()
    second = office.submit()
    office.desk.beside(office.actor("rita"), second, "visits.csv")
    told = {name: office.desk.show(office.actor(name), second).timeline for name in ("rita", "rolf", "ana")}
    seen = {name: any(line.kind == Kind.RELEASE_COMPARED for line in lines) for name, lines in told.items()}
    assert seen == {"rita": True, "rolf": False, "ana": False}
