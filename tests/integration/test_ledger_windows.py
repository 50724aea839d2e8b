"""Time windows and raised budgets: opened by signed decisions alone, and by no clock."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_asker import STEN, decide, granted, open_ledger, plan_of, policies, window
from sqlalchemy import Table, insert

from sandbox.audit.event import Event, Kind, timestamp
from sandbox.audit.keys import SigningKey, create_secret
from sandbox.audit.log import Log
from sandbox.errors import OverBudget, Refusal
from sandbox.ledger.decisions import Decision, Raise, Signed, Window, sign
from sandbox.ledger.granting import grant, register_key
from sandbox.ledger.ledger import Ledger
from sandbox.ledger.scopes import scopes_for
from sandbox.policy.policies import Policies
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings
from sandbox.store import engine as store
from sandbox.store import tables
from sandbox.store.engine import writing

NUMBERS = count()
JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)
RULES = policies(total="20", window={"epsilon": "8", "days": 30})
PLAN = plan_of("1", RULES)


class Clock:
    """A clock that somebody turns."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 10, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(state: Settings, tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    SigningKey.create(tmp_path / "log")
    create_secret(tmp_path / "private")
    opened = open_ledger(tmp_path, clock=clock, state=state)
    yield opened
    opened._log.engine.dispose()


def log_of(ledger: Ledger) -> Log:
    return ledger._log


def ask(ledger: Ledger, rules: Policies = RULES) -> bool:
    return granted(ledger, f"q{next(NUMBERS)}", plan_of("1", rules))


def spent(ledger: Ledger, rules: Policies = RULES) -> dict[str, int]:
    lines = scopes_for(plan_of("1", rules).checked)
    return {balance.scope: balance.spent.picorho for balance in ledger.balances(lines)}


def test_without_an_opened_window_nothing_is_charged(ledger: Ledger) -> None:
    with pytest.raises(OverBudget, match="No time window is open now") as refused:
        ledger.charge("q1", PLAN, Event(kind=Kind.QUESTION_INTENT, actor="ana", subject="q1"))
    assert refused.value.code == "no-window"
    assert set(spent(ledger).values()) == {0}


def test_what_is_spent_in_a_window_stands_under_its_first_day(ledger: Ledger) -> None:
    decide(ledger, RULES, windows=[window(JUNE)])
    assert ask(ledger)
    assert not ask(ledger)
    assert spent(ledger)["window:study:2026-06-01"] == PLAN.loss.picorho


def test_the_next_window_has_a_budget_of_its_own_and_the_authorization_goes_on(
    ledger: Ledger, clock: Clock
) -> None:
    decide(ledger, RULES, windows=[window(JUNE), window(JULY)])
    assert ask(ledger)
    clock.now = datetime(2026, 7, 1, tzinfo=UTC)
    assert ask(ledger)
    assert not ask(ledger)
    assert spent(ledger) == {
        "authorization:study": 2 * PLAN.loss.picorho,
        "population:residents": 2 * PLAN.loss.picorho,
        "window:study:2026-07-01": PLAN.loss.picorho,
    }


@pytest.mark.parametrize("turned", [timedelta(days=-30), timedelta(days=400), timedelta(days=-3650)])
def test_no_clock_refills_a_window(ledger: Ledger, clock: Clock, turned: timedelta) -> None:
    decide(ledger, RULES, windows=[window(JUNE)])
    right = clock.now
    assert ask(ledger)
    clock.now = right + turned
    assert not ask(ledger)
    clock.now = right
    assert not ask(ledger)
    assert spent(ledger)["window:study:2026-06-01"] == PLAN.loss.picorho


def test_however_the_clock_turns_each_window_is_spent_once(ledger: Ledger, clock: Clock) -> None:
    decide(ledger, RULES, windows=[window(JUNE), window(JULY)])
    moments = [datetime(2026, month, day, tzinfo=UTC) for month in (7, 6, 7, 6, 5, 12) for day in (2, 20)]
    answers = 0
    for clock.now in moments:
        answers += ask(ledger)
    assert answers == 2


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, Clock, Counter[str]]]:
    """A ledger with two windows, its clock, and how many answers each window has given."""
    home, clock = tmp_path_factory.mktemp("turned"), Clock()
    SigningKey.create(home / "log")
    create_secret(home / "private")
    ledger = open_ledger(home, clock=clock)
    decide(ledger, NARROW, windows=[window(JUNE, epsilon="2"), window(JULY, epsilon="2")])
    yield ledger, clock, Counter()
    ledger._log.engine.dispose()


