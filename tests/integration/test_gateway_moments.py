"""Every kind of outcome leaves the gateway at an edge of the grid: real questions, an injected clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from sandbox.answer import Answer, Estimate
from sandbox.errors import Refusal
from sandbox.gateway import Gateway
from sandbox.pace import Pace
from sandbox.policy.roles import Actor
from sandbox.privacy.noise import add_noise
from sandbox.question import Questions
from sandbox.settings import Settings

Someone = Callable[[str], Actor]
EDGES = (0.1, 0.5, 2.0, 3.0)
EARLY = 0.02
COUNT = "SELECT COUNT(*) AS n FROM visits"


@dataclass
class Clock:
    """Time that passes only while a question is made ready or its noise is added."""

    time: float = 0.0
    ready: float = 0.0
    noise: float = 0.0

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock, ready = Clock(), Questions.ready

    def slow_ready(*given: Any, **named: Any) -> Any:
        clock.time += clock.ready
        return ready(*given, **named)

    def slow_noise(exact: Any) -> Any:
        clock.time += clock.noise
        return add_noise(exact)

    monkeypatch.setattr(Questions, "ready", slow_ready)
    monkeypatch.setattr("sandbox.answering.add_noise", slow_noise)
    return clock


@pytest.fixture
def paced(settings: Settings, clock: Clock) -> Iterator[Gateway]:
    pace = Pace(EDGES, repeat_edge=EARLY, deadline=2.0, clock=clock, sleep=clock.sleep)
    gateway = Gateway.open(settings, pace=pace)
    yield gateway
    gateway.close()


def moment(clock: Clock, work: Callable[[], Answer | Estimate]) -> tuple[float, str]:
    """Return after how many seconds the outcome left, and which it was."""
    arrived = clock.time
    try:
        result = work()
        kind = "estimate" if isinstance(result, Estimate) else "repeated" if result.cached else "answered"
    except Refusal as refusal:
        kind = refusal.code
    except ZeroDivisionError:
        kind = "fault"
    return round(clock.time - arrived, 9), kind


TOOK = [(0.0, 0.0), (0.003, 0.09), (0.1, 0.3), (0.6, 0.7), (0.0, 1.999)]


@pytest.mark.parametrize("took", TOOK)
def test_every_kind_of_outcome_leaves_at_an_edge(
    paced: Gateway, actor: Someone, clock: Clock, monkeypatch: pytest.MonkeyPatch, took: tuple[float, float]
) -> None:
    ana, ben = actor("ana"), actor("ben")
    clock.ready, clock.noise = took

    def ask(sql: str, who: Actor = ana, epsilon: str = "0.5", **more: Any) -> tuple[float, str]:
        given: dict[str, Any] = {
            "sql": sql,
            "authorization": "visits-study",
            "epsilon": Decimal(epsilon),
            "actor": who,
        }
        return moment(clock, lambda: paced.ask(**given, **more))

    left = [
        ask(COUNT),
        ask(COUNT),
        moment(
            clock,
            lambda: paced.estimate(sql=COUNT, authorization="visits-study", epsilon=None, actor=ana),
        ),
        ask("SELECT * FROM visits"),
        ask("SELECT COUNT(*) AS n FROM visits WHERE"),
        ask(COUNT, ben),
        ask(COUNT, epsilon="9"),
    ]
    with monkeypatch.context() as broken:
        broken.setattr("sandbox.sources.engine.compile_scan", lambda *_: "SELECT nonsense")
        left.append(ask(COUNT, epsilon="0.1"))
        broken.setattr(Questions, "ready", lambda *_, **__: 1 // 0)
        left.append(ask(COUNT))
    assert [kind for _, kind in left[:3]] == ["answered", "repeated", "estimate"]
    assert {"authorization-not-held", "loss-per-question", "not-completed", "fault"} <= {k for _, k in left}
    assert all(seconds in (EARLY, *EDGES) for seconds, _ in left), left
    assert all(seconds >= EDGES[0] for seconds, kind in left if kind != "repeated"), left


def test_an_answer_that_comes_past_the_last_edge_does_not_leave_and_is_repeated_for_nothing(
    paced: Gateway, actor: Someone, clock: Clock
) -> None:
    def ask() -> tuple[float, str]:
        return moment(
            clock,
            lambda: paced.ask(
                sql=COUNT, authorization="visits-study", epsilon=Decimal("0.5"), actor=actor("ana")
            ),
        )

    clock.noise = 4.0
    assert ask() == (6.0, "not-completed")
    assert ask() == (EARLY, "repeated")


def test_a_question_that_is_ready_only_at_its_deadline_is_not_charged(
    paced: Gateway, actor: Someone, clock: Clock
) -> None:
    clock.ready = 2.0
    left = moment(
        clock,
        lambda: paced.ask(sql=COUNT, authorization="visits-study", epsilon=None, actor=actor("ana")),
    )
    assert left == (2.0, "too-busy")
    assert paced.balances(actor("ana"))[0].spent.picorho == 0
