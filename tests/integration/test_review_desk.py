"""Requests move as the rules say, under every attempt to go round them."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from sandbox import canonical
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.receipt import Receipt
from sandbox.audit.verify import verify_proof
from sandbox.canonical import digest
from sandbox.errors import Conflict, Malformed, NotAllowed, NotFound
from sandbox.policy.load import load
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.review.desk import Desk
from sandbox.review.package import public_word
from sandbox.review.sealing import Sealer
from sandbox.review.status import Status
from sandbox.review.view import ReleaseView
from sandbox.settings import Settings
from sandbox.store import tables
from sandbox.store.engine import open_state, writing

POLICIES = Path(__file__).parents[1] / "policies"
STUDY = "visits-study"
ROUNDED = b"district,n,mean_cost\nBei,120,31.5\nDong,55,28\n"
BARE = b"district,rate\nBei,0.5\nDong,0.25\n"
SMALL = b"district,n\nBei,3\n"
ANSWER = b"service,n,n_low,n_high\ngp,-3,-9,3\ndental,1207,1201,1213\n"
WORD = {"approve": "It may leave.", "return": "Please round.", "reject": "No."}


@dataclass
class Office:
    """A desk with its people; the clock and everybody's groups can be changed."""

    engine: Engine
    log: Log
    desk: Desk
    receipts: SigningKey
    now: list[datetime]
    groups: dict[str, frozenset[str]]

    def actor(self, name: str) -> Actor:
        groups = self.groups[name]
        return Actor(name=name, groups=groups, scopes=scopes_of(groups), channel=Channel.CONSOLE)

    def submit(self, files: dict[str, bytes] | None = None, receipts: tuple[str, ...] = ()) -> str:
        view = self.desk.submit(
            self.actor("ana"),
            authorization=STUDY,
            purpose="Visits by district",
            files=files or {"visits.csv": ROUNDED},
            receipts=receipts,
        )
        return view.id

    def read(self, name: str, request: str) -> ReleaseView:
        view = self.desk.show(self.actor(name), request)
        for file in view.files:
            self.desk.open_file(self.actor(name), request, file.name)
        return view

    def decide(self, name: str, request: str, verdict: Any = "approve", **other: Any) -> ReleaseView:
        view = self.read(name, request)
        said: dict[str, Any] = {"reason": WORD[verdict], "row_version": view.row_version} | other
        acknowledged = said.pop("acknowledged", frozenset(view.to_acknowledge))
        return self.desk.decide(self.actor(name), request, verdict=verdict, acknowledged=acknowledged, **said)

    def release(self) -> str:
        request = self.submit()
        self.decide("rita", request)
        assert self.decide("rolf", request).status is Status.RELEASED
        return request

    def status(self, request: str) -> Status:
        return self.desk.show(self.actor("ana"), request).status

    def receipt(self, content: bytes, **other: Any) -> str:
        claims: dict[str, Any] = {
            "answer": "a1", "author": "ana", "authorization": STUDY, "dataset": "small_visits",
            "snapshot": "s", "question": "q", "epsilon": "0.5", "picorho": 125, "csv_sha256": digest(content),
            "json_sha256": "j", "seq": 0, "issued_at": "2026-06-01",
        }  # fmt: skip
        return Receipt(**(claims | other)).issue(self.receipts)

    def change(self, table: Any, where: Any, **values: Any) -> None:
        """Change rows as somebody with the database's file would."""
        with writing(self.engine, wait=5) as connection:
            connection.execute(update(table).where(where).values(**values))

    def packages(self) -> int:
        with self.log.reading() as connection:
            return len(connection.execute(select(tables.package.c.request)).all())


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    settings = Settings(home=tmp_path, policies=POLICIES)
    now = [datetime(2026, 6, 1, 12, tzinfo=UTC)]
    checkpoint = SigningKey.create(tmp_path / "checkpoint.key")
    receipts = SigningKey.create(tmp_path / "receipt.key")
    SigningKey.create(tmp_path / "release.key")
    engine = open_state(settings)
    log = Log(engine, signer=checkpoint, private_key=bytes(32), clock=lambda: now[0])
    groups = {
        "ana": frozenset({"analysts", STUDY}),
        "ann": frozenset({"analysts", STUDY}),
        "pam": frozenset({"reviewers", STUDY}),
        "rita": frozenset({"reviewers"}),
        "rolf": frozenset({"reviewers"}),
        "rosa": frozenset({"reviewers"}),
        "olaf": frozenset({"officers"}),
        "both": frozenset({"officers", "reviewers"}),
    }
    desk = Desk(
        log=log,
        policies=load(POLICIES),
        receipts=receipts.public,
        release_key=tmp_path / "release.key",
        people=lambda name: groups.get(name, frozenset()),
        clock=lambda: now[0],
    )
    yield Office(engine=engine, log=log, desk=desk, receipts=receipts, now=now, groups=groups)
    engine.dispose()


