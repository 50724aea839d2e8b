"""The log has its checkpoints cosigned, keeps what was said, and hands it out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from outside import Outside
from witnesses import served

from sandbox.audit import tiles, verify
from sandbox.audit.cosignature import Cosigner
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.audit.verify import VerificationFailed
from sandbox.errors import Refusal
from sandbox.gateway import Gateway
from sandbox.policy.load import PolicyMistakes, load_witnesses
from sandbox.policy.witnesses import WitnessPolicy
from sandbox.settings import Settings
from sandbox.store import tables
from sandbox.store.engine import open_state
from sandbox.witness import cosigning, memory

Run = Callable[..., subprocess.CompletedProcess[str]]


def watching(gateway: Gateway, place: Path) -> Cosigner:
    """Make a witness of the gateway's log."""
    log = gateway.books.log
    return memory.create(place, name="officer.example", logs={log.origin: log.key})


def named(url: str, cosigner: Cosigner) -> dict[str, WitnessPolicy]:
    return {"officer": WitnessPolicy(name="officer", url=url, key=cosigner.text)}


def grow(gateway: Gateway, count: int) -> None:
    for number in range(count):
        gateway.books.log.append(Event(kind=Kind.LOGIN, actor="ana", subject=f"s{number}"))


def test_a_growing_log_is_witnessed_and_its_export_says_so_to_everybody(
    gateway: Gateway, tmp_path: Path, outside: Outside
) -> None:
    log, cosigner = gateway.books.log, watching(gateway, tmp_path / "witness")
    with served(tmp_path / "witness") as url:
        witnesses = named(url, cosigner)
        (never,) = cosigning.standings(log, witnesses)
        assert never.sentence == "never witnessed by officer"
        for _ in range(2):
            grow(gateway, 7)
            cosigning.submit(log, witnesses)
        grow(gateway, 7)
        note, (standing,) = cosigning.submit(log, witnesses)
        assert standing.size == log.status().size
        assert standing.sentence == f"witnessed up to size {standing.size} at {standing.at} by officer"
        grow(gateway, 2)  # nobody has seen these
    assert cosigning.standings(log, witnesses) == [standing]
    assert tiles.export(log, tmp_path / "folder", cosigned=note) == standing.size
    key = log.status().key
    found = verify.verify(tmp_path / "folder", key, witnesses=[cosigner.text])
    assert found.witnessed == (f"officer.example at {standing.at}",)
    outside.run("folder", tmp_path / "folder", key)
    outside.run("cosigned", tmp_path / "folder" / "checkpoint", cosigner.text)


def test_the_recipe_for_openssl_alone_verifies_both_signatures_and_no_changed_one(
    gateway: Gateway, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "verify.md").read_text()
    (recipe,) = re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL)
    log, cosigner = gateway.books.log, watching(gateway, tmp_path / "witness")
    with served(tmp_path / "witness") as url:
        cosigned, _ = cosigning.submit(log, named(url, cosigner))
    tiles.export(log, tmp_path / "folder", cosigned=cosigned)
    shutil.copy(tmp_path / "witness" / "witness.pub", tmp_path / "folder")

    def verdicts() -> list[str]:
        done = subprocess.run(
            ["bash", "-c", recipe], cwd=tmp_path / "folder", capture_output=True, text=True, check=False
        )
        return re.findall(r"Signature \w+ \w+", done.stdout)

    assert verdicts() == ["Signature Verified Successfully"] * 2
    size = f"\n{log.status().size}\n".encode()
    (tmp_path / "folder" / "checkpoint").write_bytes(cosigned.replace(size, b"\n9999\n", 1))
    assert verdicts() == ["Signature Verification Failure"] * 2


def test_a_log_that_goes_on_after_its_database_was_rolled_back_is_found_out(
    gateway: Gateway, settings: Settings, tmp_path: Path
) -> None:
    """What no check of the log alone can show: with the keys, its owner makes another whole history."""
    cosigner = watching(gateway, tmp_path / "witness")
    shutil.copytree(settings.home, tmp_path / "before")
    with served(tmp_path / "witness") as url:
        grow(gateway, 5)
        cosigning.submit(gateway.books.log, named(url, cosigner))
        before = tmp_path / "before"
        restored = Gateway.open(Settings(home=before, raw=before / "raw", policies=settings.policies))
        grow(restored, 9)
        assert restored.books.log.check_start().size > 5  # by itself it is whole
        _, (standing,) = cosigning.submit(restored.books.log, named(url, cosigner))
        restored.close()
    assert standing.forked
    assert "another history" in standing.problem


