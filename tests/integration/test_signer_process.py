"""The log's key lives in a process of its own, which signs one history and outlives nothing it should not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import open_path

from sandbox.audit import checkpoint, merkle
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.signer import KeySigner
from sandbox.audit.signer_remote import RemoteSigner, answers
from sandbox.errors import StartupRefusal, Unavailable
from sandbox.governance.installation import Books, install, open_books
from sandbox.settings import Settings
from sandbox.signer.serve import Server

SAID = Event(kind=Kind.AUDIT_READ, actor="ana", subject="s")
SEED = bytes(32)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    install(settings)
    return settings


def start(settings: Settings, **identity: int) -> subprocess.Popen[bytes]:
    process: subprocess.Popen[bytes] = subprocess.Popen(
        [sys.executable, "-m", "sandbox.signer"],
        env={**os.environ, **settings.to_environment()},
        stderr=subprocess.PIPE,
        umask=0o007,
        extra_groups=[] if identity else None,
        **identity,  # type: ignore[call-overload]  # user and group
    )
    until = time.monotonic() + 20
    while not answers(settings.signer_socket):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            assert process.stderr is not None
            raise AssertionError(process.stderr.read().decode())
        time.sleep(0.02)
    return process


@contextmanager
def running(settings: Settings, **identity: int) -> Iterator[subprocess.Popen[bytes]]:
    process = start(settings, **identity)
    try:
        yield process
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=10)
        assert errors == b""


@contextmanager
def opened(settings: Settings) -> Iterator[Books]:
    books = open_books(settings)
    try:
        yield books
    finally:
        books.close()


def test_the_log_is_signed_by_the_process_and_by_nobody_else(settings: Settings) -> None:
    with running(settings), opened(settings) as books:
        assert [books.log.append(SAID) for _ in range(3)] == [0, 1, 2]
        status = books.log.status()
        assert checkpoint.read(status.checkpoint, origin=books.log.origin, key=books.log.key).size == 3
    assert not settings.signer_socket.exists(), "it cleans up behind itself"
    with opened(settings) as books:
        assert books.log.append(SAID) == 3
        assert books.log.status().key == status.key


def test_a_signer_that_was_killed_goes_on_after_a_restart_and_nothing_is_answered_meanwhile(
    settings: Settings,
) -> None:
    first = start(settings)
    with opened(settings) as books:
        books.log.append(SAID)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        with pytest.raises(Unavailable, match="signer"):
            books.log.append(SAID)
        with running(settings):
            books.log.append(SAID)
            assert books.log.check_start().size == 3


def test_a_signer_that_hangs_is_given_up_in_time(settings: Settings) -> None:
    with running(settings) as process:
        books = open_books(Settings(home=settings.home, commit_deadline=0.5))
        books.log.append(SAID)
        process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(Unavailable):
            books.log.append(SAID)
        assert time.monotonic() - started < 5
        process.send_signal(signal.SIGCONT)
        books.log.append(SAID)
        assert books.log.check_start().size == 3
        books.close()


def test_a_log_set_back_behind_its_signer_does_not_start(settings: Settings) -> None:
    with running(settings):
        with opened(settings) as books:
            books.log.append(SAID)
        kept = {path: path.read_bytes() for path in (settings.home / "state").iterdir()}
        with opened(settings) as books:
            books.log.append(SAID)
        for path in (settings.home / "state").iterdir():
            path.unlink()
        for path, content in kept.items():
            path.write_bytes(content)
            path.chmod(0o600)
        with pytest.raises(StartupRefusal, match="has lost"):
            open_books(settings)


def test_two_histories_told_to_one_signer_give_one(tmp_path: Path) -> None:
    with served(tmp_path) as (path, key):
        honest, forger = (RemoteSigner(path, key_text=key) for _ in range(2))
        theirs = [bytes([number]) * 32 for number in range(8)]
        others = [bytes([99]) * 32, *theirs[1:]]
        note = honest.sign(5, lambda first, end: theirs[first:end])
        assert forger.sign(5, lambda first, end: others[first:end]) == note
        tree = merkle.Frontier()
        for one in [*theirs[:5], *others[5:8]]:
            tree.push_hash(one)
        assert checkpoint.parse(forger.sign(8, lambda first, end: others[first:end])).root == tree.root()
        honest.close()
        forger.close()


@pytest.mark.parametrize("message", [b"\0" * 7, b"\0" * 9, b"\xff" * 40, b"\0" * 8 + b"x" * 33])
def test_a_message_that_is_none_closes_the_connection_and_signs_nothing(
    tmp_path: Path, message: bytes
) -> None:
    with served(tmp_path) as (path, key):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(5)
            stranger.connect(str(path))
            stranger.sendall(len(message).to_bytes(4) + message)
            stranger.shutdown(socket.SHUT_WR)
            assert b"\xe2\x80\x94" not in stranger.recv(1000), "no signature"
        asking = RemoteSigner(path, key_text=key)
        assert checkpoint.parse(asking.sign(1, lambda _first, _end: [bytes(32)])).size == 1
        asking.close()


def test_a_length_beyond_any_message_is_not_waited_for(tmp_path: Path) -> None:
    with served(tmp_path) as (path, _), socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(5)
        stranger.connect(str(path))
        stranger.sendall(b"\xff\xff\xff\xff")
        assert stranger.recv(1) == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
def test_each_user_reaches_only_what_is_theirs(settings: Settings) -> None:
    open_path(settings.home)
    settings.home.chmod(0o711)
    with opened(settings) as books:
        books.log.append(SAID)
    for path in (settings.home / "state").iterdir():
        os.chown(path, settings.gateway_uid, settings.gateway_uid)
    identity = {"user": settings.signer_uid, "group": settings.signer_uid}
    with running(settings, **identity):
        for uid, expected in ((settings.gateway_uid, b"yes"), (settings.door_uid, b"no")):
            code = f"import socket; socket.socket(socket.AF_UNIX).connect({str(settings.signer_socket)!r})"
            done = subprocess.run(
                [sys.executable, "-c", code],
                user=uid,
                group=uid,
                extra_groups=[],
                capture_output=True,
                check=False,
            )
            assert (b"yes" if done.returncode == 0 else b"no") == expected, done.stderr
        for path in (settings.signer_key, settings.signer_state):
            done = subprocess.run(
                ["cat", path], user=settings.gateway_uid, group=settings.gateway_uid, extra_groups=[],
                capture_output=True, check=False,
            )  # fmt: skip
            assert b"Permission denied" in done.stderr
        code = (
            "import sandbox.governance.installation as i; import sandbox.settings as s; "
            "i.open_books(s.Settings.from_environment())"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], user=settings.gateway_uid, group=settings.gateway_uid,
            extra_groups=[], env={**os.environ, **settings.to_environment()},
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        with opened(settings) as books:
            books.log.append(SAID)


@contextmanager
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Run a signer in a thread; give its socket and its public key."""
    key = SigningKey.from_seed(SEED)
    signer = KeySigner(key, state=tmp_path / "signed")
    with Server(tmp_path / "s.sock", signer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield tmp_path / "s.sock", key.public.note_text(signer.origin)
        server.shutdown()
        thread.join()
    signer.close()
