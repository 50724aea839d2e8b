"""What other policies would have said of stored requests, and that trying them changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from office import ANSWER, BARE, POLICIES, ROUNDED, SMALL, STUDY, Office

from sandbox.policy.load import load
from sandbox.policy.policies import Policies
from sandbox.review.screen.isolate import in_bubblewrap
from sandbox.review.simulation import GONE, Simulated, simulate
from sandbox.store import tables


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path / "tried"))


def changed(directory: Path, file: str, old: str, new: str) -> Policies:
    path = directory / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return load(directory)


def run(office: Office, other: Policies, last: int = 50) -> dict[str, Simulated]:
    present = office.desk.policies
    found = simulate(office.log, present=present, other=other, last=last, cage=in_bubblewrap)
    return {one.request: one for one in found}


def test_the_policies_in_force_say_again_what_was_found(office: Office) -> None:
    said = {
        office.submit({"a.csv": ROUNDED}): ("passed", ()),
        office.submit({"a.csv": BARE}): ("flagged", ("C26",)),
        office.submit({"a.csv": SMALL}): ("refused", ("C1", "C16")),
        office.submit({"n.csv": ANSWER}, (office.receipt(ANSWER),)): ("passed", ()),
    }
    found = run(office, office.desk.policies)
    assert {request: (one.present.said, one.present.codes) for request, one in found.items()} == said
    assert not any(one.differs for one in found.values())
    for request, one in found.items():
        view = office.desk.show(office.actor("ana"), request).request
        assert (one.present.risk, one.present.quorum, one.status) == (view.risk, view.quorum, view.status)


def test_a_stricter_threshold_refuses_what_had_passed_and_leaves_answers_alone(
    office: Office, directory: Path
) -> None:
    rounded = office.submit({"a.csv": ROUNDED})
    answer = office.submit({"n.csv": ANSWER}, (office.receipt(ANSWER),))
    found = run(office, changed(directory, "review.toml", "min_cell = 10", "min_cell = 100"))
    assert (found[rounded].present.said, found[rounded].other.said) == ("passed", "refused")
    assert found[rounded].other.codes == ("C1",)
    assert not found[answer].differs


def test_a_laxer_threshold_passes_what_was_refused(office: Office, directory: Path) -> None:
    request = office.submit({"a.csv": b"district,n\nBei,5\n"})
    found = run(office, changed(directory, "review.toml", "min_cell = 10", "min_cell = 5"))
    assert found[request].other.said == "refused"  # the grade's own least group stands
    lax = changed(directory, "grades.toml", "min_group = 10", "min_group = 5")
    assert run(office, lax)[request].other.said == "passed"


def test_how_many_must_approve_is_part_of_the_difference(office: Office, directory: Path) -> None:
    request = office.submit()
    found = run(office, changed(directory, "review.toml", "amber = 2", "amber = 3"))
    assert (found[request].present.quorum, found[request].other.quorum) == (2, 3)
    assert found[request].differs


def test_an_authorization_that_is_gone_is_said(office: Office, directory: Path) -> None:
    request = office.submit()
    (directory / "authorizations" / f"{STUDY}.toml").unlink()
    assert run(office, load(directory))[request].other.said == GONE


def test_a_file_without_stored_bytes_keeps_what_was_found_then(office: Office, directory: Path) -> None:
    request = office.submit({"bad.exe": b"MZ"})
    found = run(office, changed(directory, "review.toml", "min_cell = 10", "min_cell = 15"))[request]
    assert (found.present.said, found.other.said, found.missing) == ("refused", "refused", 1)


def test_only_the_newest_are_looked_at_and_nothing_is_written(office: Office) -> None:
    requests = [office.submit() for _ in range(3)]
    size = office.log.status().size
    with office.log.reading() as connection:
        before = connection.execute(tables.release_request.select()).all()
    assert len(run(office, office.desk.policies, last=2)) == 2
    with office.log.reading() as connection:
        assert connection.execute(tables.release_request.select()).all() == before
    assert office.log.status().size == size
    assert len(requests) == 3
