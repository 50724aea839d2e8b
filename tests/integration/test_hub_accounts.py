"""Accounts of the built-in log-in, in a real state database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.errors import Conflict, Malformed, NotAllowed, NotAuthenticated
from sandbox.governance import accounts
from sandbox.settings import Settings
from sandbox.store.engine import open_state


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2025, 6, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(tmp_path: Path, clock: Clock) -> Iterator[Log]:
    engine = open_state(Settings(home=tmp_path))
    signer = KeySigner(SigningKey.create(tmp_path / "checkpoint.key"))
    yield Log(engine, signer=signer, private_key=bytes(32), clock=clock)
    engine.dispose()


def test_a_person_logs_in_with_the_password_made_for_them(log: Log) -> None:
    password = accounts.create(log, "ana", groups=frozenset({"analysts"}), actor="root")
    assert accounts.log_in(log, "ana", password).groups == {"analysts"}


@pytest.mark.parametrize(
    ("name", "password"), [("ana", "wrong"), ("nobody", "x"), ("../x", "x"), ("ana", "")]
)
def test_every_way_to_fail_has_the_same_sentence(log: Log, name: str, password: str) -> None:
    accounts.create(log, "ana", groups=frozenset({"analysts"}), actor="root")
    with pytest.raises(NotAuthenticated, match="The name or the password is wrong"):
        accounts.log_in(log, name, password)


def test_too_many_wrong_passwords_close_the_account_for_a_while(log: Log, clock: Clock) -> None:
    password = accounts.create(log, "ana", groups=frozenset({"analysts"}), actor="root")
    for _ in range(accounts.FAILURES_ALLOWED):
        with pytest.raises(NotAuthenticated):
            accounts.log_in(log, "ana", "wrong")
    with pytest.raises(NotAuthenticated):
        accounts.log_in(log, "ana", password)
    clock.now += accounts.LOCK_TIME + timedelta(seconds=1)
    assert accounts.log_in(log, "ana", password).name == "ana"


def test_an_account_without_a_login_has_no_password_that_fits(log: Log) -> None:
    assert accounts.create(log, "ana", groups=frozenset({"analysts"}), actor="root", login=False) == ""
    with pytest.raises(NotAuthenticated):
        accounts.log_in(log, "ana", "")


def test_a_disabled_account_is_in_no_group_and_cannot_log_in(log: Log) -> None:
    password = accounts.create(log, "ana", groups=frozenset({"analysts"}), actor="root")
    accounts.set_disabled(log, "ana", disabled=True, actor="root")
    assert accounts.groups_of(log.engine, "ana") == frozenset()
    with pytest.raises(NotAuthenticated):
        accounts.log_in(log, "ana", password)


def test_roles_that_take_a_training_are_lost_when_it_runs_out(log: Log) -> None:
    for name, groups in (("ana", {"analysts", "study"}), ("rita", {"reviewers"}), ("olaf", {"officers"})):
        accounts.create(log, name, groups=frozenset(groups), actor="root")
    accounts.set_trained(log, "rita", until=date(2025, 6, 30), actor="root")
    asked = accounts.groups_by_name(log.engine, trained_on="2025-06-30")
    assert asked == {"ana": {"study"}, "rita": {"reviewers"}, "olaf": {"officers"}}
    assert accounts.groups_by_name(log.engine, trained_on="2025-07-01")["rita"] == frozenset()
    assert accounts.groups_by_name(log.engine)["ana"] == {"analysts", "study"}
    (entry,) = log.search(kind="account.changed", subject="rita")[:1]
    assert entry.event["body"]["trained_until"] == "2025-06-30"


def test_a_new_password_voids_the_old_one(log: Log) -> None:
    old = accounts.create(log, "ana", groups=frozenset({"analysts"}), actor="root")
    new = accounts.new_password(log, "ana", actor="root")
    with pytest.raises(NotAuthenticated):
        accounts.log_in(log, "ana", old)
    assert accounts.log_in(log, "ana", new).name == "ana"


def test_nobody_gets_two_roles_that_exclude_each_other(log: Log) -> None:
    accounts.create(log, "ana", groups=frozenset({"analysts"}), actor="root")
    with pytest.raises(NotAllowed, match="two people"):
        accounts.set_groups(log, "ana", groups=frozenset({"analysts", "officers"}), actor="root")
    assert accounts.groups_of(log.engine, "ana") == {"analysts"}


def test_names_are_plain_and_given_once(log: Log) -> None:
    accounts.create(log, "ana", groups=frozenset(), actor="root")
    with pytest.raises(Conflict):
        accounts.create(log, "ana", groups=frozenset(), actor="root")
    with pytest.raises(Malformed):
        accounts.create(log, "Ana/..", groups=frozenset(), actor="root")


def test_every_change_is_in_the_log_and_no_password_is(log: Log) -> None:
    password = accounts.create(log, "ana", groups=frozenset({"analysts"}), actor="root")
    accounts.set_groups(log, "ana", groups=frozenset({"reviewers"}), actor="root")
    accounts.log_in(log, "ana", password)
    story = [entry.event for entry in log.story("ana")]
    assert sorted(event["kind"] for event in story) == ["account.changed", "account.changed", "login"]
    assert password not in str(story)
