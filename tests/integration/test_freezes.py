"""What is frozen stays frozen, is told to whoever it refuses, and holds up questions on their way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from ledger_asker import open_ledger, plan_of, policies
from office import STUDY, Office
from sqlalchemy import insert

from sandbox import freezes
from sandbox.answer import Answer
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey, create_secret
from sandbox.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal, StartupRefusal
from sandbox.freezes import Target, What
from sandbox.gateway import Gateway
from sandbox.governance.installation import open_books
from sandbox.ledger import ledger as ledger_module
from sandbox.ledger.ledger import Ledger
from sandbox.pace import Pace
from sandbox.policy.roles import Actor
from sandbox.privacy.noise import add_noise
from sandbox.question import Questions
from sandbox.review.status import Status
from sandbox.settings import Settings
from sandbox.store import tables
from sandbox.store.engine import writing

Someone = Callable[[str], Actor]
ANA, EVERYTHING = Target(What.USER, "ana"), Target(What.ALL)
COUNT = "SELECT COUNT(*) AS n FROM visits"
REASON = "The laptop of patient Zhang was stolen"
TARGETS = [
    (ANA, "Your account is frozen since 20"),
    (Target(What.AUTHORIZATION, "visits-study"), "The authorization visits-study is frozen since 20"),
    (Target(What.DATASET, "small_visits"), "The dataset small_visits is frozen since 20"),
    (EVERYTHING, "The whole sandbox is frozen since 20"),
]
OTHERS = [
    Target(What.USER, "ben"),
    Target(What.AUTHORIZATION, "visits-closed"),
    Target(What.AUTHORIZATION, "ana"),
    Target(What.DATASET, "visits-study"),
]
Step = Callable[[], object]


@pytest.fixture
def ledger(state: Settings) -> Iterator[Ledger]:
    """A ledger on each kind of state database."""
    SigningKey.create(state.home / "log")
    create_secret(state.home / "private")
    opened = open_ledger(state.home, state=state)
    yield opened
    opened._log.engine.dispose()


def ask(gateway: Gateway, actor: Actor, **given: Any) -> Answer:
    return gateway.ask(sql=COUNT, authorization="visits-study", epsilon=Decimal("0.5"), actor=actor, **given)


def freeze(gateway: Gateway | Ledger | Office, target: Target, **given: Any) -> freezes.Freeze:
    return freezes.freeze(log_of(gateway), target, reason=REASON, actor="root", **given)


def unfreeze(gateway: Gateway | Ledger | Office, target: Target) -> int:
    return freezes.unfreeze(log_of(gateway), target, reason="It was found", actor="root")


def log_of(where: Gateway | Ledger | Office) -> Any:
    match where:
        case Gateway():
            return where.books.log
        case Ledger():
            return where._log
        case Office():
            return where.log


def outcomes(gateway: Gateway) -> list[str]:
    ends = (Kind.QUESTION_OUTCOME, Kind.ANSWER_WITHHELD)
    found = [entry.event for entry in reversed(gateway.books.log.search()) if entry.event["kind"] in ends]
    return [str(event["decision"]) for event in found]


def spent(gateway: Gateway, actor: Actor) -> int:
    balances = {balance.scope: balance.spent.picorho for balance in gateway.balances(actor)}
    return balances["authorization:visits-study"]


@pytest.mark.parametrize(("target", "sentence"), TARGETS)
def test_no_question_is_answered_for_what_is_frozen_and_nothing_is_charged(
    gateway: Gateway, actor: Someone, target: Target, sentence: str
) -> None:
    given, before = ask(gateway, actor("ana")), spent(gateway, actor("ana"))
    freeze(gateway, target)
    refused: list[Step] = [
        lambda: ask(gateway, actor("ana")),  # given before
        lambda: ask(gateway, actor("ana"), fresh=True),
        lambda: gateway.estimate(sql=COUNT, authorization="visits-study", epsilon=None, actor=actor("ana")),
    ]
    for question in refused:
        with pytest.raises(NotAllowed) as caught:
            question()
        assert caught.value.code == "frozen"
        assert str(caught.value).startswith(sentence)
        assert "Ask a security officer" in str(caught.value)
    assert spent(gateway, actor("ana")) == before
    assert gateway.books.log.search(limit=1)[0].event["decision"] == "frozen"
    unfreeze(gateway, target)
    assert ask(gateway, actor("ana")).receipt == given.receipt


@pytest.mark.parametrize("target", OTHERS)
def test_what_is_not_frozen_is_answered(gateway: Gateway, actor: Someone, target: Target) -> None:
    freeze(gateway, target)
    assert ask(gateway, actor("ana")).loss.picorho > 0


def test_a_freeze_holds_after_a_restart_and_for_other_processes(
    settings: Settings, gateway: Gateway, actor: Someone
) -> None:
    freeze(gateway, ANA)
    again = Gateway.open(settings)
    try:
        with pytest.raises(NotAllowed, match="Your account is frozen"):
            ask(again, actor("ana"))
    finally:
        again.close()


def test_the_reason_is_sealed_and_stands_in_no_refusal(gateway: Gateway, actor: Someone) -> None:
    seq = freeze(gateway, ANA).seq
    with pytest.raises(NotAllowed) as caught:
        ask(gateway, actor("ana"))
    log = gateway.books.log
    assert "Zhang" not in str(caught.value)
    assert b"Zhang" not in log.leaf(seq)
    assert log.reveal(seq) == REASON
    assert (log.entry(seq).event["actor"], log.entry(seq).event["subject"]) == ("root", "ana")


def test_the_rules_of_freezing(ledger: Ledger) -> None:
    first = freeze(ledger, ANA)
    assert freeze(ledger, ANA) == first  # once is enough
    freeze(ledger, EVERYTHING)
    with ledger._log.reading() as connection:
        assert [one.target for one in freezes.standing(connection)] == [ANA, EVERYTHING]
    unfreeze(ledger, ANA)
    with pytest.raises(NotFound):
        unfreeze(ledger, ANA)
    assert freeze(ledger, ANA).seq > first.seq
    for reason in ("", " \n", "x" * 5000):
        with pytest.raises(Malformed):
            freezes.freeze(ledger._log, ANA, reason=reason, actor="root")
    for what, name in ((What.ALL, "ana"), (What.USER, "")):
        with pytest.raises(Malformed):
            Target(what, name)
    with ledger._log.reading() as connection:
        freezes.check_agrees(connection)


def test_what_ended_for_good_is_never_taken_back(ledger: Ledger) -> None:
    study = Target(What.AUTHORIZATION, "study")
    freeze(ledger, study)
    ended = freeze(ledger, study, final=True)
    assert ended.final
    assert freeze(ledger, study) == ended
    with pytest.raises(Conflict, match="ended for good"):
        unfreeze(ledger, study)


@pytest.mark.parametrize("seq", [0, 1])
def test_an_end_of_a_freeze_that_somebody_wrote_into_the_database_stops_the_start(
    settings: Settings, gateway: Gateway, seq: int
) -> None:
    freeze(gateway, ANA)
    row = {"seq": seq, "what": "user", "name": "ana", "frozen": False, "final": False, "at": "9999"}
    with writing(gateway.books.engine, wait=5) as connection:
        connection.execute(insert(tables.freezing).values(row))
    with pytest.raises(StartupRefusal, match=f"do not agree about entry {seq}"):
        open_books(settings)


class Stop:
    """A place where one thread waits until another one lets it go on."""

    def __init__(self) -> None:
        self.reached, self.leave = threading.Event(), threading.Event()

    def __call__(self, *_: object, **__: object) -> None:
        self.reached.set()
        assert self.leave.wait(20)


def charge(ledger: Ledger) -> str:
    """Charge a question; return what became of it."""
    event = Event(
        kind=Kind.QUESTION_INTENT, actor="ana", subject="q", authorization="study", dataset="visits"
    )
    try:
        ledger.charge("q", plan_of("0.5", policies()), event)
    except Refusal as refusal:
        return refusal.code
    return "charged"


def kinds(ledger: Ledger) -> list[str]:
    return [str(entry.event["kind"]) for entry in reversed(ledger._log.search())]


def test_a_charge_that_comes_while_a_freeze_is_being_written_is_refused(
    ledger: Ledger, state: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, write, rival = Stop(), freezes._write, open_ledger(state.home, state=state)

    def slow(*given: Any, **named: Any) -> int:
        seq = write(*given, **named)
        stop()
        return seq

    monkeypatch.setattr(freezes, "_write", slow)
    with ThreadPoolExecutor(2) as pool:
        freezing = pool.submit(freeze, ledger, ANA)
        assert stop.reached.wait(20)
        charging = pool.submit(charge, rival)  # over connections of its own, as another process
        assert not charging.done()
        stop.leave.set()
        assert charging.result(20) == "frozen"
        freezing.result(20)
    assert kinds(ledger) == ["access.frozen"]
    rival._log.engine.dispose()


def test_a_freeze_that_comes_while_a_question_is_charged_stands_after_the_charge(
    ledger: Ledger, state: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, spend, rival = Stop(), ledger_module._spend_on, open_ledger(state.home, state=state)

    def slow(*given: Any) -> None:
        spend(*given)
        if not stop.reached.is_set():
            stop()

    monkeypatch.setattr(ledger_module, "_spend_on", slow)
    with ThreadPoolExecutor(2) as pool:
        charging = pool.submit(charge, ledger)
        assert stop.reached.wait(20)
        freezing = pool.submit(freeze, rival, ANA)
        stop.leave.set()
        assert charging.result(20) == "charged"
        freezing.result(20)
    assert kinds(ledger) == ["question.intent", "access.frozen"]
    rival._log.engine.dispose()


def test_the_schedule_finds_a_ledger_that_does_not_look(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "_refuse_frozen", lambda *_: None)
    freeze(ledger, ANA)
    assert charge(ledger) == "charged"


@pytest.mark.parametrize(
    ("when", "ends"),
    [
        ("ready", []),
        ("noise", ["withheld"]),
        ("held", ["answered", "withheld"]),
    ],
)
def test_a_question_on_its_way_when_the_freeze_comes_is_not_answered(
    settings: Settings, actor: Someone, monkeypatch: pytest.MonkeyPatch, when: str, ends: list[str]
) -> None:
    def sleep(_: float) -> None:
        time.append(9.0)
        at("held")

    time = [0.0]
    pace = Pace((1.0, 5.0, 9.0), repeat_edge=0.5, deadline=5.0, clock=lambda: time[-1], sleep=sleep)
    gateway = Gateway.open(settings, pace=pace)
    ready = Questions.ready

    def at(moment: str) -> None:
        if moment == when:
            freeze(gateway, ANA)

    def made_ready(*given: Any, **named: Any) -> Any:
        question = ready(*given, **named)
        at("ready")
        return question

    def noisy(exact: Any) -> Any:
        at("noise")
        return add_noise(exact)

    monkeypatch.setattr(Questions, "ready", made_ready)
    monkeypatch.setattr("sandbox.answering.add_noise", noisy)
    with pytest.raises(NotAllowed, match="Your account is frozen since"):
        ask(gateway, actor("ana"))
    assert outcomes(gateway) == ends
    assert (spent(gateway, actor("ana")) > 0) == bool(ends)
    with gateway.books.log.reading() as connection:
        kept = connection.execute(tables.answer.select()).all()
    assert len(kept) == ends.count("answered")
    gateway.close()


@pytest.mark.parametrize("office", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize(
    "target",
    [ANA, Target(What.AUTHORIZATION, STUDY), Target(What.DATASET, "small_visits"), EVERYTHING],
    ids=lambda target: target.what,
)
def test_nothing_is_handed_in_sealed_or_fetched_while_it_is_frozen(office: Office, target: Target) -> None:
    released, waiting = office.release(), office.submit()
    office.decide("rita", waiting)
    freeze(office, target)
    if target is not EVERYTHING:
        assert office.decide("rolf", waiting).status is Status.APPROVED
    office.desk.settle()
    assert office.packages() == 1
    for attempt in (office.submit, lambda: office.desk.download(office.actor("ana"), released)):
        with pytest.raises(NotAllowed, match="frozen since"):
            attempt()
    assert [e.event["body"]["code"] for e in office.log.search(kind="release.refused")][:2] == ["frozen"] * 2
    unfreeze(office, target)
    if target is EVERYTHING:
        office.decide("rolf", waiting)
    office.desk.settle()
    assert office.status(waiting) is Status.RELEASED
    assert office.desk.download(office.actor("ana"), released)


def test_a_package_that_was_sealed_before_the_freeze_is_released_after_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, finish = office.submit(), office.desk._sealer.finish
    office.decide("rita", waiting)

    def frozen_first(request: str) -> None:
        freeze(office, ANA)
        finish(request)

    with monkeypatch.context() as between:
        between.setattr(type(office.desk._sealer), "finish", lambda _, request: frozen_first(request))
        assert office.decide("rolf", waiting).status is Status.SEALING
    assert office.packages() == 0
    unfreeze(office, ANA)
    office.desk.settle()
    assert office.status(waiting) is Status.RELEASED


def test_a_frozen_reviewer_does_not_decide(office: Office) -> None:
    request = office.submit()
    freeze(office, Target(What.USER, "rita"))
    with pytest.raises(NotAllowed, match="Your account is frozen"):
        office.decide("rita", request)
    office.decide("rolf", request)
    assert office.decide("rosa", request).status is Status.RELEASED