def test_what_was_said_is_kept_in_either_database(state: Settings, tmp_path: Path) -> None:
    engine = open_state(state)
    log = Log(engine, signer=KeySigner(SigningKey.from_seed(b"\x51" * 32)), private_key=bytes(32))
    place = tmp_path / "witness"
    cosigner = memory.create(place, name="officer.example", logs={log.origin: log.key})
    with served(place) as url:
        for size in (1, 2, 2):
            while log.status().size < size:
                log.append(Event(kind=Kind.LOGIN, actor="ana", subject="ana"))
            _, (standing,) = cosigning.submit(log, named(url, cosigner))
            assert (standing.size, standing.problem) == (size, "")
    with log.reading() as connection:
        assert list(connection.scalars(tables.cosignature.select())) == [1, 2]
    engine.dispose()


def test_a_witness_that_is_away_stops_neither_the_log_nor_the_other_witness(
    gateway: Gateway, tmp_path: Path
) -> None:
    log, cosigner = gateway.books.log, watching(gateway, tmp_path / "witness")
    gone = SigningKey.from_seed(bytes(32)).public
    with served(tmp_path / "witness") as url:
        away = Cosigner(name="gone.example", key=gone)
        both = named("http://127.0.0.1:9", away) | {"second": named(url, cosigner)["officer"]}
        note, (first, second) = cosigning.submit(log, both)
    assert "does not answer" in first.problem
    assert not first.forked
    assert (second.size, second.problem) == (log.status().size, "")
    assert cosigner.find(note)
    assert away.find(note) is None


def test_a_kept_row_that_was_touched_is_not_believed(gateway: Gateway, tmp_path: Path) -> None:
    log, cosigner = gateway.books.log, watching(gateway, tmp_path / "witness")
    with served(tmp_path / "witness") as url:
        note, _ = cosigning.submit(log, named(url, cosigner))
    row = {"size": 9_999, "witness": f"{cosigner.name}+{cosigner.key_id.hex()}", "note": note, "at": "never"}
    with log.writing() as transaction:
        transaction.connection.execute(tables.cosignature.insert().values(row))
    with pytest.raises(Refusal, match="not one it gave"):
        cosigning.standings(log, named("http://127.0.0.1:9", cosigner))
    with pytest.raises(Refusal, match="not one it gave"):
        cosigning.submit(log, named("http://127.0.0.1:9", cosigner))


def test_who_asks_for_a_witness_gets_it_or_a_refusal(gateway: Gateway, tmp_path: Path) -> None:
    log, cosigner = gateway.books.log, watching(gateway, tmp_path / "witness")
    with served(tmp_path / "witness") as url:
        cosigned, _ = cosigning.submit(log, named(url, cosigner))
    tiles.export(log, tmp_path / "folder", cosigned=cosigned)
    other = Cosigner(name="other.example", key=cosigner.key).text
    for witness, why in (
        (other, "did not cosign"),
        ("nonsense", "key"),
        (log.status().key, "name\\+id\\+key"),
    ):
        with pytest.raises(VerificationFailed, match=why):
            verify.verify(tmp_path / "folder", witnesses=[cosigner.text, witness])
    checkpoint = tmp_path / "folder" / "checkpoint"
    line = len(cosigned) - cosigned.rindex("—".encode())
    for place in range(len(cosigned) - line, len(cosigned)):
        changed = bytearray(cosigned)
        changed[place] ^= 1
        checkpoint.write_bytes(changed)
        with pytest.raises(VerificationFailed):
            verify.verify(tmp_path / "folder", witnesses=[cosigner.text])
    checkpoint.write_bytes(cosigned[:-line])
    with pytest.raises(VerificationFailed, match="did not cosign"):
        verify.verify(tmp_path / "folder", witnesses=[cosigner.text])
    verify.verify(tmp_path / "folder")


