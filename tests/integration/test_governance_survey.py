"""Advice for a data steward: paid first, made in the registrar's process, logged, kept nowhere."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sandbox.audit.event import Kind
from sandbox.canonical import digest_of
from sandbox.errors import NotAnswerable, NotFound, OverBudget
from sandbox.gateway import Gateway
from sandbox.governance import registration
from sandbox.governance.advice import advise
from sandbox.governance.survey import survey
from sandbox.ledger.scopes import population_line
from sandbox.policy.dataset import DatasetPolicy
from sandbox.settings import Settings
from sandbox.sources.survey import Survey, survey_loss

NAME = "small_visits"


def spent(gateway: Gateway) -> int:
    population = gateway.policies.populations[gateway.policies.datasets[NAME].population]
    (balance,) = gateway.ledger.balances([population_line(population)])
    return balance.spent.picorho


def take(gateway: Gateway, epsilon: str = "2", name: str = NAME) -> Survey:
    given = {"settings": gateway.settings, "policies": gateway.policies, "books": gateway.books}
    return survey(name, epsilon=Decimal(epsilon), actor="stella", **given)  # type: ignore[arg-type]  # as named


def test_a_survey_spends_what_was_named_and_is_logged_twice(gateway: Gateway) -> None:
    before, dataset = spent(gateway), gateway.policies.datasets[NAME]
    found = take(gateway)
    assert spent(gateway) - before == survey_loss(dataset, Decimal(2)).picorho
    done, paid = (entry.event for entry in gateway.books.log.search(limit=2))
    assert (paid["kind"], done["kind"]) == (Kind.DATASET_SURVEYING, Kind.DATASET_SURVEYED)
    assert paid["body"]["loss"] == spent(gateway) - before
    assert done["body"]["survey"] == digest_of(found.to_document())


def test_the_survey_of_a_hundred_persons_is_near_the_truth(gateway: Gateway) -> None:
    found = take(gateway, epsilon="5")
    advice = advise(gateway.policies.datasets[NAME], found)
    (table,) = advice.tables
    assert abs(table.units - 100) < 15
    assert abs(table.rows - 395) < 60
    shares = {column.column: column for column in advice.columns}
    assert set(shares) == {"district", "service", "visit_date", "cost"}
    assert all(column.missing is not None and column.missing < 5 for column in advice.columns)
    outside = shares["cost"].outside
    assert outside is not None
    assert 2 < outside < 35


def test_a_survey_that_fails_says_one_sentence_and_its_charge_stands(gateway: Gateway) -> None:
    before = spent(gateway)
    source = gateway.settings.raw / "visits.csv"
    source.write_text("person_id\nAnna Secret\n")
    with pytest.raises(NotAnswerable) as refusal:
        take(gateway)
    assert "Anna" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert spent(gateway) > before
    assert gateway.books.log.search(limit=1)[0].event["kind"] == Kind.DATASET_SURVEYING


def test_a_survey_beyond_the_budget_reads_nothing(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[object] = []
    right = registration.run_registrar

    def noted(dataset: DatasetPolicy, settings: Settings, what: dict[str, Any]) -> dict[str, object]:
        orders.append(what)
        return right(dataset, settings, what)

    monkeypatch.setattr("sandbox.governance.survey.run_registrar", noted)
    with pytest.raises(OverBudget):
        take(gateway, epsilon="100")
    assert orders == [{"only_look": True}]


def test_a_dataset_without_policy_has_no_survey(gateway: Gateway) -> None:
    with pytest.raises(NotFound, match="small_visits"):
        take(gateway, name="other")


def test_advice_leaves_copies_and_snapshot_as_they_were(settings: Settings, gateway: Gateway) -> None:
    before = {path.name: path.read_bytes() for path in settings.bounded.iterdir()}
    take(gateway)
    assert {path.name: path.read_bytes() for path in settings.bounded.iterdir()} == before