NARROW = policies(total="20", window={"epsilon": "2", "days": 30})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-400, 400), st.sampled_from(["0.05", "0.1", "0.2"])), max_size=10))
def test_no_sequence_of_questions_and_turns_of_the_clock_exceeds_a_window(
    turned: tuple[Ledger, Clock, Counter[str]], steps: list[tuple[int, str]]
) -> None:
    ledger, clock, answered = turned
    for days, epsilon in steps:
        clock.now = datetime(2026, 6, 10, 12, tzinfo=UTC) + timedelta(days=days % 60 if days % 3 else days)
        plan = plan_of(epsilon, NARROW)
        before = ledger.balances(scopes_for(plan.checked))[-1]
        fits = before.left >= plan.loss
        assert granted(ledger, f"t{next(NUMBERS)}", plan) == fits
        answered[before.scope] += plan.loss.picorho if fits else 0
    for opened in ("2026-06-01", "2026-07-01"):
        clock.now = datetime.fromisoformat(f"{opened}T00:00:00+00:00")
        balance = ledger.balances(scopes_for(plan_of("0.1", NARROW).checked))[-1]
        assert balance.scope == f"window:study:{opened}"
        assert answered[balance.scope] == balance.spent.picorho <= balance.cap.picorho


def test_a_window_ends_with_the_first_moment_after_its_last_day(ledger: Ledger, clock: Clock) -> None:
    decide(ledger, RULES, windows=[window(JUNE)])
    clock.now = datetime(2026, 7, 1, tzinfo=UTC)
    assert not ask(ledger)
    clock.now -= timedelta(microseconds=1)
    assert ask(ledger)


def test_the_smaller_epsilon_of_policy_and_decision_holds(ledger: Ledger) -> None:
    wide = policies(total="20", window={"epsilon": "20", "days": 30})
    decide(ledger, wide, windows=[window(JUNE, epsilon="8")])
    assert ask(ledger, wide)
    assert not ask(ledger, wide)
    assert not ask(ledger, policies(total="20", window={"epsilon": "7", "days": 30}))


def test_a_decision_is_on_record_with_all_that_verifies_it(ledger: Ledger) -> None:
    signed = decide(ledger, RULES, windows=[window(JUNE)])
    (entry,) = log_of(ledger).search(kind=Kind.BUDGET_GRANTED.value)
    assert (entry.event["actor"], entry.event["authorization"]) == ("sten", "study")
    assert entry.event["subject"] == signed.id
    assert Decision.read(entry.event["body"]["document"].encode()).windows == (window(JUNE),)


def test_a_raised_authorization_goes_up_to_what_was_decided_and_not_further(ledger: Ledger) -> None:
    rules = policies(total="20", initial_epsilon="8")
    assert ask(ledger, rules)
    assert not ask(ledger, rules)
    decide(ledger, rules, raises=[Raise(scope="authorization:study", epsilon=Decimal(9))])
    assert ask(ledger, rules)
    assert not ask(ledger, rules)


def test_one_persons_budget_is_raised_and_another_persons_is_not(ledger: Ledger) -> None:
    rules = policies(total="20", analyst_epsilon="8", analyst_most_epsilon="9")
    decide(ledger, rules, raises=[Raise(scope="analyst:study:ben", epsilon=Decimal(9))])
    assert ask(ledger, rules)
    assert not ask(ledger, rules)
    decide(ledger, rules, raises=[Raise(scope="analyst:study:ana", epsilon=Decimal(9))])
    assert ask(ledger, rules)


def test_a_raise_never_exceeds_the_cap_that_the_policy_states_now(ledger: Ledger) -> None:
    decide(ledger, policies(total="20", initial_epsilon="8"), raises=[raise_to("20")])
    lowered = policies(total="8", initial_epsilon="8")
    assert ask(ledger, lowered)
    assert not ask(ledger, lowered)


def raise_to(epsilon: str, scope: str = "authorization:study") -> Raise:
    return Raise(scope=scope, epsilon=Decimal(epsilon))


LONG = Window(first=JUNE, until=date(2026, 7, 2), epsilon=Decimal(8))
SHORT = Window(first=JUNE, until=date(2026, 6, 30), epsilon=Decimal(8))