def test_two_outsiders_let_a_file_out_and_the_author_fetches_it(office: Office) -> None:
    request = office.submit({"visits.csv": BARE})
    assert office.decide("rita", request).status is Status.REVIEW
    assert office.decide("rolf", request).status is Status.RELEASED
    name, content = office.desk.download(office.actor("ana"), request)
    assert name == f"release-{request}.tar.gz"
    with tarfile.open(fileobj=BytesIO(content)) as tar:
        member = tar.extractfile(f"release-{request}/files/visits.csv")
        assert member is not None
        assert member.read() == BARE


def test_an_unchanged_answer_is_green_whatever_its_counts(office: Office) -> None:
    request = office.submit({"n.csv": ANSWER}, (office.receipt(ANSWER),))
    view = office.desk.show(office.actor("rita"), request)
    assert (view.request.risk, view.files[0].verdict) == ("green", "pass")
    assert office.desk.open_file(office.actor("rita"), request, "n.csv") == ANSWER


@pytest.mark.parametrize("name", ["ana", "pam", "both", "olaf", "ann"])
def test_nobody_involved_and_nobody_who_watches_may_vote(office: Office, name: str) -> None:
    request = office.submit()
    version = office.desk.show(office.actor("ana"), request).row_version
    with pytest.raises(NotAllowed):
        office.desk.decide(
            office.actor(name), request, verdict="approve", reason="Mine.", row_version=version
        )
    refused = office.log.search(kind="release.refused", actor=name)
    assert [entry.event["body"]["code"] for entry in refused] == ["not-a-reviewer"]


def test_a_notebook_cannot_vote(office: Office) -> None:
    request = office.submit()
    view = office.read("rita", request)
    inside = Actor(
        name="rita", groups=office.groups["rita"], scopes=scopes_of(office.groups["rita"]),
        channel=Channel.NOTEBOOK,
    )  # fmt: skip
    with pytest.raises(NotAllowed):
        office.desk.decide(inside, request, verdict="approve", reason="x", row_version=view.row_version)


def test_a_refused_file_blocks_the_request_until_another_round(office: Office) -> None:
    request = office.submit({"visits.csv": SMALL})
    view = office.desk.show(office.actor("ana"), request)
    assert (view.status, view.files[0].findings[0].code) == (Status.BLOCKED, "C1")
    again = office.desk.resubmit(
        office.actor("ana"), request, row_version=view.row_version, files={"visits.csv": ROUNDED}
    )
    assert (again.status, again.request.round) == (Status.REVIEW, 2)


def test_a_stale_page_decides_nothing(office: Office) -> None:
    request = office.submit()
    old = office.read("rita", request).row_version
    office.decide("rolf", request, "return")
    view = office.desk.show(office.actor("ana"), request)
    office.desk.resubmit(
        office.actor("ana"), request, row_version=view.row_version, files={"visits.csv": ROUNDED}
    )
    with pytest.raises(Conflict, match="changed since"):
        office.decide("rita", request, row_version=old)


def test_bytes_that_were_not_opened_are_not_approved(office: Office) -> None:
    request = office.submit()
    version = office.desk.show(office.actor("rita"), request).row_version
    with pytest.raises(Conflict, match="not opened"):
        office.desk.decide(
            office.actor("rita"), request, verdict="approve", reason="Fine.", row_version=version
        )


def test_every_flag_must_be_acknowledged(office: Office) -> None:
    request = office.submit({"visits.csv": BARE})
    with pytest.raises(Conflict, match="C26"):
        office.decide("rita", request, acknowledged=frozenset({"C1"}))


def test_a_decision_needs_a_reason(office: Office) -> None:
    with pytest.raises(Malformed):
        office.decide("rita", office.submit(), reason="  ")


@pytest.mark.parametrize(("verdict", "status"), [("return", "RETURNED"), ("reject", "REJECTED")])
def test_one_veto_ends_the_round_whatever_others_said(office: Office, verdict: str, status: str) -> None:
    request = office.submit()
    office.decide("rita", request)
    assert office.decide("rolf", request, verdict).status == status
    with pytest.raises(Conflict):
        office.decide("rosa", request)
    assert office.packages() == 0


