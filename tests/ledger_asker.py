"""A process with many threads that all ask for the same budget at the same moment.

Says ``ready``, waits for a line, asks, then says how many questions were granted. Run by the race
tests of the ledger; not a test itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import insert

from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.keys import SigningKey, load_secret
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.errors import OverBudget
from sandbox.ledger.decisions import Decision, Raise, Signed, Window, sign
from sandbox.ledger.granting import grant, register_key
from sandbox.ledger.ledger import Ledger
from sandbox.ledger.scopes import lines_of
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.check import check
from sandbox.policy.dataset import DatasetPolicy
from sandbox.policy.grades import PopulationPolicy, ReviewPolicy
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.privacy.charge import Charge
from sandbox.privacy.plan import Plan, make_plan
from sandbox.query.expr import Aggregate, Function, Output, Query, Table
from sandbox.settings import Settings
from sandbox.store import tables
from sandbox.store.engine import open_state

COUNT = Query(Table("visits"), (Output(Aggregate(Function.COUNT_ROWS), "count"),))
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ANA = Actor(name="ana", groups=frozenset({"study"}), scopes=frozenset(), channel=Channel.NOTEBOOK)


STEN = Actor(
    name="sten",
    groups=frozenset({"stewards"}),
    scopes=scopes_of(frozenset({"stewards"})),
    channel=Channel.TERMINAL,
)
TIGHT = ("authorization", "population", "dataset", "analyst", "window")
"""The scopes that a question may be charged to; a race is for the last epsilon of one of them."""


def policies(
    *, total: str = "8", lifetime: str = "20", dataset_cap: str | None = None, **loss: object
) -> Policies:
    """Policies of one table, with these epsilons of the authorization and of the population."""
    columns = {"person_id": {"use": "unit_id"}, "district": {"use": "group_key", "domain": ["Bei", "Nan"]}}
    table = {"source": "visits.csv", "max_rows_per_unit": 5, "columns": columns}
    dataset = {
        "name": "visits",
        "title": "Visits",
        "owner": "The tests",
        "grade": "general-3",
        "openness": "sandbox_only",
        "population": "residents",
        "profile_epsilon": "0.1",
        "lifetime_epsilon": dataset_cap,
        "tables": {"visits": table},
    }
    authorization = {
        "name": "study",
        "group": "study",
        "dataset": "visits",
        "purpose": "Testing",
        "mode": "scenario",
        "conditions": "None",
        "exit": "None",
        "responsible": "The tests",
        "term": {"start": date(2026, 1, 1), "end": date(2027, 1, 1)},
        "tables": {"visits": ["district"]},
        "loss": {"per_query_epsilon": "1", "total_epsilon": total, "total_delta": "1e-6", **loss},
    }
    population = {
        "name": "residents",
        "description": "Invented persons",
        "lifetime_epsilon": lifetime,
        "lifetime_delta": "1e-6",
    }
    return Policies(
        datasets={"visits": DatasetPolicy.model_validate(dataset)},
        authorizations={"study": AuthorizationPolicy.model_validate(authorization)},
        populations={"residents": PopulationPolicy.model_validate(population)},
        grades={},
        review=ReviewPolicy(),
        digest="sha256:" + "0" * 64,
    )


def plan_of(epsilon: str, rules: Policies) -> Plan:
    """Plan the simplest question that ``rules`` allow."""
    checked = check(COUNT, policies=rules, authorization="study", actor=ANA, now=NOW)
    return make_plan(checked, epsilon=Decimal(epsilon))


def tight_on(scope: str) -> Policies:
    """Policies with all scopes, of which ``scope`` alone has room for just one question at epsilon 1."""
    epsilon = {one: "8" if one == scope else "20" for one in TIGHT}
    return policies(
        total=epsilon["authorization"],
        lifetime=epsilon["population"],
        dataset_cap=epsilon["dataset"],
        analyst_epsilon=min("20", epsilon["analyst"], epsilon["authorization"], key=int),
        window={"epsilon": min("20", epsilon["window"], epsilon["authorization"], key=int), "days": 30},
    )


def decide(
    ledger: Ledger,
    rules: Policies,
    *,
    windows: Sequence[Window] = (),
    raises: Sequence[Raise] = (),
    reason: str = "Testing",
) -> Signed:
    """Let sten sign a decision with a new key of his and apply it."""
    log, key = ledger._log, SigningKey.from_seed(os.urandom(32))
    register_key(log, "sten", key.public, actor="root")
    decision = Decision(
        authorization="study", by="sten", at=timestamp(log.now()), reason=reason,
        windows=tuple(windows), raises=tuple(raises),
    )  # fmt: skip
    signed = sign(decision, key)
    grant(ledger, log, signed, policies=rules, actor=STEN)
    return signed


def window(first: date, *, days: int = 30, epsilon: str = "8") -> Window:
    return Window(first=first, until=first + timedelta(days=days), epsilon=Decimal(epsilon))


def open_ledger(
    home: Path,
    kind: type[Ledger] = Ledger,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    state: Settings | None = None,
) -> Ledger:
    """Open the books under ``home``; its keys are the files ``log`` and ``private``."""
    log = Log(
        open_state(state or Settings(home=home, commit_deadline=30)),
        signer=KeySigner(SigningKey.load(home / "log"), state=home / "signed"),
        private_key=load_secret(home / "private"),
        commit_deadline=30,
        clock=clock,
    )
    return kind(log)


class CarelessLedger(Ledger):
    """The fault that the race tests must find: look first, write what was seen plus the loss later."""

    def charge(self, request_id: str, plan: Plan, event: Event, *, private: str | None = None) -> Charge:
        seen = self.balances(lines_of(plan))
        if any(plan.loss > balance.left for balance in seen):
            raise OverBudget("over-budget", "Nothing is left.")
        with self._log.writing() as tx:
            for balance in seen:
                row = {
                    "scope": balance.scope,
                    "cap": balance.cap.picorho,
                    "spent": balance.spent.picorho + plan.loss.picorho,
                }
                tx.connection.execute(insert(tables.budget).prefix_with("OR REPLACE").values(row))
            intent = tx.append(event, private=private)
        return Charge(request_id=request_id, plan_digest=plan.digest, loss=plan.loss, intent=intent)


def granted(ledger: Ledger, request_id: str, plan: Plan) -> bool:
    """Ask once; return whether it was granted."""
    event = Event(kind=Kind.QUESTION_INTENT, actor="ana", subject=request_id)
    try:
        ledger.charge(request_id, plan, event)
    except OverBudget:
        return False
    return True


def main(home: Path, name: str, askers: int, scope: str, careless: bool) -> None:
    """Ask ``askers`` times at once, when ``scope`` has room for one such question."""
    ledger, plan = open_ledger(home, CarelessLedger if careless else Ledger), plan_of("1", tight_on(scope))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with ThreadPoolExecutor(askers) as pool:
        answers = pool.map(lambda number: granted(ledger, f"{name}-{number}", plan), range(askers))
        sys.stdout.write(f"{sum(answers)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:] == ["careless"])