@pytest.mark.parametrize(
    ("made", "code"),
    [
        ({"windows": (LONG,)}, "window-length"),
        ({"windows": (SHORT,)}, "window-length"),
        ({"windows": (window(JUNE, epsilon="8.1"),)}, "window-epsilon"),
        ({"windows": (window(JUNE, epsilon="0"),)}, "window-epsilon"),
        ({"windows": (window(JUNE), window(date(2026, 6, 30)))}, "window-open"),
        ({"raises": (raise_to("12"),)}, "not-raisable"),
        ({"raises": (raise_to("12", "population:residents"),)}, "not-raisable"),
        ({"windows": (window(JUNE),), "reason": " "}, "decision-reason"),
        ({}, "decision-empty"),
        ({"windows": (window(JUNE),), "at": "2026-06-08T11:59:59.000000+00:00"}, "decision-date"),
        ({"windows": (window(JUNE),), "at": "2026-06-11T12:00:01.000000+00:00"}, "decision-date"),
        ({"windows": (window(JUNE),), "by": "olaf"}, "decision-of-another"),
        ({"windows": (window(JUNE),), "authorization": "other"}, "authorization-unknown"),
    ],
)
def test_a_decision_beyond_the_policy_opens_nothing_and_its_refusal_is_on_record(
    ledger: Ledger, made: dict[str, Any], code: str
) -> None:
    assert refused(ledger, **made) == code
    assert not ask(ledger)
    (entry,) = log_of(ledger).search(kind=Kind.BUDGET_REFUSED.value)
    assert entry.event["decision"] == code


@pytest.mark.parametrize(
    ("groups", "code"),
    [
        ({"officers"}, "role-missing"),
        ({"analysts", "study"}, "role-missing"),
        ({"stewards", "analysts"}, "decider-asks"),
        ({"authority", "analysts", "study"}, "decider-asks"),
    ],
)
def test_who_may_ask_or_has_no_such_role_decides_nothing(ledger: Ledger, groups: set[str], code: str) -> None:
    held = frozenset(groups)
    actor = Actor(name="sten", groups=held, scopes=scopes_of(held), channel=Channel.TERMINAL)
    assert refused(ledger, actor=actor, windows=(window(JUNE),)) == code


def test_a_window_is_opened_once_and_a_decision_is_applied_once(ledger: Ledger) -> None:
    signed = decide(ledger, RULES, windows=[window(JUNE)])
    assert refused(ledger, windows=(window(JUNE),)) == "window-open"
    with pytest.raises(Refusal) as again:
        grant(ledger, log_of(ledger), signed, policies=RULES, actor=STEN)
    # another key is registered meanwhile, so the old signature does not even count any more
    assert again.value.code == "signature-invalid"


def test_the_same_signed_decision_counts_once(ledger: Ledger) -> None:
    rules, key = policies(total="20", initial_epsilon="8"), new_key(ledger)
    signed = sign(decision(ledger, raises=(raise_to("12"),)), key)
    grant(ledger, log_of(ledger), signed, policies=rules, actor=STEN)
    with pytest.raises(Refusal) as again:
        grant(ledger, log_of(ledger), signed, policies=rules, actor=STEN)
    assert again.value.code == "decision-applied"


def test_without_a_registered_key_nothing_is_decided(ledger: Ledger) -> None:
    key = SigningKey.from_seed(os.urandom(32))
    signed = sign(decision(ledger, windows=(window(JUNE),)), key)
    assert code_of(ledger, signed) == "decider-unknown"
    register_key(log_of(ledger), "sten", key.public, actor="root")
    register_key(log_of(ledger), "sten", None, actor="root")
    assert code_of(ledger, signed) == "decider-unknown"


def test_a_decision_outlives_the_key_it_was_made_with(ledger: Ledger) -> None:
    decide(ledger, RULES, windows=[window(JUNE)])
    register_key(log_of(ledger), "sten", None, actor="root")
    ledger.decided._verified._held.clear()
    assert ask(ledger)


def test_a_changed_byte_of_a_decision_is_not_applied(ledger: Ledger) -> None:
    signed = sign(decision(ledger, windows=(window(JUNE, epsilon="1"),)), new_key(ledger))
    wider = Signed(document=signed.document.replace(b'"1"', b'"8"'), signature=signed.signature)
    assert code_of(ledger, wider) == "signature-invalid"


