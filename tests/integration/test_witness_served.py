"""A witness in a process of its own, asked over loopback by the log's own client."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

import pytest
from outside import Outside
from tornado.httpclient import HTTPClient, HTTPError
from witnesses import LOG_KEY, NAME, ORIGIN, Tree, cosigned, make_witness, running, served

from sandbox.audit import checkpoint
from sandbox.audit.checkpoint import Checkpoint
from sandbox.audit.cosignature import Cosigner, cosign
from sandbox.audit.keys import SigningKey
from sandbox.witness import client, memory
from sandbox.witness.client import WitnessRefused, ask
from sandbox.witness.memory import Memory
from sandbox.witness.request import LIMIT, Request

ONE, TWO = Tree("one", 300, 300), Tree("two", 90, 300)
LONG = Tree("one", 1_000, 1_000)
DYING = Path(__file__).parent / "dying_witness.py"


@pytest.fixture
def cosigner(tmp_path: Path) -> Cosigner:
    return make_witness(tmp_path / "witness")


@pytest.fixture
def url(cosigner: Cosigner, tmp_path: Path) -> Iterator[str]:
    del cosigner  # made before it is served
    with served(tmp_path / "witness") as address:
        yield address


def status(url: str, body: bytes) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request("POST", "/add-checkpoint", body=body)
    found = connection.getresponse().status
    connection.close()
    return found


def test_a_growing_log_is_cosigned_whatever_size_the_client_thinks_is_known(
    url: str, cosigner: Cosigner, outside: Outside, tmp_path: Path
) -> None:
    for size, known in ((1, 0), (64, 1), (64, 64), (255, 7), (256, 0), (257, 256), (300, 257)):
        found = cosigned(url, cosigner, ONE, size, known=known)
        (tmp_path / "note").write_bytes(ONE.note(size) + found.line.text().encode())
        assert outside.run("cosigned", tmp_path / "note", cosigner.text) == str(found.time)


def test_no_changed_byte_of_a_cosignature_is_accepted_outside(
    url: str, cosigner: Cosigner, outside: Outside, tmp_path: Path
) -> None:
    note = ONE.note(64) + cosigned(url, cosigner, ONE, 64).line.text().encode()
    line = note.rindex("—".encode())
    own = note.index(b"\n\n") + 2
    chance = random.Random(20_260_105)  # noqa: S311  # a repeatable choice, no secret
    for place in [*chance.sample(range(own), 60), *range(line, len(note))]:
        changed = bytearray(note)
        changed[place] ^= chance.randrange(1, 256)
        (tmp_path / "note").write_bytes(changed)
        assert outside.refuses("cosigned", tmp_path / "note", cosigner.text), place


def test_a_fork_is_refused_and_said_to_be_one(url: str, cosigner: Cosigner, tmp_path: Path) -> None:
    cosigned(url, cosigner, ONE, 200)
    for size in (200, 201, 300):
        for known in (0, 200):
            with pytest.raises(WitnessRefused, match="another history") as refused:
                cosigned(url, cosigner, TWO, size, known=known)
            assert refused.value.code == "witness-forked"
    assert len(memory.evidence(tmp_path / "witness")) == 1


def test_a_log_that_lost_entries_is_told_so(url: str, cosigner: Cosigner) -> None:
    cosigned(url, cosigner, ONE, 200)
    with pytest.raises(WitnessRefused, match="cosigned 200 entries of this log, which has 100") as refused:
        cosigned(url, cosigner, ONE, 100)
    assert refused.value.code == "witness-forked"


def test_a_witness_that_forgot_is_found_out(cosigner: Cosigner, tmp_path: Path) -> None:
    place = tmp_path / "witness"
    shutil.copytree(place, tmp_path / "backup")
    with served(place) as url:
        cosigned(url, cosigner, ONE, 200)
    with served(tmp_path / "backup") as url, pytest.raises(WitnessRefused, match="forgotten") as refused:
        cosigned(url, cosigner, ONE, 300, known=200)
    assert refused.value.code == "witness-forgot"


def test_every_refusal_of_a_witness_is_a_sentence(url: str, cosigner: Cosigner) -> None:
    stranger = Checkpoint(origin="example.org/other", size=3, root=bytes(32)).sign(LOG_KEY)
    forged = Tree("one", 300, 3, key=SigningKey.from_seed(bytes(32))).note(3)
    wrong = Cosigner(name=NAME, key=SigningKey.from_seed(bytes(32)).public)
    for note, asked, sentence in (
        (stranger, cosigner, "not told of this log"),
        (forged, cosigner, "by another key"),
        (ONE.note(3), wrong, "did not sign with the key"),
    ):
        with pytest.raises(WitnessRefused, match=sentence):
            ask(url, asked, note=note, known=0, prove=lambda _: ())
    with pytest.raises(WitnessRefused, match="does not answer") as refused:
        cosigned("http://127.0.0.1:9", cosigner, ONE, 3)
    assert refused.value.code == "witness-unreachable"


def test_a_witness_that_lies_is_not_believed(cosigner: Cosigner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that no honest witness gives, where they enter."""
    other = Tree("two", 0, 64)
    from_other = make_line(cosigner, other.note(64))
    for answer, sentence in (
        ((200, "", from_other), "does not hold|did not sign"),
        ((200, "", b""), "does not hold"),
        ((200, "", b"yes\n"), "does not hold"),
        ((409, "text/x.tlog.size", b"-1\n"), "without a size"),
        ((409, "text/x.tlog.size", b"0" * 5000), "without a size"),
        ((409, "text/x.tlog.size", b"9" * 25), "cosigned 9+ entries|without a size"),
        ((409, "text/html", b"5\n"), "another history"),
        ((302, "", b""), "status 302"),
        ((500, "", b""), "status 500"),
    ):
        monkeypatch.setattr(client, "_post", lambda *_, answer=answer: answer)
        with pytest.raises(WitnessRefused, match=sentence):
            cosigned("http://127.0.0.1:9", cosigner, ONE, 64)


