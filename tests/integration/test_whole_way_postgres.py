"""A question goes its whole way, and survives a restart, with the state in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from conftest import SMALL_POLICIES, furnish, open_path
from postgres_server import Server
from sqlalchemy import func, select
from state_databases import postgres_state

from sandbox.answer import Answer
from sandbox.gateway import Gateway
from sandbox.policy.roles import Actor
from sandbox.settings import Settings
from sandbox.store.tables import charge

Someone = Callable[[str], Actor]
COUNT = "SELECT district, COUNT(*) AS n FROM visits GROUP BY district"


@pytest.fixture(scope="module")
def home(state_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    directory = tmp_path_factory.mktemp("sandbox") / "home"
    directory.mkdir()
    open_path(directory)
    made = replace(postgres_state(state_server, directory), raw=directory / "raw", policies=SMALL_POLICIES)
    furnish(made)
    return made


@pytest.fixture
def gateway(home: Settings) -> Iterator[Gateway]:
    opened = Gateway.open(home)
    yield opened
    opened.close()


def ask(gateway: Gateway, actor: Actor, *, fresh: bool = False) -> Answer:
    return gateway.ask(
        sql=COUNT, authorization="visits-study", epsilon=Decimal("0.5"), actor=actor, fresh=fresh
    )


def charges(gateway: Gateway) -> int:
    with gateway.books.log.reading() as connection:
        return connection.execute(select(func.count(charge.c.request_id.distinct()))).scalar() or 0


def test_a_question_is_charged_answered_and_repeated_after_a_restart(
    home: Settings, gateway: Gateway, actor: Someone
) -> None:
    first = ask(gateway, actor("ana"))
    paid = charges(gateway)
    gateway.close()
    again = Gateway.open(home)
    repeated = ask(again, actor("ana"))
    assert (repeated.table, repeated.cached) == (first.table, True)
    assert charges(again) == paid
    assert [entry.event["kind"] for entry in again.books.log.story(first.id)] == [
        "question.intent",
        "question.outcome",
        "question.repeated",
    ]
    assert again.books.log.check_start().size > 0
    again.close()
