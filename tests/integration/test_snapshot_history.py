"""A new snapshot of the same people: what was spent stays spent, what was proved stays proved."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sandbox.answer import Answer
from sandbox.audit.keys import SigningKey
from sandbox.audit.receipt import read
from sandbox.errors import NotAnswerable
from sandbox.gateway import Gateway
from sandbox.governance import registration
from sandbox.governance.installation import RECEIPT_KEY
from sandbox.policy.dataset import DatasetPolicy
from sandbox.policy.roles import Actor
from sandbox.settings import Settings
from sandbox.sources.register import planned_loss
from sandbox.sources.snapshot import Snapshot

Someone = Callable[[str], Actor]
NAME = "small_visits"


def ask(gateway: Gateway, actor: Actor, *, epsilon: str = "0.1") -> Answer:
    return gateway.ask(
        sql="SELECT district, COUNT(*) AS n FROM visits GROUP BY district",
        authorization="visits-study",
        epsilon=Decimal(epsilon),
        actor=actor,
    )


def spent(gateway: Gateway, actor: Actor) -> dict[str, int]:
    return {balance.scope: balance.spent.picorho for balance in gateway.balances(actor)}


def add_a_visit(gateway: Gateway) -> None:
    source = gateway.settings.raw / "visits.csv"
    source.write_text(source.read_text() + "P999,Bei,gp,2025-01-01,10.50,new\n")


def register(gateway: Gateway) -> Snapshot:
    given = {"settings": gateway.settings, "policies": gateway.policies, "books": gateway.books}
    return registration.register(NAME, actor="stella", **given)  # type: ignore[arg-type]  # as named


def test_budgets_continue_over_a_new_snapshot_of_the_same_people(gateway: Gateway, actor: Someone) -> None:
    old = ask(gateway, actor("ana"))
    before = spent(gateway, actor("ana"))
    add_a_visit(gateway)
    new = register(gateway)
    assert new.digest != old.snapshot
    loss = planned_loss(gateway.policies.datasets[NAME]).picorho
    assert spent(gateway, actor("ana")) == before | {
        "population:residents": before["population:residents"] + loss
    }
    answer = ask(gateway, actor("ana"))
    after = spent(gateway, actor("ana"))
    assert after["authorization:visits-study"] == 2 * before["authorization:visits-study"]
    assert answer.snapshot == new.digest


def test_receipts_of_answers_from_an_older_snapshot_still_verify(gateway: Gateway, actor: Someone) -> None:
    old = ask(gateway, actor("ana"))
    add_a_visit(gateway)
    register(gateway)
    key = SigningKey.load(gateway.settings.keys / RECEIPT_KEY).public
    receipt = read(old.receipt, key)
    assert (receipt.snapshot, receipt.answer) == (old.snapshot, old.id)
    assert [entry.event["decision"] for entry in gateway.books.log.story(old.id)] == ["charged", "answered"]


def test_a_registration_that_fails_leaves_the_old_copy_answering(gateway: Gateway, actor: Someone) -> None:
    old = ask(gateway, actor("ana"))
    (gateway.settings.raw / "visits.csv").write_text("person_id\nAnna Secret\n")
    with pytest.raises(NotAnswerable):
        register(gateway)
    assert ask(gateway, actor("ana")).snapshot == old.snapshot


def test_the_old_copy_answers_until_the_new_one_is_active(
    gateway: Gateway, actor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ask(gateway, actor("ana"))
    seen: list[str] = []
    right = registration.run_registrar

    def asked_meanwhile(
        dataset: DatasetPolicy, settings: Settings, what: dict[str, Any]
    ) -> dict[str, object]:
        document = right(dataset, settings, what)
        seen.append(ask(gateway, actor("ana"), epsilon="0.2" if "known" in what else "0.3").snapshot)
        return document

    monkeypatch.setattr(registration, "run_registrar", asked_meanwhile)
    add_a_visit(gateway)
    new = register(gateway)
    assert seen == [old.snapshot, old.snapshot]  # looked at, and then copied, but not active yet
    assert ask(gateway, actor("ana")).snapshot == new.digest