def make_line(cosigner: Cosigner, note: bytes) -> bytes:
    text = checkpoint.parse(note).text()
    return cosign(text, name=cosigner.name, signer=SigningKey.from_seed(bytes(32)), time=1).text().encode()


def test_a_clock_far_ahead_is_not_believed(cosigner: Cosigner, tmp_path: Path) -> None:
    later = "import time; now = time.time; time.time = lambda: now() + 4e6"
    start = f"{later}; from sandbox.cli import main; main()"
    with (
        running("-c", start, "witness", "serve", tmp_path / "witness", "--port", "0") as (_, url),
        pytest.raises(WitnessRefused, match="ahead"),
    ):
        cosigned(url, cosigner, ONE, 3)


def test_many_at_once_are_cosigned_as_one_history(url: str, cosigner: Cosigner) -> None:
    def race(seed: int) -> list[tuple[int, Tree]]:
        chance, won = random.Random(seed), []  # noqa: S311  # a repeatable choice, no secret
        for _ in range(25):
            tree, size = chance.choice((ONE, TWO)), chance.randrange(91, 301)
            try:
                cosigned(url, cosigner, tree, size, known=0)
            except WitnessRefused:
                continue
            won.append((size, tree))
        return won

    with ThreadPoolExecutor(16) as pool:
        won = [one for some in pool.map(race, range(16)) for one in some]
    assert len(won) > 1
    assert len({id(tree) for _, tree in won}) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_witness_killed_at_its_record_never_cosigns_a_fork(
    cosigner: Cosigner, tmp_path: Path, moment: str
) -> None:
    place = tmp_path / "witness"
    with served(place) as url:
        cosigned(url, cosigner, ONE, 80)
    with running(DYING, place, moment) as (process, url):
        with pytest.raises(WitnessRefused, match="does not answer"):
            cosigned(url, cosigner, ONE, 200, known=80)
        assert process.wait(10) == -9
    with served(place) as url:
        if moment == "after":  # the record is there: the other history has no chance any more
            with pytest.raises(WitnessRefused, match="another history"):
                cosigned(url, cosigner, TWO, 250)
            cosigned(url, cosigner, ONE, 200)
        else:  # nothing was written and nothing left: both are still possible, but not both
            cosigned(url, cosigner, TWO, 250)
            with pytest.raises(WitnessRefused, match=r"another history|entries of this log"):
                cosigned(url, cosigner, ONE, 300)


