"""The straight path on a real copy, a real ledger and a real log."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sandbox.answer import Answer
from sandbox.audit.event import Kind
from sandbox.audit.group import Transaction
from sandbox.audit.log import Log
from sandbox.errors import Conflict, NotAllowed, NotAnswerable, OverBudget, Refusal, Unavailable
from sandbox.gateway import Gateway
from sandbox.pace import CONSTANT_SENTENCE
from sandbox.policy.roles import Actor
from sandbox.settings import Settings
from sandbox.sources import engine
from sandbox.store.tables import charge
from sandbox.web import problem

Someone = Callable[[str], Actor]
CONSTANT_BYTES = (
    b'{"type": "urn:public-data-sandbox:problem:not-completed", "title": "Service Unavailable", '
    b'"status": 503, "detail": "The question could not be completed; whatever it was charged stands.", '
    b'"allowed": "", "code": "not-completed"}'
)
GROUPED = "SELECT district, COUNT(*) AS n, AVG(cost) AS mean FROM visits GROUP BY district"


def ask(gateway: Gateway, actor: Actor, sql: str = GROUPED, **given: object) -> Answer:
    return gateway.ask(
        sql=sql,
        authorization=str(given.get("authorization", "visits-study")),
        epsilon=Decimal(str(given.get("epsilon", "0.5"))),
        actor=actor,
        request_id=given.get("request_id"),  # type: ignore[arg-type]  # a str or absent
        fresh=bool(given.get("fresh")),
    )


def kinds(gateway: Gateway) -> list[str]:
    return [str(entry.event["kind"]) for entry in reversed(gateway.books.log.search(limit=100))]


def fails_as_a_refusal(*_: object, **__: object) -> None:
    raise NotAnswerable("secret-code", "A secret cell.")


def charges(gateway: Gateway) -> int:
    with gateway.books.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(charge)).scalar_one())


def test_an_answer_has_every_public_key_its_intervals_and_its_cost(gateway: Gateway, actor: Someone) -> None:
    answer = gateway.ask(
        sql=GROUPED, authorization="visits-study", epsilon=Decimal("0.5"), actor=actor("ana")
    )
    assert answer.table.columns == ("district", "n", "n_low", "n_high", "mean", "mean_low", "mean_high")
    assert [row[0] for row in answer.table.rows] == ["Bei", "Dong", "Nan", "Xi"]
    assert answer.epsilon == "0.5"
    assert {balance.scope.split(":")[0] for balance in answer.left} == {"population", "authorization"}


def test_intent_and_outcome_stand_in_the_log_before_the_answer(gateway: Gateway, actor: Someone) -> None:
    answer = gateway.ask(
        sql=GROUPED, authorization="visits-study", epsilon=Decimal("0.5"), actor=actor("ana")
    )
    story = gateway.books.log.story(answer.id)
    assert [entry.event["kind"] for entry in story] == [Kind.QUESTION_INTENT, Kind.QUESTION_OUTCOME]


def test_an_engine_fault_says_one_sentence_and_the_charge_stands(
    gateway: Gateway, actor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = charges(gateway)
    monkeypatch.setattr(engine, "compile_scan", lambda *_: "SELECT CAST('secret cell' AS INTEGER)")
    with pytest.raises(Unavailable) as refusal:
        ask(gateway, actor("ana"))
    assert str(refusal.value) == CONSTANT_SENTENCE
    assert charges(gateway) == before + 2
    assert gateway.books.log.search(limit=1)[0].event["decision"] == "failed"


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("sandbox.sources.engine.compile_scan", lambda *_: "SELECT CAST('secret cell' AS INTEGER)"),
        ("sandbox.sources.engine.compile_scan", lambda *_: "SELECT nonsense"),
        ("sandbox.sources.engine.compile_scan", lambda *_: "SELECT count(*) FROM range(1000000000000)"),
        ("sandbox.answering.add_noise", lambda _: 1 // 0),
        ("sandbox.answering.finish", lambda _: int("secret cell")),
        ("sandbox.answering.extract", fails_as_a_refusal),
    ],
)
def test_every_failure_after_the_charge_is_the_same_bytes_and_on_record(
    settings: Settings, actor: Someone, monkeypatch: pytest.MonkeyPatch, where: str, what: object
) -> None:
    gateway = Gateway.open(replace(settings, latency_buckets=(0.3, 0.6), query_deadline=0.3))
    before = charges(gateway)
    monkeypatch.setattr(where, what)
    with pytest.raises(Refusal) as refusal:
        ask(gateway, actor("ana"))
    assert problem.encode(problem.of_refusal(refusal.value)) == CONSTANT_BYTES
    assert refusal.value.__suppress_context__
    assert charges(gateway) == before + 2
    assert gateway.books.log.search(limit=1)[0].event["decision"] == "failed"
    gateway.close()


def test_an_answer_whose_outcome_cannot_be_logged_does_not_leave(
    gateway: Gateway, actor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = type(gateway.books.log).write
    calls = iter(range(10))

    def fails_after_the_charge(log: Log, work: Callable[[Transaction], object]) -> object:
        if next(calls) > 0:
            raise Unavailable("log-unavailable", "The log cannot be written.")
        return real(log, work)

    monkeypatch.setattr(type(gateway.books.log), "write", fails_after_the_charge)
    with pytest.raises(Unavailable):
        ask(gateway, actor("ana"))


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM visits", "not-"),
        ("SELECT note, COUNT(*) FROM visits GROUP BY note", "column-"),
        ("SELECT COUNT(*) FROM visits WHERE", "sql-"),
    ],
)
def test_a_refused_question_costs_nothing_and_is_logged(
    gateway: Gateway, actor: Someone, sql: str, code: str
) -> None:
    before = charges(gateway)
    with pytest.raises(Refusal) as refusal:
        ask(gateway, actor("ana"), sql)
    assert refusal.value.sentence.endswith(".")
    assert charges(gateway) == before
    assert gateway.books.log.search(limit=1)[0].event["decision"] == refusal.value.code
    assert code


def test_who_is_not_in_the_group_learns_no_more_than_that(gateway: Gateway, actor: Someone) -> None:
    with pytest.raises(NotAllowed) as stranger:
        ask(gateway, actor("ben"))
    with pytest.raises(NotAllowed) as nothing:
        ask(gateway, actor("ben"), authorization="no-such-thing")
    assert stranger.value.code == nothing.value.code


def test_an_authorization_whose_term_is_over_answers_nothing(gateway: Gateway, actor: Someone) -> None:
    with pytest.raises(NotAllowed, match="2025"):
        ask(gateway, actor("ana"), "SELECT COUNT(*) AS n FROM visits", authorization="visits-closed")


def test_a_spent_budget_refuses(gateway: Gateway, actor: Someone) -> None:
    ask(gateway, actor("ana"), "SELECT COUNT(*) AS n FROM visits", epsilon=1)  # 0.5 rho of 0.908
    before = charges(gateway)
    with pytest.raises(OverBudget):
        ask(gateway, actor("ana"), "SELECT COUNT(*) AS n FROM visits", epsilon=1, fresh=True)
    assert charges(gateway) == before


def test_a_request_id_is_charged_once(gateway: Gateway, actor: Someone) -> None:
    ask(gateway, actor("ana"), request_id="one-and-only")
    before = charges(gateway)
    with pytest.raises(Conflict):
        ask(gateway, actor("ana"), request_id="one-and-only", fresh=True)
    assert ask(gateway, actor("ana"), request_id="one-and-only").cached
    assert charges(gateway) == before


def test_a_dry_run_reads_no_data_and_costs_nothing(
    gateway: Gateway, actor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "extract", None)
    before = charges(gateway), kinds(gateway)
    estimate = gateway.estimate(
        sql=GROUPED, authorization="visits-study", epsilon=Decimal(1), actor=actor("ana")
    )
    assert {error.name for error in estimate.errors} == {"n", "mean"}
    assert (charges(gateway), kinds(gateway)) == before


def test_a_policy_changed_since_registration_answers_nothing(
    settings: Settings, actor: Someone, tmp_path: Path
) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(settings.policies, policies)
    file = policies / "datasets" / "small_visits.toml"
    file.write_text(file.read_text().replace("max_rows_per_unit = 5", "max_rows_per_unit = 6"))
    changed = Gateway.open(Settings(home=settings.home, raw=settings.raw, policies=policies))
    with closing(changed), pytest.raises(NotAnswerable, match="changed since"):
        ask(changed, actor("ana"))


def test_no_raw_text_stands_in_state_or_copies(settings: Settings, gateway: Gateway, actor: Someone) -> None:
    ask(gateway, actor("ana"))
    for path in (*settings.bounded.iterdir(), *(settings.home / "state").iterdir()):
        assert b"raw secret text" not in path.read_bytes(), path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start the parts under uids of their own")
def test_the_gateway_may_not_read_raw_tables_nor_the_registrar_the_state(settings: Settings) -> None:
    for path, uid in (
        (settings.raw / "visits.csv", settings.gateway_uid),
        (settings.keys, settings.registrar_uid),
    ):
        mode = path.stat().st_mode & 0o007
        assert path.parent.stat().st_uid != uid or path.stat().st_uid != uid
        assert mode == 0 or path.parent.stat().st_mode & 0o007 == 0
