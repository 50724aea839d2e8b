"""The same question again: the same answer, no cost, a record of its own, and only where it is allowed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from sandbox.answer import Answer
from sandbox.audit import receipt
from sandbox.audit.event import Kind
from sandbox.errors import NotAllowed, OverBudget, Unavailable
from sandbox.gateway import Gateway
from sandbox.governance.registration import register
from sandbox.policy.roles import Actor
from sandbox.privacy.loss import Loss
from sandbox.settings import Settings
from sandbox.sources.engine import extract
from sandbox.store.tables import answer as answers
from sandbox.store.tables import charge

Someone = Callable[[str], Actor]
Opening = Callable[[Settings], Gateway]
GROUPED = "SELECT district, COUNT(*) AS n, AVG(cost) AS mean FROM visits GROUP BY district"
SAME = "select district,  count( * ) as n, avg(cost) as mean from visits group by district"
ASKER = Path(__file__).parent / "dying_asker.py"


def ask(gateway: Gateway, actor: Actor, sql: str = GROUPED, **given: Any) -> Answer:
    wanted = {"authorization": "visits-study", "epsilon": Decimal("0.25"), **given}
    return gateway.ask(sql=sql, actor=actor, **wanted)


@pytest.fixture
def another(gateway: Gateway) -> Iterator[Opening]:
    """Open the books again, beside ``gateway``; one process can open a copy once only, so that is shared."""
    with ExitStack() as until_the_end:

        def open_another(settings: Settings) -> Gateway:
            opened = Gateway.open(settings)
            until_the_end.callback(opened.books.close)
            opened.answering._engines = gateway.engines
            return opened

        yield open_another


def charged(gateway: Gateway) -> int:
    """Return how many questions were charged."""
    with gateway.books.engine.connect() as connection:
        query = select(func.count(func.distinct(charge.c.request_id))).where(charge.c.scope.like("auth%"))
        return int(connection.execute(query).scalar_one())


def kept(gateway: Gateway) -> int:
    with gateway.books.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(answers)).scalar_one())


def member(actor: Someone, name: str) -> Actor:
    return replace(actor(name), groups=actor("ana").groups)


def test_the_same_question_however_written_gets_the_same_answer_for_nothing(
    gateway: Gateway, actor: Someone
) -> None:
    first = ask(gateway, actor("ana"))
    again = ask(gateway, actor("ana"), SAME, epsilon=Decimal("0.250"))
    assert (again.table, again.receipt, again.id) == (first.table, first.receipt, first.id)
    assert (first.cached, again.cached, again.loss) == (False, True, Loss(0))
    assert again.left == first.left
    assert charged(gateway) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"epsilon": Decimal("0.2")},
        {"sql": GROUPED.replace("AS n", "AS m")},
        {"sql": GROUPED.replace(" GROUP", " WHERE district = 'Bei' GROUP")},
    ],
)
def test_another_question_or_epsilon_is_charged(
    gateway: Gateway, actor: Someone, other: dict[str, Any]
) -> None:
    ask(gateway, actor("ana"))
    assert not ask(gateway, actor("ana"), **other).cached
    assert charged(gateway) == 2


def test_a_repeat_is_on_record_with_who_got_which_answer(gateway: Gateway, actor: Someone) -> None:
    first = ask(gateway, actor("ana"))
    ask(gateway, member(actor, "ben"), request_id="bens-own-request")
    entry = gateway.books.log.story(first.id)[-1].event
    assert (entry["kind"], entry["actor"], entry["subject"]) == (Kind.QUESTION_REPEATED, "ben", first.id)
    assert entry["body"]["answer"] == receipt.read(first.receipt, gateway_key(gateway)).json_sha256
    assert gateway.books.log.story("bens-own-request")[0].event == entry


def gateway_key(gateway: Gateway) -> Any:
    return gateway.desk._receipts


def test_another_member_gets_the_same_numbers_and_a_receipt_in_their_own_name(
    gateway: Gateway, actor: Someone
) -> None:
    first = ask(gateway, actor("ana"))
    again = ask(gateway, member(actor, "ben"))
    hers, his = (receipt.read(answer.receipt, gateway_key(gateway)) for answer in (first, again))
    assert again.table == first.table
    assert (hers.author, his) == ("ana", replace(hers, author="ben"))


def test_a_repeat_that_cannot_be_recorded_does_not_leave(
    gateway: Gateway, actor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(gateway, actor("ana"))

    def full(_log: object, _work: object) -> object:
        raise Unavailable("log-unavailable", "The log cannot be written.")

    monkeypatch.setattr(type(gateway.books.log), "write", full)
    with pytest.raises(Unavailable, match="cannot be written"):
        ask(gateway, actor("ana"))


def test_who_left_the_group_gets_no_repeat(gateway: Gateway, actor: Someone) -> None:
    ask(gateway, actor("ana"))
    with pytest.raises(NotAllowed):
        ask(gateway, replace(actor("ana"), groups=frozenset({"analysts"})))


def test_another_authorization_never_gets_the_answer(
    settings: Settings, another: Opening, actor: Someone, tmp_path: Path
) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(settings.policies, policies)
    study = (policies / "authorizations" / "visits-study.toml").read_text()
    other = policies / "authorizations" / "visits-twin.toml"
    other.write_text(study.replace('name = "visits-study"', 'name = "visits-twin"'))
    twins = another(replace(settings, policies=policies))
    first = ask(twins, actor("ana"))
    second = ask(twins, actor("ana"), authorization="visits-twin")
    assert (first.cached, second.cached, charged(twins)) == (False, False, 2)


def test_repeats_survive_a_restart(
    settings: Settings, another: Opening, gateway: Gateway, actor: Someone
) -> None:
    first = ask(gateway, actor("ana"))
    again = ask(another(settings), actor("ana"))
    assert (again.cached, again.table, again.receipt) == (True, first.table, first.receipt)


def test_changed_policies_are_another_question_and_their_answers_are_forgotten(
    settings: Settings, another: Opening, gateway: Gateway, actor: Someone, tmp_path: Path
) -> None:
    ask(gateway, actor("ana"))
    gateway.begin_serving()
    assert kept(gateway) == 1
    policies = tmp_path / "policies"
    shutil.copytree(settings.policies, policies)
    study = policies / "authorizations" / "visits-study.toml"
    study.write_text(study.read_text().replace("as tables", "as plain tables"))
    changed = another(replace(settings, policies=policies))
    assert not ask(changed, actor("ana")).cached
    changed.begin_serving()
    assert kept(changed) == 1


def test_new_data_is_another_question(settings: Settings, gateway: Gateway, actor: Someone) -> None:
    first = ask(gateway, actor("ana"))
    with (settings.raw / "visits.csv").open("a") as file:
        file.write("P900,Bei,gp,2025-01-01,1.50,another\n")
    register("small_visits", actor="test", settings=settings, policies=gateway.policies, books=gateway.books)
    second = ask(gateway, actor("ana"))
    assert (second.cached, charged(gateway)) == (False, 2)
    assert second.snapshot != first.snapshot


def test_a_fresh_answer_pays_and_repeats_go_on_giving_the_first(gateway: Gateway, actor: Someone) -> None:
    first = ask(gateway, actor("ana"))
    fresh = ask(gateway, actor("ana"), fresh=True)
    assert (fresh.cached, charged(gateway), fresh.id != first.id) == (False, 2, True)
    assert ask(gateway, actor("ana")).id == first.id


def test_a_spent_budget_still_repeats(gateway: Gateway, actor: Someone) -> None:
    count = "SELECT COUNT(*) AS n FROM visits"
    ask(gateway, actor("ana"), count, epsilon=Decimal(1))
    with pytest.raises(OverBudget):
        ask(gateway, actor("ana"), count, epsilon=Decimal(1), fresh=True)
    assert ask(gateway, actor("ana"), count, epsilon=Decimal(1)).cached


def test_an_estimate_says_whether_the_answer_would_be_repeated(gateway: Gateway, actor: Someone) -> None:
    def estimated() -> dict[str, Any]:
        return gateway.estimate(
            sql=GROUPED, authorization="visits-study", epsilon=Decimal("0.25"), actor=actor("ana")
        ).to_document()

    assert estimated()["cached"] is False
    ask(gateway, actor("ana"))
    assert estimated()["cached"] is True
    assert charged(gateway) == 1


def test_a_question_that_failed_is_not_repeated(
    gateway: Gateway, actor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("sandbox.answering.add_noise", lambda _: 1 // 0)
        with pytest.raises(Unavailable):
            ask(gateway, actor("ana"))
    assert kept(gateway) == 0
    assert not ask(gateway, actor("ana")).cached
    assert charged(gateway) == 2


@pytest.mark.parametrize("moment", ["after-charge", "before-outcome-commits"])
def test_a_crash_between_charge_and_outcome_keeps_no_answer(
    settings: Settings, gateway: Gateway, actor: Someone, moment: str
) -> None:
    command = [sys.executable, str(ASKER), str(settings.home), str(settings.policies), moment]
    assert subprocess.run(command, env=dict(os.environ), check=False).returncode == -9
    assert (charged(gateway), kept(gateway)) == (1, 0)
    gateway.begin_serving()
    assert gateway.books.log.search(kind=Kind.QUESTION_OUTCOME)[0].event["decision"] == "unknown"
    assert not ask(gateway, actor("ana")).cached


def test_of_threads_that_ask_the_same_at_once_one_pays(
    gateway: Gateway, actor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = threading.Event()

    def slow(*given: Any, **named: Any) -> Any:
        assert waiting.wait(20)
        return extract(*given, **named)

    def when_all_want_it() -> None:
        while not any(turn.wanted == 5 for turn in gateway.repeats._asked.values()):
            threading.Event().wait(0.01)
        waiting.set()

    monkeypatch.setattr("sandbox.answering.extract", slow)
    with ThreadPoolExecutor(6) as pool:
        watcher = pool.submit(when_all_want_it)
        got = list(pool.map(lambda _: ask(gateway, actor("ana")), range(5)))
        watcher.result(timeout=20)
    assert sorted(answer.cached for answer in got) == [False, True, True, True, True]
    assert len({answer.table for answer in got}) == 1
    assert (charged(gateway), gateway.repeats._asked) == (1, {})


def test_of_processes_that_ask_the_same_at_once_both_pay_and_the_first_recorded_stays(
    settings: Settings, another: Opening, gateway: Gateway, actor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = another(settings)
    faster: list[Answer] = []

    def overtaken(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr("sandbox.answering.extract", extract)
        faster.append(ask(rival, actor("ana")))
        return extract(*given, **named)

    monkeypatch.setattr("sandbox.answering.extract", overtaken)
    slower = ask(gateway, actor("ana"))
    assert (slower.cached, faster[0].cached, charged(gateway)) == (False, False, 2)
    assert {ask(one, actor("ana")).id for one in (gateway, rival)} == {faster[0].id}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE answer SET document = replace(document, 'Bei', 'Nan')",
        "UPDATE answer SET document = CAST(replace(document, 'ana', 'eve') AS BLOB)",
        "UPDATE answer SET document = x'7b7d'",
        "UPDATE answer SET seq = 0",
    ],
)
def test_a_kept_answer_changed_by_hand_is_not_given(
    settings: Settings, another: Opening, gateway: Gateway, actor: Someone, change: str
) -> None:
    ask(gateway, actor("ana"))
    connection = sqlite3.connect(settings.home / "state" / "state.sqlite", isolation_level=None)
    connection.execute(change)
    connection.close()
    with pytest.raises(Unavailable, match="not the one that the log recorded"):
        ask(another(settings), actor("ana"))
