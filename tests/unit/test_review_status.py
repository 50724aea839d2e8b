from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from sandbox.errors import Conflict, NotAllowed
from sandbox.review.disclosure.checks import CHECKS, render_table
from sandbox.review.status import (
    FINAL,
    HOLDABLE,
    INITIAL,
    TRANSITIONS,
    Party,
    Status,
    check_move,
    render_diagram,
)

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("start", "end", "party"), list(product(Status, Status, Party)))
def test_a_move_is_allowed_exactly_as_the_table_says(start: Status, end: Status, party: Party) -> None:
    mover = TRANSITIONS.get((start, end))
    if mover is party:
        check_move(start, end, party)
        return
    with pytest.raises(NotAllowed if mover else Conflict):
        check_move(start, end, party)


def test_every_state_is_reached_and_leads_to_an_end() -> None:
    reached = {INITIAL}
    for _ in Status:
        reached |= {end for start, end in TRANSITIONS if start in reached}
    assert reached == set(Status)
    ends = {Status.REJECTED, Status.WITHDRAWN, Status.LAPSED, Status.EXPIRED, Status.REVOKED, Status.ENDED}
    assert ends == FINAL


def test_nothing_is_released_that_was_not_approved_and_sealed() -> None:
    # A hold goes back to where it came from, which the desk and the replay of the log both see to.
    ways = {end: {start for start, to in TRANSITIONS if to is end} - {Status.HELD} for end in Status}
    assert ways[Status.RELEASED] == {Status.SEALING}
    assert ways[Status.SEALING] == {Status.APPROVED}
    assert ways[Status.APPROVED] == {Status.REVIEW, Status.CONSOLIDATION}
    assert {TRANSITIONS[start, Status.APPROVED] for start in ways[Status.APPROVED]} == {Party.REVIEWER}


def test_every_state_that_can_be_held_goes_back_to_itself_alone() -> None:
    assert {start for start, end in TRANSITIONS if end is Status.HELD} == set(HOLDABLE)
    stops = {Status.ENDED, Status.REJECTED, Status.REVOKED}
    assert {end for start, end in TRANSITIONS if start is Status.HELD} == {*HOLDABLE, *stops}
    assert not FINAL & set(HOLDABLE)


def test_the_documented_diagram_is_the_table() -> None:
    assert render_diagram() in (DOCS / "release-states.md").read_text()


def test_the_documented_states_are_all_states() -> None:
    text = (DOCS / "release-states.md").read_text()
    assert [status for status in Status if f"| {status} |" not in text] == []


def test_the_documented_checks_are_the_checks() -> None:
    assert render_table() in (DOCS / "disclosure-checks.md").read_text()
    assert len(CHECKS) > 20
