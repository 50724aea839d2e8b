"""A C2SP witness, log client and verifier by others, on both sides of ours."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from witnesses import LOG_KEY, ORIGIN, Tree, cosigned, make_witness, served

from sandbox.audit import tiles
from sandbox.audit.cosignature import Cosigner, cosign
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.settings import Settings
from sandbox.store.engine import open_state
from sandbox.witness.client import WitnessRefused

REQUIREMENTS = Path(__file__).parents[1] / "witness_peer.txt"
NEEDED = (3, 12)
FEED = """
import sys
from aics_tlog import MerkleTree
from aics_witness.feeder import WitnessClient
url, key, size, known = sys.argv[1:3] + [int(word) for word in sys.argv[3:5]]
tree = MerkleTree([f"leaf {number} of all".encode() for number in range(size)])
prove = lambda old, new: tree.consistency_proof(old, new)
print(WitnessClient(url, key).submit(sys.stdin.buffer.read(), prove, old_size=known), end="")
"""
ONE, TWO = Tree("one", 300, 300), Tree("two", 90, 300)  # FEED makes the leaves of the first
LOG = LOG_KEY.public.note_text(ORIGIN)


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the peer; skipped only where it cannot be installed."""
    names = [shutil.which(f"python3.{minor}") for minor in (12, 13)]
    kept = sorted(Path.home().glob(".pyenv/versions/3.1[23]*/bin/python3"))
    probe = f"import sys, ensurepip; sys.exit(sys.version_info[:2] < {NEEDED})"
    for candidate in (sys.executable, *filter(None, names), *map(str, kept)):
        if subprocess.run([candidate, "-c", probe], check=False, capture_output=True).returncode == 0:
            place = tmp_path_factory.mktemp("peer")
            subprocess.run([candidate, "-m", "venv", str(place)], check=True)
            pip = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)]
            if subprocess.run(pip, check=False).returncode:
                pytest.skip("the peer's packages could not be installed")
            return place / "bin"
    pytest.skip("the peer needs Python 3.12 or newer; none was found")


def run(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(word) for word in words], input=stdin, capture_output=True, check=False, timeout=60
    )


def accepted(*words: str | Path, stdin: bytes = b"") -> str:
    done = run(*words, stdin=stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode()


@pytest.fixture
def their_witness(peer: Path, tmp_path: Path) -> Iterator[tuple[str, Cosigner]]:
    """Their witness of our log, served; its address and key."""
    words = [str(peer / "aics-witness")]
    config = ["--config", str(tmp_path / "witness.json")]
    key = accepted(*words, "init", *config, "--name", "peer.example").strip().splitlines()[-1]
    accepted(*words, "add-log", *config, "--origin", ORIGIN, "--vkey", LOG)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([*words, "serve", *config, "--listen", f"127.0.0.1:{port}"]) as process:
        try:
            for _ in range(100):
                time.sleep(0.1)
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
            yield f"http://127.0.0.1:{port}", Cosigner.read(key)
        finally:
            process.kill()


def test_their_witness_cosigns_our_log_and_no_fork_of_it(
    their_witness: tuple[str, Cosigner], peer: Path, tmp_path: Path
) -> None:
    url, cosigner = their_witness
    for size, known in ((1, 0), (64, 1), (90, 0), (200, 90), (200, 200), (256, 0)):
        found = cosigned(url, cosigner, ONE, size, known=known)
        (tmp_path / "note").write_bytes(ONE.note(size) + found.line.text().encode())
        checked = ("--log-key", LOG, "--witness-key", cosigner.text, "--quorum", "1", "--max-age", "60")
        accepted(peer / "aics-tlog", "verify-checkpoint", "--note", tmp_path / "note", *checked)
    for size in (256, 300):
        with pytest.raises(WitnessRefused, match="another history") as refused:
            cosigned(url, cosigner, TWO, size)
        assert refused.value.code == "witness-forked"
    forged = Tree("one", 300, 257, key=SigningKey.from_seed(bytes(32)))
    with pytest.raises(WitnessRefused, match="by another key"):
        cosigned(url, cosigner, forged, 257)


def test_our_witness_cosigns_for_their_client_and_no_fork(peer: Path, tmp_path: Path) -> None:
    cosigner = make_witness(tmp_path / "witness")
    with served(tmp_path / "witness") as url:
        for size, known in ((1, 0), (64, 1), (90, 64), (255, 0), (256, 255), (256, 256), (300, 3)):
            words = (peer / "python", "-c", FEED, url, cosigner.text, str(size), str(known))
            line = accepted(*words, stdin=ONE.note(size))
            assert cosigner.find(ONE.note(size) + line.encode()) is not None
        words = (peer / "python", "-c", FEED, url, cosigner.text, "300", "300")
        assert b"WitnessRejected" in run(*words, stdin=TWO.note(300)).stderr


def test_their_verifier_accepts_our_export_and_its_cosignature(peer: Path, tmp_path: Path) -> None:
    engine = open_state(Settings(home=tmp_path))
    log = Log(engine, signer=KeySigner(LOG_KEY), private_key=bytes(32))
    witness = Cosigner(name="officer.example", key=SigningKey.from_seed(b"\x41" * 32).public)
    for count in (100, 170):
        with log.writing() as tx:
            for number in range(count):
                tx.append(Event(kind=Kind.LOGIN, actor="ana", subject=f"s{number}"))
        status = log.status()
        text = status.checkpoint.decode().rpartition("\n\n")[0] + "\n"
        line = cosign(
            text, name=witness.name, signer=SigningKey.from_seed(b"\x41" * 32), time=int(time.time())
        )
        tiles.export(log, tmp_path / "folder", cosigned=status.checkpoint + line.text().encode())
        shutil.copy(tmp_path / "folder" / "checkpoint", tmp_path / f"checkpoint-{count}")
    key = ("--log-key", log.status().key, "--witness-key", witness.text, "--quorum", "1", "--max-age", "600")
    folder = ("--tiles", tmp_path / "folder", *key)
    tlog = peer / "aics-tlog"
    accepted(tlog, "verify-checkpoint", *folder)
    for seq in (0, 255, 256, 269):
        accepted(tlog, "verify-inclusion", "--index", str(seq), "--entry-out", tmp_path / "entry", *folder)
        assert (tmp_path / "entry").read_bytes() == log.leaf(seq)
    accepted(tlog, "verify-consistency", "--old-checkpoint", tmp_path / "checkpoint-100", *folder)
    data = bytearray((tmp_path / "folder/tile/entries/000").read_bytes())
    data[40] ^= 1
    (tmp_path / "folder/tile/entries/000").write_bytes(data)
    assert run(tlog, "verify-inclusion", "--index", "0", *folder).returncode != 0
    engine.dispose()
