"""What leaves is what was approved, whoever swaps what at whatever moment, and recipients can tell."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from office import ANSWER, BARE, ROUNDED, SMALL, STUDY, Office
from state_databases import KINDS

from sandbox import canonical
from sandbox.audit.verify import verify_proof
from sandbox.canonical import digest
from sandbox.errors import Conflict, NotAllowed, NotFound
from sandbox.review.package import public_word
from sandbox.review.sealing import Sealer
from sandbox.review.status import Status
from sandbox.store import tables

pytestmark = pytest.mark.parametrize("office", KINDS, indirect=True)
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


def approved_but(step: str, office: Office, request: str, monkeypatch: pytest.MonkeyPatch) -> Status:
    """Let both reviewers approve, and stop before a step of the sealer as a crash would."""
    office.decide("rita", request)
    with monkeypatch.context() as crash:
        crash.setattr(Sealer, step, lambda *_: None)
        return office.decide("rolf", request).status


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
    assert approved_but("seal", office, request, monkeypatch) is Status.APPROVED
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
    approved_but("finish", office, request, monkeypatch)
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
    approved_but(step, office, request, monkeypatch)
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
