"""The promise at the gateway itself: what it says of two neighbors, answer by answer and word by word.

Each neighbor is a sandbox of its own, registered for real, asked through the whole straight path with
fresh noise. What an analyst sees besides numbers is the same on both: columns, keys, errors, refusals.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import PEOPLE, SMALL_POLICIES, SMALL_REGISTER, open_path
from refutation import Draws

from sandbox.errors import Refusal
from sandbox.gateway import Gateway
from sandbox.governance import accounts
from sandbox.governance.installation import install, open_books
from sandbox.governance.registration import register
from sandbox.policy.load import load
from sandbox.policy.roles import Actor
from sandbox.privacy import plan
from sandbox.privacy.bound import Sensitivity
from sandbox.settings import Settings

BUDGETS = re.compile(r'(total_epsilon|yearly_epsilon|lifetime_epsilon) = "[0-9]+"')
EPSILON = Decimal("0.5")
ASKED = 300
VICTIM = "V,Bei,gp,2025-01-11,900,raw secret text\n" * 25
COUNT = "SELECT SUM(k) AS n FROM (SELECT person_id, COUNT(*) AS k FROM visits GROUP BY person_id) AS u"
"""Looks at as many rows of a person as the policy allows, whatever the profile says."""
WORDS = (
    "SELECT district, service, COUNT(*) AS n, AVG(cost) AS a FROM visits GROUP BY district, service",
    "SELECT district, COUNT(*) AS n FROM visits WHERE cost > 249 GROUP BY ROLLUP (district)",
    "SELECT note, COUNT(*) FROM visits GROUP BY note",
    "SELECT SUM(1 / cost) FROM visits",
    "SELECT COUNT(*) FROM visits WHERE person_id = 'V'",
    "SELECT COUNT(*) FROM visits WHERE district = 'Moon'",
    "SELECT MEDIAN(cost) FROM visits",
    "SELECT * FROM visits",
    "DELETE FROM visits",
)


@dataclass(frozen=True)
class Neighbors:
    """The gateways of a register with the victim and of one without."""

    larger: Gateway
    smaller: Gateway


@pytest.fixture
def rich(tmp_path: Path) -> Iterator[Neighbors]:
    """Neighbors that nobody has asked yet, for an audit that spends nearly everything."""
    with made(tmp_path) as both:
        yield both


@pytest.fixture(scope="module")
def neighbors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbors]:
    with made(tmp_path_factory.mktemp("neighbors")) as both:
        yield both


@contextmanager
def made(directory: Path) -> Iterator[Neighbors]:
    open_path(directory / "x")
    policies = directory / "policies"
    shutil.copytree(SMALL_POLICIES, policies)
    for path in policies.rglob("*.toml"):  # a budget and a reach large enough for an audit
        written = BUDGETS.sub(r'\1 = "90"', path.read_text())
        path.write_text(written.replace("max_rows_per_unit = 5", "max_rows_per_unit = 20"))
    larger, smaller = (
        opened(directory / name, policies, rows) for name, rows in (("larger", VICTIM), ("smaller", ""))
    )
    yield Neighbors(larger, smaller)
    larger.close()
    smaller.close()


def opened(home: Path, policies: Path, more: str) -> Gateway:
    """Return the gateway of a new home with the small register and ``more`` rows."""
    settings = Settings(home=home, raw=home / "raw", policies=policies, latency_buckets=())
    install(settings)
    (settings.raw / "visits.csv").write_text(SMALL_REGISTER + more)
    books = open_books(settings)
    accounts.create(books.log, "ana", groups=PEOPLE["ana"], actor="test", login=False)
    register("small_visits", actor="test", settings=settings, policies=load(policies), books=books)
    books.close()
    return Gateway.open(settings)


def counted(gateway: Gateway, actor: Actor) -> float:
    answer = gateway.ask(sql=COUNT, authorization="visits-study", epsilon=EPSILON, actor=actor, fresh=True)
    return float(str(answer.table.rows[0][0]))


def drawn(neighbors: Neighbors, actor: Actor) -> Draws:
    return Draws.of(
        lambda: counted(neighbors.larger, actor), lambda: counted(neighbors.smaller, actor), ASKED
    )


def test_answers_of_the_gateway_tell_neighbors_apart_no_better_than_was_paid(
    rich: Neighbors, actor: Callable[[str], Actor]
) -> None:
    assert drawn(rich, actor("ana")).least_epsilon() <= float(EPSILON)


def test_the_audit_flags_a_gateway_that_hides_one_row_instead_of_one_person(
    rich: Neighbors, actor: Callable[[str], Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "sensitivity", lambda *_: Sensitivity(1, 1))
    assert drawn(rich, actor("ana")).least_epsilon() > float(EPSILON)


@pytest.mark.parametrize("sql", WORDS)
def test_everything_but_the_numbers_is_the_same_on_both_neighbors(
    neighbors: Neighbors, actor: Callable[[str], Actor], sql: str
) -> None:
    assert said(neighbors.larger, actor("ana"), sql) == said(neighbors.smaller, actor("ana"), sql)


def test_an_engine_that_fails_says_the_same_on_both_neighbors(
    neighbors: Neighbors, actor: Callable[[str], Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = "SELECT CAST(max(person_id) AS INTEGER) AS s0 FROM visits"  # fails with the victim's own name
    monkeypatch.setattr("sandbox.sources.engine.compile_scan", lambda *_: cast)
    words = [said(gateway, actor("ana"), COUNT) for gateway in (neighbors.larger, neighbors.smaller)]
    assert words[0] == words[1]


def said(gateway: Gateway, actor: Actor, sql: str) -> object:
    """Return all that an analyst sees but noisy numbers."""
    try:
        answer = gateway.ask(sql=sql, authorization="visits-study", epsilon=EPSILON, actor=actor, fresh=True)
    except Refusal as refusal:
        return type(refusal), refusal.code, str(refusal), refusal.allowed
    keys = [name for name in ("district", "service") if name in answer.table.columns]
    places = [answer.table.columns.index(name) for name in keys]
    return answer.table.columns, [[row[place] for place in places] for row in answer.table.rows]
