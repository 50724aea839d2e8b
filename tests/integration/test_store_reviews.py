"""Requests that were stored before reviews said a word on each file are read as they are now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command

from sandbox import canonical
from sandbox.review.request import Request, read_request
from sandbox.settings import Settings
from sandbox.store.engine import open_state, writing
from sandbox.store.tables import release_request

OLD: dict[str, Any] = {
    "risk": "amber", "quorum": 2, "findings": [], "receipts": [], "sealed": {}, "kinds": {},
    "acknowledged": {"rita": ["C26"]},
}  # fmt: skip
ROW = {
    "id": "old", "author": "ana", "authorization": "visits-study", "purpose": "Visits", "status": "REVIEW",
    "round": 1, "row_version": 2, "created_at": "2026-01-01", "updated_at": "2026-01-01",
}  # fmt: skip


def upgraded(home: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Request:
    """Return a request that was stored in version 0009 and read in this one."""
    settings, upgrade = Settings(home=home), command.upgrade
    with monkeypatch.context() as older:
        older.setattr(command, "upgrade", lambda config, _: upgrade(config, "0009"))
        before = open_state(settings)
    with writing(before, wait=1) as connection:
        connection.execute(release_request.insert().values(ROW | {"document": canonical.encode(document)}))
        connection.exec_driver_sql(
            "INSERT INTO vote (request, round, reviewer, verdict, reason, binding, at)"
            " VALUES ('old', 1, 'rita', 'approve', 'Fine.', 'sha256:old', '2026-01-01')"
        )
    before.dispose()
    now = open_state(settings)
    with now.connect() as connection:
        found = read_request(connection, "old")
    now.dispose()
    return found


def test_an_open_request_is_read_and_its_old_reviews_say_nothing_of_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = upgraded(tmp_path, OLD, monkeypatch)
    assert (request.leaving, request.held_from, request.seats, request.excuses) == ((), None, (), ())
    assert [(vote.reviewer, dict(vote.files), vote.overridden) for vote in request.votes] == [
        ("rita", {}, "")
    ]


def test_what_was_sealed_is_known_to_have_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = {"seq": 7, "manifest": {"files": [{"name": "visits.csv"}]}}
    request = upgraded(tmp_path, OLD | {"sealed": sealed}, monkeypatch)
    assert request.leaving == ("visits.csv",)
