"""What an officer is told to look at: there while its cause is, and silent otherwise."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.errors import NotAuthenticated, OverBudget
from sandbox.gateway import Gateway
from sandbox.governance import accounts, watch
from sandbox.policy.roles import Actor
from sandbox.settings import Settings
from sandbox.web.pages_overview import sinks

QUESTION = "SELECT COUNT(*) AS n FROM visits WHERE cost > {cost}"


def rules(gateway: Gateway, *, later: timedelta = timedelta()) -> dict[str, str]:
    """Each rule that has something to say, and what it says."""
    now = datetime.now(UTC) + later
    with gateway.books.log.reading() as connection:
        return {alarm.rule: alarm.sentence for alarm in watch.alarms(connection, now=now)}


def test_an_account_that_is_locked_is_told_until_it_is_open_again(gateway: Gateway) -> None:
    accounts.create(gateway.books.log, "eva", groups=frozenset({"analysts"}), actor="test")
    for tried in range(accounts.FAILURES_ALLOWED):
        assert "login-lockout" not in rules(gateway), tried
        with pytest.raises(NotAuthenticated):
            accounts.log_in(gateway.books.log, "eva", "wrong")
    assert "Account eva is locked until" in rules(gateway)["login-lockout"]
    assert "login-lockout" not in rules(gateway, later=accounts.LOCK_TIME + timedelta(minutes=1))


def test_a_budget_is_told_once_nine_tenths_of_it_are_spent(
    gateway: Gateway, actor: Callable[[str], Actor]
) -> None:
    told_at_last = False
    for cost in range(100):
        told_at_last = "budget-near-its-end" in rules(gateway)
        left = min(left_share(gateway).values(), default=1.0)
        assert told_at_last == (left <= 1 - watch.NEAR_THE_END), (cost, left)
        try:
            gateway.ask(
                sql=QUESTION.format(cost=cost),
                authorization="visits-study",
                epsilon=Decimal("0.5"),
                actor=actor("ana"),
            )
        except OverBudget:
            break
    assert told_at_last
    assert "% of budget authorization:visits-study is spent." in rules(gateway)["budget-near-its-end"]


def left_share(gateway: Gateway) -> dict[str, float]:
    with gateway.books.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT scope, cap, spent FROM budget WHERE cap > 0").all()
    return {scope: 1 - spent / cap for scope, cap, spent in rows}


def test_each_copy_of_the_log_is_shown_with_how_far_it_is(settings: Settings, tmp_path: Path) -> None:
    policies = Path(shutil.copytree(settings.policies, tmp_path / "policies"))
    (policies / "sinks.toml").write_text(
        f"""
[sinks.archive]
kind = "file"
required = true
path = "{tmp_path / "archive.jsonl"}"
mode = "0600"
[sinks.nowhere]
kind = "syslog"
required = false
transport = "unix"
address = "{tmp_path / "no"}"
"""
    )
    with closing(Gateway.open(replace(settings, policies=policies))) as gateway:
        accounts.create(gateway.books.log, "eva", groups=frozenset({"analysts"}), actor="test")
        size = gateway.books.log.status().size
        copies = {copy.name: copy for copy in sinks(gateway, size)}
    assert copies["archive"].sentence == f"copied to archive (required) up to entry {size - 1}"
    assert (copies["archive"].behind, copies["archive"].problem) == (0, "")
    assert copies["nowhere"].behind > 0
    assert copies["nowhere"].problem