Forge = Callable[[Ledger, Signed], dict[str, Any]]


def another_document(_: Ledger, real: Signed) -> dict[str, Any]:
    document = real.document.replace(b"2026-06-01", b"2026-06-02").replace(b"2026-07-01", b"2026-07-02")
    forged = Signed(document=document, signature=real.signature)
    return {"id": forged.id, "document": document, "signature": real.signature, "seq": 1}


def signed_by_a_stranger(ledger: Ledger, _: Signed) -> dict[str, Any]:
    made = sign(decision(ledger, windows=(window(JULY),)), SigningKey.from_seed(bytes(32)))
    return {"id": made.id, "document": made.document, "signature": made.signature, "seq": 1}


def logged_with_a_strangers_signature(ledger: Ledger, _: Signed) -> dict[str, Any]:
    made = sign(decision(ledger, windows=(window(JULY),)), SigningKey.from_seed(bytes(32)))
    event = Event(kind=Kind.BUDGET_GRANTED, actor="sten", subject=made.id, body=made.said())
    seq = log_of(ledger).append(event)
    return {"id": made.id, "document": made.document, "signature": made.signature, "seq": seq}


def signed_with_a_key_that_no_entry_registers(ledger: Ledger, _: Signed) -> dict[str, Any]:
    key = SigningKey.from_seed(bytes(32))
    made = sign(decision(ledger, windows=(window(JULY),)), key)
    other = log_of(ledger).append(Event(kind=Kind.LOGIN, actor="sten", subject="sten"))
    with writing(log_of(ledger).engine, wait=5) as connection:
        connection.execute(insert(tables.decider_key).values(seq=other, name="sten", public=key.public.raw))
    event = Event(kind=Kind.BUDGET_GRANTED, actor="sten", subject=made.id, body=made.said())
    seq = log_of(ledger).append(event)
    return {"id": made.id, "document": made.document, "signature": made.signature, "seq": seq}


@pytest.mark.parametrize(
    "forge",
    [
        another_document,
        signed_by_a_stranger,
        logged_with_a_strangers_signature,
        signed_with_a_key_that_no_entry_registers,
    ],
)
def test_a_decision_that_somebody_wrote_into_the_database_closes_what_it_would_open(
    ledger: Ledger, forge: Forge
) -> None:
    real = decide(ledger, RULES, windows=[window(JUNE)])
    assert ask(ledger)
    row = {"authorization": "study", **forge(ledger, real)}
    with writing(log_of(ledger).engine, wait=5) as connection:
        connection.execute(insert(tables.budget_decision).values(row))
    with pytest.raises(OverBudget) as caught:
        ledger.charge("forged", PLAN, Event(kind=Kind.QUESTION_INTENT, actor="ana", subject="forged"))
    assert caught.value.code == "decision-broken"
    assert ledger.balances(scopes_for(PLAN.checked))[-1].left.picorho == 0


@pytest.mark.parametrize("table", [tables.budget_decision, tables.decider_key])
def test_a_stored_decision_or_key_cannot_be_removed(ledger: Ledger, table: Table) -> None:
    decide(ledger, RULES, windows=[window(JUNE)])
    with writing(log_of(ledger).engine, wait=5) as connection, pytest.raises(store.FAILURES):
        connection.execute(table.delete())
    assert ask(ledger)


def decision(ledger: Ledger, **made: Any) -> Decision:
    said = {"authorization": "study", "by": "sten", "at": timestamp(log_of(ledger).now()), "reason": "A test"}
    return Decision(**(said | made))


def new_key(ledger: Ledger) -> SigningKey:
    key = SigningKey.from_seed(os.urandom(32))
    register_key(log_of(ledger), "sten", key.public, actor="root")
    return key


def code_of(ledger: Ledger, signed: Signed, actor: Actor = STEN) -> str:
    with pytest.raises(Refusal) as caught:
        grant(ledger, log_of(ledger), signed, policies=RULES, actor=actor)
    return caught.value.code


def refused(ledger: Ledger, *, actor: Actor = STEN, **made: Any) -> str:
    """Sign and bring a decision that must not be applied; return the code of its refusal."""
    return code_of(ledger, sign(decision(ledger, **made), new_key(ledger)), actor)