def test_a_reviewer_learns_nothing_of_the_other_before_voting(office: Office) -> None:
    request = office.submit()
    before = office.desk.show(office.actor("rolf"), request).to_document()
    office.decide("rita", request)
    assert office.desk.show(office.actor("rolf"), request).to_document() == before
    assert "rita" not in str(office.desk.show(office.actor("ana"), request).to_document())


def test_one_reviewer_counts_once(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    with pytest.raises(Conflict, match="already"):
        office.decide("rita", request)
    assert office.desk.queue(office.actor("rita")) == ()
    assert [view.id for view in office.desk.queue(office.actor("rolf"))] == [request]


def test_votes_at_the_same_moment_release_exactly_once(office: Office) -> None:
    request = office.submit()
    views = {name: office.read(name, request) for name in ("rita", "rolf", "rosa")}
    outcomes: list[object] = []

    def vote(name: str) -> None:
        try:
            view = office.desk.decide(
                office.actor(name), request, verdict="approve", reason="Fine.",
                row_version=views[name].row_version,
            )  # fmt: skip
            outcomes.append(view.status)
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=vote, args=(name,)) for name in views]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 3
    assert len(office.log.search(kind="release.sealed", subject=request)) == 1
    assert (office.status(request), office.packages()) == (Status.RELEASED, 1)


SWAPS: dict[str, Callable[[Office, str], None]] = {
    "blob": lambda office, _: office.change(tables.blob, tables.blob.c.content == ROUNDED, content=SMALL),
    "file": lambda office, _: office.change(
        tables.release_file, tables.release_file.c.name == "visits.csv", sha256=digest(BARE)
    ),
    "report": lambda office, _: office.change(
        tables.release_file, tables.release_file.c.name == "visits.csv", report=b"[]", verdict="pass"
    ),
    "author": lambda office, request: office.change(
        tables.release_request, tables.release_request.c.id == request, author="ann"
    ),
    "purpose": lambda office, request: office.change(
        tables.release_request, tables.release_request.c.id == request, purpose="another"
    ),
    "missing": lambda office, _: office.change(
        tables.blob, tables.blob.c.content == ROUNDED, sha256=digest(SMALL), content=SMALL
    ),
    "vote": lambda office, _: office.change(tables.vote, tables.vote.c.reviewer == "rita", reviewer="rosa"),
}


@pytest.mark.parametrize("swap", ["blob", "vote"])
def test_what_was_swapped_after_a_vote_never_leaves(office: Office, swap: str) -> None:
    request = office.submit()
    office.decide("rita", request)
    view = office.read("rolf", request)
    SWAPS[swap](office, request)
    after = office.desk.decide(
        office.actor("rolf"), request, verdict="approve", reason="Fine.", row_version=view.row_version
    )
    assert after.status is Status.TAMPERED
    assert office.packages() == 0