def test_a_witness_killed_at_any_moment_remembers_all_that_it_said(
    cosigner: Cosigner, tmp_path: Path
) -> None:
    place, said = tmp_path / "witness", 0
    for moment in range(8):
        with running("-m", "sandbox.cli", "witness", "serve", place, "--port", "0") as (process, url):
            Timer(0.03 * (moment + 1), process.kill).start()
            with contextlib.suppress(WitnessRefused):
                for size in range(said + 1, 1_000):
                    cosigned(url, cosigner, LONG, size, known=said)
                    said = size
            assert process.wait(10) == -9
        opened = Memory(place)
        seen = opened.get(ORIGIN)
        opened.close()
        assert seen is not None
        assert said <= seen.size <= said + 1
        said = seen.size
    assert said > 8


def test_the_latest_checkpoint_is_there_for_everybody(url: str, cosigner: Cosigner) -> None:
    name = memory.Seen(origin=ORIGIN, key=LOG_KEY.public).name
    fetch = HTTPClient()
    for path, status_text in (("/", "404"), ("/checkpoint", "404"), ("/add-checkpoint", "405")):
        with pytest.raises(HTTPError, match=status_text):
            fetch.fetch(f"{url}{path}")
    with pytest.raises(HTTPError, match="404"):
        fetch.fetch(f"{url}/{name}/checkpoint")
    found = cosigned(url, cosigner, ONE, 64)
    body = fetch.fetch(f"{url}/{name}/checkpoint").body
    fetch.close()
    assert body == ONE.note(64) + found.line.text().encode()


def test_bodies_that_are_none_never_hurt(url: str, cosigner: Cosigner) -> None:
    chance = random.Random(20_260_106)  # noqa: S311  # a repeatable choice, no secret
    body = ONE.body(0, 64)
    for _ in range(300):
        changed = bytearray(body)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(body))] = chance.randrange(256)
        assert bytes(changed) == body or status(url, bytes(changed)) in {400, 403, 404, 409, 422}
    for sent in (b"", b"old 0\n\n", chance.randbytes(5_000), b"old " + b"9" * 6_000 + b"\n\n" + ONE.note(3)):
        assert status(url, sent) == 400
    assert status(url, b"x" * (LIMIT + 1)) == 400
    assert status(url, Request(old=0, path=(), note=ONE.note(64)).body()) == 200
    cosigned(url, cosigner, ONE, 65)


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox.cli", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("SANDBOX_")},
    )


@pytest.fixture
def refused_command() -> Callable[..., str]:
    def run(*words: str | Path) -> str:
        done = command(*words)
        assert done.returncode == 2, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr

    return run


def test_a_witness_is_made_served_and_shown_by_commands(
    tmp_path: Path, refused_command: Callable[..., str]
) -> None:
    place, key = tmp_path / "w", LOG_KEY.public.note_text(ORIGIN)
    made = command("witness", "init", place, "--name", NAME, "--log", key)
    cosigner = Cosigner.read(made.stdout.splitlines()[0])
    assert (place / "key").stat().st_mode & 0o777 == 0o600
    with served(place) as url:
        cosigned(url, cosigner, ONE, 64)
        cosigned(url, cosigner, ONE, 200)
        with pytest.raises(WitnessRefused):
            cosigned(url, cosigner, TWO, 200)
        assert "Another process" in refused_command("witness", "serve", place, "--port", "0")
        shown = command("witness", "show", place).stdout
    assert cosigner.text in shown
    assert f"{ORIGIN}: cosigned up to size 200 at 20" in shown
    assert "The log forked" in shown
    assert "not empty" in refused_command("witness", "init", place, "--name", NAME, "--log", key)
    assert "no witness" in refused_command("witness", "show", tmp_path / "nothing")
    assert "one word" in refused_command("witness", "init", tmp_path / "v", "--name", "a b", "--log", key)
    assert "name+id+key" in refused_command("witness", "init", tmp_path / "v", "--name", "a", "--log", "x")
