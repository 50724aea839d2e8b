"""A package for named recipients opens with their keys and Debian's own tools, and with nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from office import POLICIES, ROUNDED, STUDY, Office, open_office
from sqlalchemy import select
from state_databases import empty_state

from sandbox.audit.verify import verify_proof
from sandbox.canonical import digest
from sandbox.policy.load import load
from sandbox.review.package import public_word
from sandbox.review.status import Status
from sandbox.store import tables

pytestmark = pytest.mark.skipif(
    shutil.which("age") is None or shutil.which("minisign") is None,
    reason="Debian's age or minisign is not installed",
)
HOLDERS = ("planning-office", "health-district")


def ran(*command: str, cwd: Path, content: bytes | None = None) -> bytes:
    return subprocess.run(command, cwd=cwd, input=content, check=True, capture_output=True).stdout


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A directory with the identity of each holder, and one of somebody else, all made by age-keygen."""
    folder = tmp_path / "identities"
    folder.mkdir()
    for name in (*HOLDERS, "stranger"):
        ran("age-keygen", "-o", name, cwd=folder)
    return folder


@pytest.fixture
def office_of_holders(
    keys: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    policies = Path(shutil.copytree(POLICIES, tmp_path / "policies"))
    lines = [f'{name} = "{ran("age-keygen", "-y", name, cwd=keys).decode().strip()}"' for name in HOLDERS]
    study = policies / "authorizations" / f"{STUDY}.toml"
    study.write_text(study.read_text() + "\n[recipients]\n" + "\n".join(lines) + "\n")
    monkeypatch.setattr("office.POLICIES", policies)
    with open_office(empty_state(request, tmp_path, "sqlite")) as opened:
        yield opened


@pytest.mark.parametrize("holder", HOLDERS)
def test_each_named_recipient_opens_and_verifies_it_with_debians_tools(
    office_of_holders: Office, keys: Path, tmp_path: Path, holder: str
) -> None:
    office = office_of_holders
    request = office.release()
    name, content = office.desk.download(office.actor("ana"), request)
    assert name == f"release-{request}.tar.gz.age"
    (tmp_path / name).write_bytes(content)
    ran("age", "--decrypt", "-i", str(keys / holder), "-o", "package.tar.gz", name, cwd=tmp_path)
    ran("tar", "-xzf", "package.tar.gz", cwd=tmp_path)
    folder = tmp_path / f"release-{request}"
    ran("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=folder)
    ran("minisign", "-V", "-P", public_word(office.desk.release_key), "-m", "manifest.json", cwd=folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    public = [ran("age-keygen", "-y", name, cwd=keys).decode().strip() for name in sorted(HOLDERS)]
    assert manifest["recipients"] == [
        {"name": name, "key": key} for name, key in zip(sorted(HOLDERS), public, strict=True)
    ]
    assert (folder / "files" / "visits.csv").read_bytes() == ROUNDED
    leaf = (folder / "release.leaf.json").read_bytes()
    log_key = office.log.key.note_text(office.log.origin)
    verify_proof((folder / "release.tlog-proof").read_bytes(), leaf=leaf, key=log_key)


def test_nobody_else_opens_it_and_the_database_holds_no_open_copy(
    office_of_holders: Office, keys: Path, tmp_path: Path
) -> None:
    office = office_of_holders
    request = office.release()
    _, content = office.desk.download(office.actor("ana"), request)
    decrypt = ["age", "--decrypt", "-i", str(keys / "stranger")]
    opened = subprocess.run(decrypt, check=False, input=content, cwd=tmp_path, capture_output=True)
    assert opened.returncode != 0
    assert b"no identity matched" in opened.stderr
    with office.log.reading() as connection:
        stored = connection.execute(select(tables.package.c.content)).scalars().all()
    assert stored == [content]


def test_what_is_hashed_counted_and_logged_is_what_leaves(office_of_holders: Office) -> None:
    office = office_of_holders
    request = office.release()
    fetched = [office.desk.download(office.actor("ana"), request)[1] for _ in range(3)]
    assert len(set(fetched)) == 1
    bodies = [entry.event["body"] for entry in office.log.search(kind="release.downloaded")]
    assert [body["package"] for body in bodies] == [digest(fetched[0])] * 3


def test_other_recipients_after_a_vote_void_it(office_of_holders: Office) -> None:
    office = office_of_holders
    request = office.submit()
    office.decide("rita", request)
    office.desk.policies = load(POLICIES)  # the same, without recipients
    assert office.decide("rolf", request).status is Status.REVIEW
    assert office.packages() == 0