def test_an_older_checkpoint_shows_that_the_log_only_grew(gateway: Gateway, tmp_path: Path) -> None:
    log = gateway.books.log
    tiles.export(log, tmp_path / "folder")
    older = (tmp_path / "folder" / "checkpoint").read_bytes()
    grow(gateway, 300)
    tiles.export(log, tmp_path / "folder")
    newer = (tmp_path / "folder" / "checkpoint").read_bytes()
    for since in (older, newer):
        verify.verify(tmp_path / "folder", since=since)
    with pytest.raises(VerificationFailed, match="older checkpoint"):
        verify.verify(tmp_path / "folder", since=b"")
    shutil.rmtree(tmp_path / "folder")
    grow(gateway, 1)
    tiles.export(log, tmp_path / "folder", cosigned=older)
    with pytest.raises(VerificationFailed, match="does not begin"):
        verify.verify(tmp_path / "folder", since=newer)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[witnesses.a]\nurl = "http://a"\n', "key"),
        ('[witnesses.a]\nurl = "ftp://a"\nkey = "KEY"\n', "address"),
        ('[witnesses.a]\nurl = "http://a:b/"\nkey = "KEY"\n', "address"),
        ('[witnesses.a]\nurl = "http://ä/"\nkey = "KEY"\n', "address"),
        ('[witnesses.a]\nurl = "http://a/ b"\nkey = "KEY"\n', "address"),
        ('[witnesses.a]\nurl = "http://me:secret@a"\nkey = "KEY"\n', "address"),
        ('[witnesses.a]\nurl = "http://a"\nkey = "example.org/log+00000000+AAAA"\n', "verifier key"),
        ('[witnesses.a]\nurl = "http://a"\nkey = "KEY"\nquorum = 1\n', "quorum"),
        ('[witness.a]\nurl = "http://a"\nkey = "KEY"\n', "witnesses"),
        ("[witnesses", "TOML"),
    ],
)
def test_a_mistake_in_the_file_of_witnesses_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    key = Cosigner(name="a", key=SigningKey.from_seed(bytes(32)).public).text
    (tmp_path / "witnesses.toml").write_text(text.replace("KEY", key))
    with pytest.raises(PolicyMistakes, match=sentence):
        load_witnesses(tmp_path)


def test_no_file_names_no_witness(tmp_path: Path) -> None:
    assert load_witnesses(tmp_path) == {}


@pytest.fixture
def sandbox(settings: Settings, tmp_path: Path) -> Run:
    """Run ``sandbox`` as the officer, with policies of its own."""
    policies = shutil.copytree(settings.policies, tmp_path / "policies")
    environment = {
        **os.environ,
        "SANDBOX_HOME": str(settings.home),
        "SANDBOX_RAW": str(settings.raw),
        "SANDBOX_POLICIES": str(policies),
    }

    def run(*words: str | Path, account: str = "olaf") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sandbox.cli", *map(str, words)],
            env={**environment, "SANDBOX_ACCOUNT": account},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_an_officer_does_it_all_in_a_terminal(sandbox: Run, tmp_path: Path) -> None:
    assert "no witness: a fork cannot be noticed" in sandbox("audit", "witness").stdout
    folder, place = tmp_path / "folder", tmp_path / "witness"
    exported = sandbox("audit", "export", folder)
    assert exported.returncode == 0, exported.stderr
    older = Path(shutil.copy(folder / "checkpoint", tmp_path / "older"))
    key = (folder / "log.pub").read_text().strip()
    made = sandbox("witness", "init", place, "--name", "officer.example", "--log", key)
    witness = made.stdout.splitlines()[0]
    with served(place) as url:
        named = f'[witnesses.officer]\nurl = "{url}"\nkey = "{witness}"\n'
        (tmp_path / "policies" / "witnesses.toml").write_text(named)
        assert sandbox("audit", "witness", "--show").stdout == "never witnessed by officer\n"
        asked = sandbox("audit", "witness")
        assert asked.returncode == 0, asked.stderr
        assert asked.stdout.startswith("witnessed up to size ")
        assert sandbox("audit", "witness", account="ana").returncode == 1
        assert sandbox("audit", "export", folder).returncode == 0
    verified = sandbox("audit", "verify", folder, "--key", key, "--witness", witness, "--since", older)
    assert verified.returncode == 0, verified.stderr
    assert "cosigned by officer.example at 20" in verified.stdout
    assert "begins with the older checkpoint" in verified.stdout
    away = sandbox("audit", "witness", "--json")
    assert away.returncode == 1
    assert "does not answer" in json.loads(away.stdout)[0]["problem"]
    assert sandbox("audit", "export", folder).returncode == 0  # the log's word still goes out
    refused = sandbox("audit", "verify", folder, "--witness", witness)
    assert refused.returncode == 1
    assert "did not cosign" in refused.stderr
