"""Everybody's hands on one request, with an account of their own of what they did and the desk accepted.

After each act the account is compared with what the desk shows and hands out, whatever the order of acts.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)
from office import BARE, ROUNDED, SMALL, STUDY, Office, open_office

from sandbox import settings as configuration
from sandbox.errors import Refusal
from sandbox.policy.roles import Actor, Channel
from sandbox.review.screen.isolate import in_bubblewrap
from sandbox.review.status import Status
from sandbox.store import tables

PEOPLE = ("ana", "ann", "pam", "rita", "rolf", "rosa", "olaf", "both", "stella")
OUTSIDERS = frozenset({"rita", "rolf", "rosa"})
ROWS = b"district,n\n" + b"".join(b"D%d,50\n" % number for number in range(30))
CLOSE = ROUNDED.replace(b"55", b"60")
OTHER = b"region,n\nEast,95\nWest,60\n"
CONTENTS = (ROUNDED, ROUNDED, BARE, SMALL, ROWS)
QUORUM = 2
VERDICTS = st.sampled_from(["approve", "approve", "approve", "return", "reject"])
REVIEWERS = st.sampled_from(sorted(OUTSIDERS))
NAMES = st.sampled_from(PEOPLE)
OUT = frozenset({Status.SEALING, Status.RELEASED})
SECRET = "Only for whom it is meant."


@cache
def cage_once(order: bytes) -> bytes | None:
    """Read each content in a real cage once; the same bytes give the same answer."""
    return in_bubblewrap(order)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the desk accepted of one reviewer, as they meant it."""

    verdict: str
    words: dict[str, str]
    weighed: frozenset[str]
    overridden: bool = False