@pytest.mark.parametrize("swap", SWAPS)
def test_what_was_swapped_after_approval_never_leaves(
    office: Office, swap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = office.submit({"visits.csv": ROUNDED, "rates.csv": BARE})
    office.decide("rita", request)
    with monkeypatch.context() as crash:
        crash.setattr(Sealer, "seal", lambda *_: None)
        assert office.decide("rolf", request).status is Status.APPROVED
    if swap == "report":
        office.change(tables.release_file, tables.release_file.c.name == "rates.csv", report=b"[]")
    else:
        SWAPS[swap](office, request)
    office.desk.settle()
    assert office.desk.register(office.actor("olaf"))[0].status is Status.TAMPERED
    assert office.packages() == 0


def test_bytes_swapped_between_sealing_and_packing_never_leave(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = office.submit()
    office.decide("rita", request)
    with monkeypatch.context() as crash:
        crash.setattr(Sealer, "finish", lambda *_: None)
        office.decide("rolf", request)
    SWAPS["missing"](office, request)
    office.desk.settle()
    assert (office.status(request), office.packages()) == (Status.TAMPERED, 0)


def test_a_released_package_goes_to_no_other_author(office: Office) -> None:
    request = office.release()
    SWAPS["author"](office, request)
    with pytest.raises(Conflict):
        office.desk.download(office.actor("ann"), request)


def test_a_reviewer_who_lost_the_right_is_not_counted_at_sealing(office: Office) -> None:
    request = office.submit()
    office.decide("rita", request)
    office.groups["rita"] = frozenset({"reviewers", STUDY})
    assert office.decide("rolf", request).status is Status.REVIEW
    assert office.packages() == 0
    assert office.decide("rosa", request).status is Status.RELEASED


@pytest.mark.parametrize("step", ["seal", "finish"])
def test_a_crash_between_approval_and_package_is_finished_at_the_next_start(
    office: Office, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = office.submit()
    office.decide("rita", request)
    with monkeypatch.context() as crash:
        crash.setattr(Sealer, step, lambda *_: None)
        office.decide("rolf", request)
    with pytest.raises(Conflict):
        office.desk.download(office.actor("ana"), request)
    office.desk.settle()
    office.desk.settle()
    assert (office.status(request), office.packages()) == (Status.RELEASED, 1)


def test_only_the_author_fetches_a_few_times_and_for_some_days(office: Office) -> None:
    request = office.release()
    with pytest.raises(NotFound):
        office.desk.download(office.actor("ann"), request)
    for _ in range(3):
        office.desk.download(office.actor("ana"), request)
    with pytest.raises(Conflict):
        office.desk.download(office.actor("ana"), request)
    assert office.status(request) is Status.EXPIRED


def test_an_expired_package_is_not_handed_out(office: Office) -> None:
    request = office.release()
    office.now[0] += timedelta(days=15)
    with pytest.raises(Conflict):
        office.desk.download(office.actor("ana"), request)
    assert office.status(request) is Status.EXPIRED


def test_a_package_that_was_swapped_is_not_handed_out(office: Office) -> None:
    request = office.release()
    office.change(tables.package, tables.package.c.request == request, content=b"x", sha256=digest(b"x"))
    with pytest.raises(Conflict):
        office.desk.download(office.actor("ana"), request)
    assert office.status(request) is Status.TAMPERED


def test_an_officer_sees_everything_and_revokes_but_opens_nothing(office: Office) -> None:
    request = office.release()
    assert [view.id for view in office.desk.register(office.actor("olaf"))] == [request]
    with pytest.raises(NotFound):
        office.desk.open_file(office.actor("olaf"), request, "visits.csv")
    assert office.desk.stop(office.actor("olaf"), request, reason="Wrong year.").status is Status.REVOKED
    with pytest.raises(Conflict):
        office.desk.download(office.actor("ana"), request)


def test_the_author_withdraws_before_and_not_after_release(office: Office) -> None:
    request = office.submit()
    assert office.desk.withdraw(office.actor("ana"), request).status is Status.WITHDRAWN
    with pytest.raises(Conflict):
        office.desk.withdraw(office.actor("ana"), office.release())


@pytest.mark.parametrize(
    ("other", "sentence"),
    [({"author": "ben"}, "another person"), ({"authorization": "x"}, "another authorization")],
)
def test_somebody_elses_receipt_blocks_the_request(
    office: Office, other: dict[str, str], sentence: str
) -> None:
    request = office.submit({"n.csv": ANSWER}, (office.receipt(ANSWER, **other),))
    view = office.desk.show(office.actor("ana"), request)
    assert view.status is Status.BLOCKED
    assert [sentence in finding.sentence for finding in view.files[0].findings if finding.code == "C28"] == [
        True
    ]


def test_a_stranger_and_an_expired_authorization_submit_nothing(office: Office) -> None:
    for name, authorization in [("rita", STUDY), ("ana", "visits-closed"), ("ana", "nothing")]:
        with pytest.raises(NotAllowed):
            office.desk.submit(
                office.actor(name), authorization=authorization, purpose="x", files={"a.csv": ROUNDED}
            )


def test_recipients_verify_a_package_without_our_code(office: Office, tmp_path: Path) -> None:
    request = office.release()
    _, content = office.desk.download(office.actor("ana"), request)
    subprocess.run(["tar", "-xz", "-C", str(tmp_path)], input=content, check=True)
    folder = tmp_path / f"release-{request}"
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True)
    leaf = (folder / "release.leaf.json").read_bytes()
    manifest = (folder / "manifest.json").read_bytes()
    assert canonical.decode(leaf)["body"]["manifest"] == digest(manifest)
    assert [vote["reviewer"] for vote in canonical.decode(manifest)["votes"]] == ["rita", "rolf"]
    proof = (folder / "release.tlog-proof").read_bytes()
    verify_proof(proof, leaf=leaf, key=office.log.key.note_text(office.log.origin))
    if shutil.which("minisign") is None:
        pytest.skip("Debian's minisign is not installed")
    check = ["minisign", "-V", "-m", "manifest.json"]
    subprocess.run([*check, "-p", "minisign.pub"], cwd=folder, check=True)
    subprocess.run([*check, "-P", public_word(office.desk.release_key)], cwd=folder, check=True)
    (folder / "manifest.json").write_bytes(manifest.replace(b"rita", b"rosa"))
    assert subprocess.run([*check, "-p", "minisign.pub"], cwd=folder, check=False).returncode != 0
