"""The report of ``sandbox doctor``: who signed it, what it says, and where the log has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from examined import doctor

from sandbox.audit.event import Kind
from sandbox.audit.keys import SigningKey
from sandbox.doctor import examine
from sandbox.doctor.report import signature_of, verify
from sandbox.errors import Refusal
from sandbox.governance.installation import open_books
from sandbox.review.package import public_word, sign_file
from sandbox.settings import Settings


@pytest.fixture
def report(settings: Settings, tmp_path: Path) -> Path:
    """A signed report of checks that need no notebook."""
    path = tmp_path / "report.json"
    done = doctor(settings, "--only", "log", "--only", "ledger", "--only", "parts", "--output", str(path))
    assert done.returncode == 0, done.stderr
    assert "2 holds, 0 fails, 1 cannot be checked" in done.stdout
    assert [line.split() for line in done.stderr.splitlines()] == [
        ["?", "parts"],
        ["ok", "log"],
        ["ok", "ledger"],
    ]
    return path


def test_a_report_verifies_with_and_without_this_program(settings: Settings, report: Path) -> None:
    said = doctor(settings, "verify", str(report))
    assert said.returncode == 0, said.stderr
    key = said.stdout.split()[2].rstrip(":")
    assert doctor(settings, "verify", str(report), "--key", key).returncode == 0
    done = subprocess.run(["minisign", "-V", "-m", str(report), "-P", key], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_report_says_of_what_it_is_and_the_log_has_its_digest(settings: Settings, report: Path) -> None:
    document = json.loads(report.read_text())
    assert document["policy"].startswith("sha256:")
    assert document["checkpoint"].startswith("public-data-sandbox/log\n")
    assert [check["name"] for check in document["checks"]] == ["parts", "log", "ledger"]
    digest = "sha256:" + subprocess.run(
        ["sha256sum", str(report)], capture_output=True, text=True, check=True
    ).stdout.split()[0]  # fmt: skip
    opened = open_books(settings)
    (entry,) = opened.log.search(kind=Kind.DOCTOR_RUN, limit=2)
    opened.close()
    assert entry.event["body"]["report"] == digest
    assert f"entry {entry.seq} of the log" in Path(f"{report}.minisig").read_text()


def test_any_changed_byte_of_report_or_signature_is_refused(settings: Settings, report: Path) -> None:
    key = examine.signing_key(settings).public
    for path in (report, signature_of(report)):
        whole = path.read_bytes()
        first = whole.index(b"\n") + 1 if path != report else 0  # the untrusted comment is nobody's word
        for at in range(first, len(whole), 7):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(Refusal):
                verify(report, key)
        path.write_bytes(whole)
    verify(report, key)
    report.write_bytes(report.read_bytes().replace(b'"fails":0', b'"fails":1'))
    refused = doctor(settings, "verify", str(report))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_the_signature_of_another_sandbox_is_refused(
    settings: Settings, report: Path, tmp_path: Path
) -> None:
    other = public_word(SigningKey.create(tmp_path / "other.key").public)
    refused = doctor(settings, "verify", str(report), "--key", other)
    assert (refused.returncode, "by this key" in refused.stderr) == (1, True)
    refused = doctor(settings, "verify", str(report), "--key", "no key at all")
    assert (refused.returncode, "minisign" in refused.stderr) == (1, True)


def test_a_release_manifest_is_not_taken_for_a_report(settings: Settings, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(b'{"release":"x"}')
    signed = sign_file(manifest.read_bytes(), examine.signing_key(settings), trusted_comment="release x")
    Path(f"{manifest}.minisig").write_bytes(signed)
    refused = doctor(settings, "verify", str(manifest))
    assert (refused.returncode, "not a report" in refused.stderr) == (1, True)


def test_a_broken_promise_is_status_3_and_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    (settings.keys / "receipt.key").chmod(0o644)
    done = doctor(settings, "--only", "keys", "--json", "--output", str(tmp_path / "report"))
    assert done.returncode == 3
    (check,) = json.loads(done.stdout)["checks"]
    assert (check["result"], bool(check["remedy"])) == ("fails", True)


def test_an_unknown_check_is_named_with_those_there_are(settings: Settings) -> None:
    done = doctor(settings, "--only", "everything")
    assert done.returncode == 1
    assert "notebook-interfaces" in done.stderr