class People(RuleBasedStateMachine):
    """One request under the hands of everybody."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        home = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.office: Office = self._stack.enter_context(
            open_office(configuration.Settings(home=home), cage_once)
        )
        self.office.with_review(cooling_hours={"green": 24, "amber": 24, "red": 24})
        self.request = ""
        self.opened: set[tuple[str, bytes]] = set()
        self.before: Status | None = None
        self.leaving: set[str] = set()
        self.held = False
        self.beside = False
        self.versions = 0
        self._new_round(ROUNDED)

    def teardown(self) -> None:
        self._stack.close()

    def _new_round(self, content: bytes) -> None:
        self.files = {"visits.csv": content, "other.csv": OTHER}
        self.said: dict[str, Said] = {}
        self.wrote: set[str] = set()
        self.consented = False
        self.excused: set[str] = set()

    def _try(self, act: Callable[[], Any]) -> bool:
        try:
            act()
        except Refusal:
            return False
        return True

    @property
    def status(self) -> Status:
        return self.office.status(self.request)

    @property
    def version(self) -> int:
        return self.office.desk.show(self.office.actor("ana"), self.request).row_version

    # --- the author ---------------------------------------------------------------------------------

    @precondition(lambda self: not self.request)
    @rule(content=st.sampled_from(CONTENTS))
    def hand_in(self, content: bytes) -> None:
        self._new_round(content)
        self.request = self.office.submit(self.files)

    @precondition(lambda self: self.request)
    @rule(content=st.sampled_from(CONTENTS))
    def hand_in_again(self, content: bytes) -> None:
        files = {"visits.csv": content, "other.csv": OTHER}
        act = self.office.desk.resubmit
        ana, version = self.office.actor("ana"), self.version
        if self._try(lambda: act(ana, self.request, row_version=version, files=files)):
            self._new_round(content)

    @precondition(lambda self: self.request and self.before in {Status.RELEASED, Status.REVIEW})
    @rule(name=NAMES)
    def take_back(self, name: str) -> None:
        if self._try(lambda: self.office.desk.withdraw(self.office.actor(name), self.request)):
            assert name == "ana"

    @precondition(lambda self: self.request)
    @rule(name=NAMES)
    def fetch(self, name: str) -> None:
        try:
            _, package = self.office.desk.download(self.office.actor(name), self.request)
        except Refusal:
            return
        assert name == "ana", "somebody else fetched"
        assert not self.held, "a held package was fetched"
        with tarfile.open(fileobj=BytesIO(package)) as tar:
            inside = {Path(one).name for one in tar.getnames() if "/files/" in one}
            assert inside == self.leaving, "other files left than were approved"
            for one in inside:
                member = tar.extractfile(f"release-{self.request}/files/{one}")
                assert member is not None
                assert member.read() == self.files[one], "other bytes left"

    # --- reviewers ----------------------------------------------------------------------------------

    @precondition(lambda self: self.request)
    @rule(name=NAMES)
    def look(self, name: str) -> None:
        def opened(one: str) -> bytes:
            return self.office.desk.open_file(self.office.actor(name), self.request, one)

        self.opened |= {
            (name, content) for one, content in self.files.items() if self._try(partial(opened, one))
        }

    @precondition(lambda self: self.request)
    @rule(name=NAMES, verdict=VERDICTS, weighed=st.booleans(), stale=st.booleans())
    def say(self, name: str, verdict: str, weighed: bool, stale: bool) -> None:
        self._vote(self.office.actor(name), verdict, weighed=weighed, stale=stale)

    @precondition(lambda self: self.request)
    @rule(name=REVIEWERS, verdict=VERDICTS, one=st.booleans())
    def read_and_say(self, name: str, verdict: str, one: bool) -> None:
        self.look(name)
        words = {"visits.csv": "approve", "other.csv": "changes"} if one and verdict == "return" else {}
        self._vote(self.office.actor(name), verdict, words=words)

    @precondition(lambda self: self.request)
    @rule()
    def all_approve(self) -> None:
        for name in ("rita", "rolf"):
            self.read_and_say(name, "approve", one=False)

    @precondition(lambda self: self.request)
    @rule(name=REVIEWERS)
    def let_software_say(self, name: str) -> None:
        self.look(name)
        person = self.office.actor(name)
        software = Actor(name=name, groups=person.groups, scopes=person.scopes, channel=Channel.NOTEBOOK)
        assert not self._vote(software, "approve"), "software voted"

    def _vote(
        self,
        actor: Actor,
        verdict: Any,
        *,
        words: dict[str, Any] | None = None,
        weighed: bool = True,
        stale: bool = False,
    ) -> bool:
        shown = self.office.desk.show(self.office.actor("ana"), self.request)
        before, codes = self.status, shown.to_acknowledge if weighed else ()
        accepted = self._try(
            lambda: self.office.desk.decide(
                actor, self.request, verdict=verdict, reason=SECRET, files=words or {},
                row_version=shown.row_version - stale, acknowledged=dict.fromkeys(codes, SECRET),
            )
        )  # fmt: skip
        if accepted:
            usual = "approve" if verdict == "approve" else "changes"
            meant = {one: (words or {}).get(one, usual) for one in self.files}
            assert actor.name in OUTSIDERS, "somebody involved voted"
            assert STUDY not in self.office.groups[actor.name], "a member of the project voted"
            assert before in {Status.REVIEW, Status.CONSOLIDATION}, "a vote outside review"
            assert not stale, "a vote from a stale page"
            for one, word in meant.items():
                if word == "approve":
                    assert (actor.name, self.files[one]) in self.opened, "approved unopened"
                    assert weighed or not shown.to_acknowledge, "approved unweighed"
            self.wrote.add(actor.name)
            self.said[actor.name] = Said(verdict=verdict, words=meant, weighed=frozenset(codes))
        return accepted

    @precondition(lambda self: self.request)
    @rule(name=NAMES, verdict=VERDICTS)
    def conclude(self, name: str, verdict: Any) -> None:
        actor, version, before = self.office.actor(name), self.version, self.status
        act = self.office.desk.conclude
        if self._try(lambda: act(actor, self.request, verdict=verdict, reason=SECRET, row_version=version)):
            assert before is Status.CONSOLIDATION, "a conclusion outside consolidation"
            assert name in self.said, "somebody concluded who had not reviewed"

    @precondition(lambda self: self.request)
    @rule(name=NAMES, audience=st.sampled_from(["reviewers", "author"]))
    def comment(self, name: str, audience: Any) -> None:
        act = self.office.desk.comment
        self._try(
            lambda: act(self.office.actor(name), self.request, text=f"{name}: {SECRET}", audience=audience)
        )

    # --- officers, stewards, and the world ----------------------------------------------------------

    @precondition(lambda self: self.request)
    @rule(name=NAMES)
    def hold(self, name: str) -> None:
        act = self.office.desk.unhold if self.held else self.office.desk.hold
        if self._try(lambda: act(self.office.actor(name), self.request, reason="So.")):
            assert name in {"olaf", "both"}, "somebody else held it"
            self.held = not self.held

    @precondition(lambda self: self.request)
    @rule(name=NAMES, reviewer=REVIEWERS)
    def override(self, name: str, reviewer: str) -> None:
        act = self.office.desk.override
        if self._try(lambda: act(self.office.actor(name), self.request, reviewer=reviewer, reason="So.")):
            assert name in {"olaf", "both"}, "somebody else overrode a veto"
            if reviewer in self.said:  # else it was void already
                self.said[reviewer] = replace(self.said[reviewer], overridden=True)

    @precondition(lambda self: self.request)
    @rule(name=NAMES)
    def consent(self, name: str) -> None:
        actor, version = self.office.actor(name), self.version
        act = self.office.desk.consent
        if self._try(lambda: act(actor, self.request, reason="So.", row_version=version)):
            assert name == "stella", "somebody else consented"
            self.consented = True

    @precondition(lambda self: self.request and self.before is Status.BLOCKED)
    @rule(code=st.sampled_from(["C1", "C16"]))
    def excuse(self, code: str) -> None:
        def word(name: str) -> None:
            seen = self.office.desk.show(self.office.actor("olaf"), self.request).row_version
            self.office.desk.excuse(
                self.office.actor(name), self.request, code=code, reason="So.", days=90, row_version=seen
            )

        if self._try(partial(word, "olaf")) and self._try(partial(word, "stella")):
            self.excused.add(code)

    @precondition(lambda self: self.request)
    @rule(name=REVIEWERS)
    def join_or_leave_the_project(self, name: str) -> None:
        self.office.groups[name] ^= {STUDY}

    @precondition(lambda self: self.request)
    @rule()
    def change_the_policies(self) -> None:
        self.versions += 1
        self.office.with_review(lapse_days=60 + self.versions)
        self.office.with_digest(f"policies-{self.versions}")
        self.said, self.consented = {}, False

    @precondition(lambda self: self.request and not self.beside)
    @rule()
    def release_another_meanwhile(self) -> None:
        members = {name: self.office.groups[name] for name in OUTSIDERS}
        self.office.groups.update(dict.fromkeys(OUTSIDERS, frozenset({"reviewers"})))
        self.office.with_review(cooling_hours={"green": 0, "amber": 0, "red": 0})
        other = self.office.submit({"again.csv": CLOSE})
        for name in ("rita", "rolf"):
            self.office.decide(name, other)
        self.office.with_review(cooling_hours={"green": 24, "amber": 24, "red": 24})
        self.office.groups.update(members)
        self.beside = self.office.status(other) is Status.RELEASED and self.before not in OUT

    @precondition(lambda self: self.request)
    @rule(name=NAMES)
    def stop(self, name: str) -> None:
        if self._try(lambda: self.office.desk.stop(self.office.actor(name), self.request, reason="No.")):
            assert name in {"olaf", "both"}

    @precondition(lambda self: self.request)
    @rule(days=st.integers(1, 20))
    def wait(self, days: int) -> None:
        before = self.status
        self.office.now[0] += timedelta(days=days)
        self.office.desk.settle()
        sealing_may_do = {Status.RELEASED, Status.REVIEW} if before is Status.APPROVED else set()
        ends = {before, Status.EXPIRED, Status.LAPSED}
        assert self.status in ends | sealing_may_do, "time alone made something more permissive"

    # --- what holds after each of these ----------------------------------------------------------------

    @precondition(lambda self: self.request)
    @invariant()
    def what_comes_out_was_approved(self) -> None:
        status, before = self.status, self.before
        self.before = status
        if status in OUT and before not in OUT | {Status.HELD}:
            self._check_came_out()

    def _check_came_out(self) -> None:
        shown = self.office.desk.show(self.office.actor("olaf"), self.request)
        self.leaving = set(shown.request.leaving)
        able = {name: one for name, one in self.said.items() if STUDY not in self.office.groups[name]}
        assert self.leaving, "nothing was approved"
        assert not any(one.verdict == "reject" and not one.overridden for one in able.values()), "a veto"
        for name in self.leaving:
            approving = [one for one in able.values() if one.words[name] == "approve"]
            vetoing = [one for one in able.values() if one.words[name] != "approve" and not one.overridden]
            assert len(approving) >= QUORUM, "too few approvals"
            assert not vetoing, "a veto was passed over"
            flagged = shown.request.flagged_in([name])
            assert all(flagged <= one.weighed for one in approving), "something was not weighed"
            if self.beside and self.files[name] == ROUNDED:
                assert all("C19" in one.weighed for one in approving), "differencing was not weighed"
        if self.files["visits.csv"] == SMALL and "visits.csv" in self.leaving:
            assert self.excused >= {"C1", "C16"}, "a refused file left"
        if shown.request.risk == "red":
            assert self.consented, "the steward was not asked"

    @precondition(lambda self: self.request)
    @invariant()
    def nobody_learns_of_a_review_while_it_is_blind(self) -> None:
        for name in (*sorted(OUTSIDERS), "ana"):
            shown = self._seen_by(name)
            if shown is None:
                continue
            blind = shown.request.stage in {Status.SCREENING, Status.REVIEW}
            concluding = shown.request.stage is Status.CONSOLIDATION and name not in self.wrote
            if not blind and not concluding:
                continue
            told = {vote.reviewer for vote in shown.votes} | {
                line.actor for line in shown.timeline if line.kind in {"release.voted", "release.commented"}
            }
            told |= {one.author for one in shown.comments if one.round == shown.request.round}
            earlier = {one.author for one in shown.comments if one.round < shown.request.round}
            others = self.wrote - {name} - earlier
            if shown.request.round == 1:
                assert not told & others, "a review was told"

    def _seen_by(self, name: str) -> Any:
        try:
            return self.office.desk.show(self.office.actor(name), self.request)
        except Refusal:
            return None

    @precondition(lambda self: self.request)
    @invariant()
    def the_state_is_that_of_the_log(self) -> None:
        assert self.office.desk.differing() == (), "the log says otherwise"

    @precondition(lambda self: self.request)
    @invariant()
    def nothing_is_packed_that_is_not_out(self) -> None:
        packed = self.office.packages() - self._others_packed()
        if self.status in {Status.REVIEW, Status.BLOCKED, Status.CONSOLIDATION, Status.REJECTED}:
            assert packed == 0, "something was packed"

    def _others_packed(self) -> int:
        with self.office.log.reading() as connection:
            t = tables.package
            return len(connection.execute(t.select().where(t.c.request != self.request)).all())
