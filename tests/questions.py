"""Paid plans over small tables, made the way the product makes them: parsed, checked, planned, charged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types

from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.check import CheckedQuery, check
from sandbox.policy.dataset import DatasetPolicy, Use
from sandbox.policy.grades import PopulationPolicy, ReviewPolicy
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Channel, Scope
from sandbox.privacy.bound import Profile
from sandbox.privacy.cells import ExactCells
from sandbox.privacy.charge import Charge
from sandbox.privacy.plan import Plan, make_plan
from sandbox.query.sql import parse
from sandbox.sources.engine import Engines, extract
from sandbox.sources.register import Places, register
from sandbox.sources.snapshot import Snapshot, shape_of

SEED = bytes(range(32))
ACTOR = Actor(
    name="ana", groups=frozenset({"study"}), scopes=frozenset({Scope.QUERY}), channel=Channel.NOTEBOOK
)
FUNCTIONS = ["count", "sum", "avg", "variance", "covariance", "quantile"]
VISITS: dict[str, dict[str, Any]] = {
    "person_id": {"use": "unit_id"},
    "district": {"use": "group_key", "domain": ["Bei", "Dong", "Nan"]},
    "year": {"use": "group_key", "domain": [1, 2]},
    "cost": {"use": "measure", "bounds": ["0", "100"], "decimals": 1, "functions": FUNCTIONS},
    "change": {"use": "measure", "bounds": ["-50", "20"], "functions": FUNCTIONS},
    "day": {"use": "filter", "type": "date"},
    "note": {"use": "hidden"},
}


DISTRICTS = ["Bei", "Dong", "O'Hara", "a\\b", "100%_x"]
HEALTH: dict[str, dict[str, Any]] = {
    "visits": {
        "source": "visits.parquet",
        "max_rows_per_unit": 4,
        "columns": {
            "person_id": {"use": "unit_id"},
            "district": {"use": "group_key", "domain": DISTRICTS},
            "year": {"use": "group_key", "domain": [1, 2, 7]},
            "cost": {"use": "measure", "bounds": ["0", "99.9"], "decimals": 1, "functions": FUNCTIONS,
                     "extremes": ["0.01", "0.99"]},
            "change": {"use": "measure", "bounds": ["-50", "20"], "functions": FUNCTIONS},
            "debt": {"use": "measure", "bounds": ["-900.25", "-0.25"], "decimals": 2,
                     "functions": FUNCTIONS},
            "day": {"use": "filter", "type": "date", "period": ["2023-11-05", "2025-02-28"]},
            "urgent": {"use": "filter", "type": "boolean"},
            "code": {"use": "filter", "type": "text"},
        },
    },
    "persons": {
        "source": "persons.parquet",
        "max_rows_per_unit": 1,
        "columns": {
            "person_id": {"use": "unit_id"},
            "sex": {"use": "group_key", "domain": ["F", "M"]},
            "income": {"use": "measure", "bounds": ["0", "5000"], "functions": FUNCTIONS},
        },
    },
    "places": {
        "source": "places.parquet",
        "public": True,
        "unique_key": ["name"],
        "columns": {
            "name": {"use": "group_key", "domain": DISTRICTS},
            "region": {"use": "group_key", "domain": ["East", "West"]},
            "beds": {"use": "measure", "bounds": ["0", "300"], "functions": FUNCTIONS},
        },
    },
}  # fmt: skip
"""Two tables of persons and a public one that is joined on its unique key."""


def dataset_of(
    columns: dict[str, dict[str, Any]], *, source: str = "visits.parquet", max_rows: int = 4
) -> DatasetPolicy:
    """Return a dataset with one table, ``visits``."""
    return dataset_with({"visits": {"source": source, "max_rows_per_unit": max_rows, "columns": columns}})


def dataset_with(tables: Mapping[str, Mapping[str, Any]]) -> DatasetPolicy:
    """Return a dataset with these tables, as a policy writes them."""
    return DatasetPolicy.model_validate(
        {
            "name": "health",
            "title": "Health",
            "owner": "Tests",
            "grade": "general-3",
            "openness": "sandbox_only",
            "population": "residents",
            "profile_epsilon": "0.5",
            "tables": tables,
        }
    )


def plan_of(
    sql: str,
    dataset: DatasetPolicy,
    *,
    epsilon: str = "1",
    measure: str = "pure",
    profiles: Mapping[str, Profile] | None = None,
    loss: Mapping[str, str] | None = None,
) -> Plan:
    """Return the plan of one question, all columns opened."""
    checked = checked_of(sql, dataset, measure=measure, loss=loss)
    return make_plan(checked, epsilon=Decimal(epsilon), profiles=profiles or {})


def checked_of(
    sql: str, dataset: DatasetPolicy, *, measure: str = "pure", loss: Mapping[str, str] | None = None
) -> CheckedQuery:
    """Return one question that may be asked, all columns opened."""
    opened = {
        name: [key for key, column in table.columns.items() if column.use not in {Use.UNIT_ID, Use.HIDDEN}]
        for name, table in dataset.tables.items()
    }
    authorization = AuthorizationPolicy.model_validate(
        {
            "name": "study",
            "group": "study",
            "dataset": dataset.name,
            "purpose": "Tests",
            "mode": "scenario",
            "conditions": "None",
            "term": {"start": datetime(2026, 1, 1, tzinfo=UTC), "end": datetime(2027, 1, 1, tzinfo=UTC)},
            "exit": "None",
            "responsible": "Tests",
            "tables": opened,
            "reviewed_answers": 20 if dataset.reviewed else 0,
            "loss": {
                "per_query_epsilon": "10",
                "total_epsilon": "50",
                "total_delta": "1e-6",
                "measure": measure,
                **(loss or {}),
            },
        }
    )
    population = PopulationPolicy.model_validate(
        {
            "name": "residents",
            "description": "All",
            "lifetime_epsilon": "100",
            "lifetime_delta": "1e-6",
            "reserved_delta": (loss or {}).get("reserved_delta"),
        }
    )
    policies = Policies(
        datasets={dataset.name: dataset},
        authorizations={"study": authorization},
        populations={"residents": population},
        grades={},
        review=ReviewPolicy(),
        digest="sha256:" + "0" * 64,
    )
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    return check(parse(sql), policies=policies, authorization="study", actor=ACTOR, now=moment)


def exact(
    plan: Plan, snapshot: Snapshot, *, engines: Engines | None = None, deadline: float = 30
) -> ExactCells:
    """Return the exact cells of ``plan``, as if it had been charged; by engines of its own where None."""
    charge = Charge(request_id="r", plan_digest=plan.digest, loss=plan.loss, intent=0)
    asked = engines or Engines()
    try:
        return extract(plan, charge, snapshot=snapshot, engines=asked, deadline=deadline)
    finally:
        if engines is None:
            asked.close()


def write_rows(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    """Write a Parquet file with the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


def load(dataset: DatasetPolicy, directory: Path, *, known: Snapshot | None = None) -> Snapshot:
    """Register ``dataset`` from ``directory/raw`` into ``directory/bounded``."""
    target = directory / "bounded"
    target.mkdir(exist_ok=True)
    return register(
        dataset,
        places=Places(raw=directory / "raw", target=target),
        seed=SEED,
        policy_digest=shape_of(dataset),
        known=known,
    )
