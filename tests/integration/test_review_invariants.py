"""Whatever people do in whatever order, nothing leaves that the rules do not let out.

The machine keeps its own account of what was handed in, opened and said, from what people did and the
desk accepted, and compares it with what the desk shows and hands out. Each planted fault is one that
it must find.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from office import BARE, ROUNDED
from people_at_desk import ROWS, People

from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.review import changes, comments, oversight, reviewers, rules, sealing, tally, view, voting


def run(*, examples: int, steps: int) -> None:
    """Drive the machine."""
    run_state_machine_as_test(
        People,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None,
            report_multiple_bugs=False,
        ),
    )  # fmt: skip


Plant = Callable[[pytest.MonkeyPatch], None]


def _trusting_sealer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sealer believe what voting said, so that a fault there comes out."""
    monkeypatch.setattr(sealing, "differs_from_log", lambda *_: False)
    monkeypatch.setattr(sealing.Sealer, "_standing", lambda _, request, **__: request.votes)


def _nobody_is_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "why_not_eligible", lambda *_, **__: "")


def _one_approval_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tally.leaving
    monkeypatch.setattr(tally, "leaving", lambda names, votes, **_: whole(names, votes, quorum=1))
    ends = tally.outcome
    monkeypatch.setattr(
        tally,
        "outcome",
        lambda names, votes, consented, **_: ends(names, votes, quorum=1, consented=consented),
    )
    _trusting_sealer(monkeypatch)


def _a_veto_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "vetoes", lambda *_: ())
    _trusting_sealer(monkeypatch)


def _all_files_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voting, "_checked_leaving", lambda request, _: request.names)
    _trusting_sealer(monkeypatch)


def _reviews_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "BLIND", frozenset())


def _comments_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments, "_readable", lambda *_: True)


def _unopened_is_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voting, "_check_opened", lambda *_: None)


def _unweighed_is_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "check_acknowledged", lambda *_: None)


def _stale_pages_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "at_version", lambda request, _: request)


def _software_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "check_reviewer", lambda *_: None)


def _old_reviews_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "binding_of", lambda request, **_: f"{request.id} {request.round}")


def _nobody_differences_at_sealing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.review.sealing.beside.weighed", lambda *_: None)


def _no_steward_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "consented", lambda *_: True)
    monkeypatch.setattr(sealing, "differs_from_log", lambda *_: False)


def _anybody_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oversight, "check_officer", lambda _: None)


def _anybody_concludes(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = reviewers.Reviewers.conclude

    def as_rita(desk: Any, _: Actor, request: str, **other: Any) -> Any:
        rita = Actor(
            name="rita",
            groups=frozenset({"reviewers"}),
            scopes=scopes_of(frozenset({"reviewers"})),
            channel=Channel.CONSOLE,
        )
        return whole(desk, rita, request, **other)

    monkeypatch.setattr(reviewers.Reviewers, "conclude", as_rita)


Act = Callable[[People], Any]


def _approve(name: str) -> Act:
    return lambda people: people.read_and_say(name, "approve", one=False)


def _return(name: str, *, one: bool = False) -> Act:
    return lambda people: people.read_and_say(name, "return", one=one)


def _hand_in(content: bytes) -> Act:
    return lambda people: people.hand_in(content)


def _say(name: str, *, weighed: bool = True, stale: bool = False) -> Act:
    return lambda people: people.say(name, "approve", weighed, stale)


IN, PAM, BOTH = _hand_in(ROUNDED), _approve("pam"), (_approve("rita"), _approve("rolf"))
CONCLUDE: Act = lambda people: people.conclude("rita", "approve")  # noqa: E731  # one act among the others
WAIT: Act = lambda people: people.wait(2)  # noqa: E731  # as above
FAULTS: list[tuple[Plant, tuple[Act, ...], str]] = [
    (_nobody_is_kept_out, (IN, PAM), "somebody involved voted"),
    (_one_approval_is_enough, (IN, _approve("rita"), WAIT), "too few approvals"),
    (
        _a_veto_is_passed_over,
        (IN, _approve("rita"), _return("rolf"), _approve("rosa"), CONCLUDE, WAIT),
        "a veto was passed over",
    ),
    (
        _all_files_leave,
        (IN, _approve("rita"), _return("rolf", one=True), CONCLUDE, WAIT),
        "too few approvals",
    ),
    (_reviews_are_shown, (IN, _approve("rita")), "a review was told"),
    (
        _comments_are_shown,
        (IN, _approve("rita"), lambda people: people.comment("rita", "reviewers")),
        "a review was told",
    ),
    (_unopened_is_approved, (IN, _say("rita")), "approved unopened"),
    (
        _unweighed_is_approved,
        (_hand_in(BARE), lambda people: people.look("rita"), _say("rita", weighed=False)),
        "approved unweighed",
    ),
    (
        _stale_pages_decide,
        (IN, lambda people: people.look("rita"), _say("rita", stale=True)),
        "stale page",
    ),
    (_software_votes, (IN, lambda people: people.let_software_say("rita")), "software voted"),
    (
        _old_reviews_count,
        (IN, _approve("rita"), lambda people: people.change_the_policies(), _approve("rolf"), WAIT),
        "too few approvals",
    ),
    (
        _nobody_differences_at_sealing,
        (IN, *BOTH, lambda people: people.release_another_meanwhile(), WAIT),
        "differencing was not weighed",
    ),
    (_no_steward_is_asked, (_hand_in(ROWS), *BOTH, WAIT), "the steward was not asked"),
    (_anybody_holds, (IN, lambda people: people.hold("rita")), "somebody else held it"),
    (
        _anybody_concludes,
        (IN, _approve("rita"), _return("rolf"), lambda people: people.conclude("ann", "return")),
        "who had not reviewed",
    ),
]


def play(acts: tuple[Act, ...]) -> None:
    """Let people do ``acts`` one after the other, looking after each at all that must hold."""
    people = People()
    try:
        for act in acts:
            act(people)
            people.what_comes_out_was_approved()
            people.nobody_learns_of_a_review_while_it_is_blind()
            people.the_state_is_that_of_the_log()
            people.nothing_is_packed_that_is_not_out()
    finally:
        people.teardown()


@pytest.mark.parametrize(
    ("plant", "acts", "found"), FAULTS, ids=[plant.__name__.strip("_") for plant, *_ in FAULTS]
)
def test_a_planted_fault_is_found_where_people_come_upon_it(
    plant: Plant, acts: tuple[Act, ...], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(acts)  # without the fault nothing is wrong with it
    plant(monkeypatch)
    # Where the fault lies in counting, the replay of the log comes upon it first.
    with pytest.raises(AssertionError, match=f"{found}|the log says otherwise"):
        play(acts)


def test_no_order_of_acts_lets_out_what_the_rules_keep_in() -> None:
    run(examples=int(os.environ.get("SANDBOX_TEST_ORDERS", "15")), steps=35)
