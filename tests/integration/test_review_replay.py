"""What the database says of a request counts only where the log says the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from office import STUDY, Office
from state_databases import KINDS

from sandbox.errors import Conflict
from sandbox.review.ending import end_requests
from sandbox.review.replay import differing, replay
from sandbox.review.sealing import Sealer
from sandbox.review.status import Status
from sandbox.store import tables

pytestmark = pytest.mark.parametrize("office", KINDS, indirect=True)


def set_back(office: Office, request: str, status: Status) -> None:
    """Write a state into the row, as somebody with the database's file would."""
    office.change(tables.release_request, tables.release_request.c.id == request, status=str(status))


def differences(office: Office) -> tuple[str, ...]:
    with office.log.reading() as connection:
        return differing(connection)


def test_a_revoked_package_set_back_to_released_is_not_handed_out(office: Office) -> None:
    request = office.release()
    office.desk.stop(office.actor("olaf"), request, reason="Wrong year.")
    set_back(office, request, Status.RELEASED)
    assert differences(office) == (request,)
    with pytest.raises(Conflict, match="not the one on record"):
        office.desk.download(office.actor("ana"), request)
    assert office.status(request) is Status.TAMPERED


def test_a_withdrawn_request_set_back_to_approved_is_not_sealed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = office.submit()
    office.decide("rita", request)
    with monkeypatch.context() as crash:
        crash.setattr(Sealer, "seal", lambda *_: None)
        office.decide("rolf", request)
    office.desk.withdraw(office.actor("ana"), request)
    set_back(office, request, Status.APPROVED)
    office.desk.settle()
    assert (office.status(request), office.packages()) == (Status.TAMPERED, 0)


def test_an_ended_request_set_back_to_sealing_is_not_packed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = office.submit()
    office.decide("rita", request)
    with monkeypatch.context() as crash:
        crash.setattr(Sealer, "finish", lambda *_: None)
        office.decide("rolf", request)
    end_requests(office.log, STUDY, actor="olaf")
    assert office.status(request) is Status.ENDED
    set_back(office, request, Status.SEALING)
    office.desk.settle()
    assert (office.status(request), office.packages()) == (Status.TAMPERED, 0)


def test_downloads_and_days_set_back_in_the_database_are_counted_by_the_log(office: Office) -> None:
    request = office.release()
    p = tables.package
    for _ in range(3):
        office.desk.download(office.actor("ana"), request)
    office.change(p, p.c.request == request, downloads=0)
    with pytest.raises(Conflict):
        office.desk.download(office.actor("ana"), request)
    late = office.release()
    office.change(p, p.c.request == late, expires_at="2099-01-01T00:00:00.000000Z")
    office.now[0] += timedelta(days=15)
    with pytest.raises(Conflict):
        office.desk.download(office.actor("ana"), late)
    assert [office.status(request), office.status(late)] == [Status.EXPIRED, Status.EXPIRED]
    assert differences(office) == ()


def test_events_in_an_order_that_the_table_does_not_have_lead_nowhere(office: Office) -> None:
    request = office.release()
    entries = office.log.search(subject=request)[::-1]
    standing = replay(entries)
    assert standing is not None
    assert (standing.status, standing.round, set(standing.reviews)) == (
        Status.RELEASED, 1, {"rita", "rolf"},
    )  # fmt: skip
    kinds = [entry.event["kind"] for entry in entries]
    without_seal = [entry for entry in entries if entry.event["kind"] != "release.sealed"]
    assert "release.sealed" in kinds
    assert replay(without_seal) is None
    assert replay(entries[1:]) is None
    assert replay([]) is None
