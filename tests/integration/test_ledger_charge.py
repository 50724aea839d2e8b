"""The ledger: what is spent never exceeds the cap, and every charge has its record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_asker import open_ledger, plan_of, policies

from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey, create_secret
from sandbox.audit.log import Log
from sandbox.errors import Conflict, Malformed, OverBudget
from sandbox.ledger.ledger import LARGEST_LOSS, Ledger
from sandbox.ledger.scopes import BudgetLine, budget_lines, scopes_for, together
from sandbox.privacy.loss import Loss
from sandbox.store import tables

NUMBERS = count()


def intent(subject: str = "q") -> Event:
    return Event(kind=Kind.QUESTION_INTENT, actor="ana", subject=subject)


def line(scope: str, cap: int) -> BudgetLine:
    return BudgetLine(scope=scope, cap=Loss(cap), delta=Decimal("1e-6"))


def spend(ledger: Ledger, loss: int, *lines: BudgetLine) -> bool:
    try:
        spends = [replace(one, each=Loss(loss)) for one in lines]
        ledger._spend(f"r{next(NUMBERS)}", spends, event=intent(), private=None)
    except OverBudget:
        return False
    return True


def opened(home: Path) -> Iterator[Ledger]:
    SigningKey.create(home / "log")
    create_secret(home / "private")
    ledger = open_ledger(home)
    yield ledger
    ledger._log.engine.dispose()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    yield from opened(tmp_path)


@pytest.fixture(scope="module")
def shared_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    yield from opened(tmp_path_factory.mktemp("ledger"))


def log_of(ledger: Ledger) -> Log:
    return ledger._log


def test_a_charge_is_spent_on_every_budget_and_stands_in_the_log(ledger: Ledger) -> None:
    plan = plan_of("0.5", policies())
    charge = ledger.charge("q1", plan, intent("q1"), private="SELECT count(*) FROM visits")
    assert (charge.plan_digest, charge.loss) == (plan.digest, plan.loss)
    assert [balance.spent for balance in ledger.balances(scopes_for(plan.checked))] == [plan.loss] * 2
    assert log_of(ledger).entry(charge.intent).event["subject"] == "q1"
    assert log_of(ledger).reveal(charge.intent) == "SELECT count(*) FROM visits"


def test_a_budget_that_nobody_used_is_whole(ledger: Ledger) -> None:
    rules = policies(total="8", lifetime="20")
    lines = budget_lines(
        rules.authorizations["study"], rules.datasets["visits"], rules.populations["residents"], person="ana"
    )
    assert [balance.scope for balance in ledger.balances(lines)] == [
        "authorization:study",
        "population:residents",
    ]
    assert all(balance.left == balance.cap and balance.spent == Loss(0) for balance in ledger.balances(lines))


def test_over_budget_is_refused_with_the_budget_named_and_leaves_nothing(ledger: Ledger) -> None:
    plan = plan_of("1", policies(total="8", lifetime="8"))
    ledger.charge("q1", plan, intent())
    with pytest.raises(OverBudget, match="authorization study"):
        ledger.charge("q2", plan, intent())
    assert [balance.spent for balance in ledger.balances(scopes_for(plan.checked))] == [plan.loss] * 2
    assert log_of(ledger).status().size == 1


def test_a_spent_population_refuses_and_leaves_the_authorization_untouched(ledger: Ledger) -> None:
    plan = plan_of("1", policies(total="20", lifetime="8"))
    ledger.charge("q1", plan, intent())
    with pytest.raises(OverBudget, match="population residents"):
        ledger.charge("q2", plan, intent())
    assert ledger.balances(scopes_for(plan.checked))[0].spent == plan.loss


def test_a_request_id_charges_once(ledger: Ledger) -> None:
    rules = policies(total="20")
    ledger.charge("q1", plan_of("0.5", rules), intent())
    for epsilon in ("0.5", "0.25"):
        with pytest.raises(Conflict, match="charged before") as refused:
            ledger.charge("q1", plan_of(epsilon, rules), intent())
        assert refused.value.code == "already-asked"
    assert ledger.balances(scopes_for(plan_of("0.5", rules).checked))[0].spent == Loss.of_pure(Decimal("0.5"))


@pytest.mark.parametrize("request_id", ["", "x" * 65])
def test_a_request_id_has_a_length(ledger: Ledger, request_id: str) -> None:
    with pytest.raises(Malformed, match="request id"):
        ledger.charge(request_id, plan_of("1", policies()), intent())


def test_an_exact_fit_of_400_parts_gives_exactly_400(ledger: Ledger) -> None:
    part = Loss.of_pure(Decimal("0.0025")).picorho
    whole = line("authorization:fit", 400 * part)
    assert sum(spend(ledger, part, whole) for _ in range(401)) == 400
    assert ledger.balances([whole])[0].left == Loss(0)
    log_of(ledger).check_start()


def test_registering_charges_the_population_every_time(ledger: Ledger) -> None:
    rules = policies(lifetime="8")
    about = rules.datasets["visits"], rules.populations["residents"]
    half = Loss(Loss.cap(epsilon=Decimal(8), delta=Decimal("1e-6")).picorho // 2)
    digest = "sha256:" + "a" * 64
    assert [ledger.charge_registration(digest, *about, half, intent()) for _ in range(2)] == [0, 1]
    with pytest.raises(OverBudget, match="population residents"):
        ledger.charge_registration(digest, *about, half, intent())


def test_a_lowered_cap_refuses_everything_and_a_raised_one_gives_the_rest(ledger: Ledger) -> None:
    assert spend(ledger, 80, line("p", 100))
    assert not spend(ledger, 1, line("p", 50))
    assert ledger.balances([line("p", 50)])[0].left == Loss(0)
    assert ledger.balances([line("p", 50)])[0].spent == Loss(80)
    assert not spend(ledger, 21, line("p", 100))
    assert spend(ledger, 20, line("p", 100))
    assert not spend(ledger, 2, line("p", 101))


@pytest.mark.parametrize(("loss", "cap"), [(0, 10), (LARGEST_LOSS + 1, LARGEST_LOSS), (1, LARGEST_LOSS + 1)])
def test_losses_and_caps_that_the_database_cannot_count_are_refused(
    ledger: Ledger, loss: int, cap: int
) -> None:
    assert not spend(ledger, loss, line("p", cap))
    assert log_of(ledger).status().size == 0


def test_the_largest_loss_and_cap_are_counted_exactly(ledger: Ledger) -> None:
    assert spend(ledger, LARGEST_LOSS - 1, line("p", LARGEST_LOSS))
    assert not spend(ledger, LARGEST_LOSS, line("p", LARGEST_LOSS))
    assert not spend(ledger, 2, line("p", LARGEST_LOSS))
    assert spend(ledger, 1, line("p", LARGEST_LOSS))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=8)
)
def test_a_charge_is_granted_exactly_when_it_fits_every_cap(
    shared_ledger: Ledger, steps: list[tuple[int, int, int]]
) -> None:
    name, spent = f"s{next(NUMBERS)}", 0
    for loss, *caps in steps:
        lines = [line(f"{name}-{letter}", cap) for letter, cap in zip("ab", caps, strict=True)]
        fits = spent + loss <= min(caps)
        assert spend(shared_ledger, loss, *lines) == fits
        spent += loss if fits else 0
        assert [balance.spent for balance in shared_ledger.balances(lines)] == [Loss(spent)] * 2


def test_every_charge_row_refers_to_its_intent(ledger: Ledger) -> None:
    plan = plan_of("0.5", policies())
    charge = ledger.charge("q1", plan, intent("q1"))
    with log_of(ledger).reading() as connection:
        rows = connection.execute(tables.charge.select().order_by(tables.charge.c.scope)).all()
    loss = plan.loss.picorho
    assert rows == [
        ("q1", "authorization:study", loss, charge.intent),
        ("q1", "population:residents", loss, charge.intent),
    ]


SCOPES = "abcde"
STEP = st.tuples(st.integers(1, 40), st.sets(st.sampled_from(SCOPES), min_size=1), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({scope: st.integers(0, 90) for scope in SCOPES}), st.lists(STEP, max_size=12))
def test_no_sequence_of_charges_over_several_scopes_exceeds_a_cap_and_a_refused_one_changes_nothing(
    shared_ledger: Ledger, caps: dict[str, int], steps: list[tuple[int, set[str], bool]]
) -> None:
    name, spent = f"m{next(NUMBERS)}", dict.fromkeys(SCOPES, 0)
    lines = {scope: line(f"{name}-{scope}", cap) for scope, cap in caps.items()}
    for loss, scopes, exact in steps:
        # every second step asks for exactly what is left where that is least: the fit must be granted
        asked = min(caps[scope] - spent[scope] for scope in scopes) if exact else loss
        size = log_of(shared_ledger).status().size
        fits = 0 < asked <= min(caps[scope] - spent[scope] for scope in scopes)
        assert spend(shared_ledger, asked, *(lines[scope] for scope in scopes)) == fits
        for scope in scopes if fits else ():
            spent[scope] += asked
        assert log_of(shared_ledger).status().size == size + fits
        seen = shared_ledger.balances(list(lines.values()))
        assert {balance.scope[-1]: balance.spent.picorho for balance in seen} == spent
        assert all(balance.spent <= balance.cap for balance in seen)


def test_a_scope_that_is_named_twice_is_charged_once_at_the_smaller_cap(ledger: Ledger) -> None:
    assert spend(ledger, 10, line("population:p", 30), line("population:p", 20), line("dataset:d", 50))
    assert not spend(ledger, 11, line("population:p", 30), line("population:p", 20))
    assert [balance.spent.picorho for balance in ledger.balances([line("population:p", 20)])] == [10]


def test_a_scope_cannot_be_charged_two_losses_by_one_question() -> None:
    one, other = (replace(line("population:p", 30), each=Loss(loss)) for loss in (1, 2))
    with pytest.raises(ValueError, match="the same once"):
        together([one, other])


def test_a_question_is_charged_to_its_dataset_and_its_analyst_where_the_policy_limits_them(
    ledger: Ledger,
) -> None:
    plan = plan_of("0.5", policies(total="8", dataset_cap="10", analyst_epsilon="4"))
    ledger.charge("q1", plan, intent())
    spent = {balance.scope: balance.spent for balance in ledger.balances(scopes_for(plan.checked))}
    names = ("analyst:study:ana", "authorization:study", "dataset:visits", "population:residents")
    assert spent == dict.fromkeys(names, plan.loss)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"analyst_epsilon": "8"}, "analyst ana under authorization study"),
        ({"dataset_cap": "8"}, "dataset visits"),
    ],
)
def test_the_most_restrictive_scope_refuses_and_is_named(
    ledger: Ledger, limits: dict[str, str], named: str
) -> None:
    plan = plan_of("1", policies(total="20", **limits))
    ledger.charge("q1", plan, intent())
    with pytest.raises(OverBudget, match=f"budget of {named} has less left"):
        ledger.charge("q2", plan, intent())
    assert {balance.spent for balance in ledger.balances(scopes_for(plan.checked))} == {plan.loss}
