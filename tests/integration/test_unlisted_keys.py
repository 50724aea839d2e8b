"""Grouping by values that are not public, the whole way: who is shown, and what it costs."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest
from ledger_asker import open_ledger
from questions import VISITS, dataset_of, exact, load, plan_of, write_rows

from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey, create_secret
from sandbox.errors import OverBudget
from sandbox.ledger.scopes import delta_lines, lines_of, scopes_for
from sandbox.policy.dataset import DatasetPolicy
from sandbox.privacy.noise import add_noise
from sandbox.privacy.plan import Plan
from sandbox.privacy.post import finish
from sandbox.sources.snapshot import Snapshot
from sandbox.statements import balance_document

COLUMNS: dict[str, dict[str, Any]] = {**VISITS, "town": {"use": "filter", "type": "text", "may_group": True}}
SCHEMA = pa.schema({name: pa.string() for name in ("person_id", "district", "town", "note")})
DELTAS = {"threshold_delta": "1e-7", "reserved_delta": "2e-7"}
TOWNS = {"Großstadt": 400, "大城": 300, "Hamlet": 1, "Village": 3}


def dataset() -> DatasetPolicy:
    columns = {name: column for name, column in COLUMNS.items() if name in SCHEMA.names}
    return dataset_of(columns, max_rows=2)


def plan() -> Plan:
    sql = "SELECT town, COUNT(DISTINCT person_id) AS persons FROM visits GROUP BY town ORDER BY town"
    return plan_of(sql, dataset(), epsilon="2", loss=DELTAS)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    directory = tmp_path_factory.mktemp("towns")
    rows: list[dict[str, Any]] = [
        {"person_id": f"{town}-{person}", "district": "Bei", "town": town, "note": "n"}
        for town, persons in TOWNS.items()
        for person in range(persons)
    ]
    rows += [{"person_id": f"nowhere-{n}", "district": "Bei", "town": None, "note": "n"} for n in range(500)]
    write_rows(directory / "raw" / "visits.parquet", rows, SCHEMA)
    return load(dataset(), directory)


def test_groups_of_many_are_shown_and_groups_of_few_and_of_nothing_are_not(copy: Snapshot) -> None:
    cells = exact(plan(), copy)
    for _ in range(30):
        rows = finish(add_noise(cells)).rows
        assert [row[0] for row in rows] == ["Großstadt", "大城"]
        assert all(abs(int(str(row[1])) - TOWNS[str(row[0])]) < 60 for row in rows)


def test_every_such_question_is_charged_its_delta_until_the_reserve_is_spent(tmp_path: Path) -> None:
    SigningKey.create(tmp_path / "log")
    create_secret(tmp_path / "private")
    ledger, made = open_ledger(tmp_path), plan()
    event = Event(kind=Kind.QUESTION_INTENT, actor="ana", subject="q")
    for number in range(2):
        ledger.charge(f"q{number}", made, event)
    with pytest.raises(OverBudget, match="delta"):
        ledger.charge("q2", made, event)
    spent = [balance.spent.picorho for balance in ledger.balances(delta_lines(made.checked))]
    assert spent == [2 * 10**11, 2 * 10**11]  # 2e-7 in units of 1e-18
    ledger._log.engine.dispose()


def test_what_is_left_of_the_reserves_is_shown_beside_what_is_left_of_losses(tmp_path: Path) -> None:
    SigningKey.create(tmp_path / "log")
    create_secret(tmp_path / "private")
    ledger, made = open_ledger(tmp_path), plan()
    ledger.charge("q", made, Event(kind=Kind.QUESTION_INTENT, actor="ana", subject="q"))
    seen = ledger.balances(lines_of(made))
    shown = {balance.scope: balance_document(balance, made.loss) for balance in seen}
    for scope in (line.scope for line in delta_lines(made.checked)):
        document = shown[scope]
        assert (document["spent_delta"], document["left_delta"], document["cap_delta"]) == (
            "0.0000001",
            "0.0000001",
            "0.0000002",
        )
        assert document["more_like_this"] == 1
        assert "left_picorho" not in document
    assert [line.scope for line in scopes_for(made.checked)] == [
        scope for scope, document in shown.items() if "left_picorho" in document
    ]
    ledger._log.engine.dispose()


def test_what_is_reserved_for_thresholds_is_not_counted_twice() -> None:
    granted = plan().checked.authorization.loss
    assert granted.delta_of_losses + Decimal(DELTAS["reserved_delta"]) == granted.total_delta
