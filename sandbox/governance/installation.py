"""The directories, keys and database a sandbox needs before its first question.

Guarantees: every secret is a file of mode 0600 made here and nowhere else; running it again changes
nothing that exists; where the sandbox is started as root, each part owns only what it needs (the
registrar the raw data and its seeds, the gateway the keys and the state, nobody both).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from sandbox import freezes
from sandbox.audit.checkpoint import DEFAULT_ORIGIN
from sandbox.audit.keys import SigningKey, create_secret, load_secret
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner, Signer
from sandbox.audit.signer_remote import RemoteSigner, answers
from sandbox.audit.sinks import Sinks, leaves_of
from sandbox.clock import SteadyClock
from sandbox.errors import Refusal, StartupRefusal
from sandbox.ledger.books import check_books
from sandbox.policy.load import load_keeping
from sandbox.settings import Settings
from sandbox.store.engine import open_state

RECEIPT_KEY = "receipt.key"
RELEASE_KEY = "release.key"
PRIVATE_KEY = "private.key"
HUB_TOKEN = "gateway-hub-token"  # noqa: S105  # a file's name, not a secret
TOKEN_BYTES = 32
SIGNING_KEYS = (RECEIPT_KEY, RELEASE_KEY)


@dataclass(frozen=True, slots=True)
class Owners:
    """uids of the parts; all equal to the present uid where the sandbox is not started as root."""

    gateway: int
    registrar: int
    door: int
    signer: int

    @classmethod
    def of(cls, settings: Settings) -> Owners:
        """Return who owns what under the present user."""
        if os.geteuid() == 0:
            return cls(settings.gateway_uid, settings.registrar_uid, settings.door_uid, settings.signer_uid)
        return cls(*[os.geteuid()] * 4)


def install(settings: Settings) -> None:
    """Make what is missing under ``settings.home``; leave what is there.

    Raises:
        StartupRefusal: a directory cannot be made or the database is not fit to be written.
    """
    owners = Owners.of(settings)
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        _directory(settings.keys, 0o700, owners.gateway)
        _directory(settings.home / "state", 0o700, owners.gateway)
        _directory(settings.raw, 0o700, owners.registrar)
        _directory(settings.seeds, 0o700, owners.registrar)
        _directory(settings.bounded, 0o750, owners.registrar, owners.gateway)
        _directory(settings.run, 0o755, os.geteuid())
        if settings.run.is_symlink() or settings.run.stat().st_uid != os.geteuid():
            raise StartupRefusal(
                f"{settings.run} belongs to somebody else; set SANDBOX_HOME to a shorter path."
            )
        # Set-gid: what the gateway makes there belongs to the door's group.
        _directory(settings.gateway_socket.parent, 0o2750, owners.gateway, owners.door)
        _directory(settings.signer_socket.parent, 0o2750, owners.signer, owners.gateway)
        if settings.isolation == "starter":
            _directory(settings.starter_socket.parent, 0o2750, os.geteuid(), owners.gateway)
        _install_signer(settings, owners.signer)
        for name in SIGNING_KEYS:
            _make(settings.keys / name, owners.gateway, SigningKey.create)
        _make(settings.keys / PRIVATE_KEY, owners.gateway, create_secret)
        _make(settings.keys / HUB_TOKEN, owners.gateway, _create_token)
    except OSError as error:
        raise StartupRefusal(f"{settings.home} cannot be set up: {error.strerror}.") from error
    open_state(settings).dispose()
    _own_state(settings.home / "state", owners.gateway)


def _install_signer(settings: Settings, uid: int) -> None:
    key, earlier = settings.signer_key, settings.keys / settings.signer_key.name
    _directory(key.parent, 0o700, uid)
    if earlier.exists() and not key.exists():  # of a version whose gateway signed by itself
        earlier.rename(key)
        _own(key, uid)
    _make(key, uid, SigningKey.create)
    _make(settings.signer_state, uid, _create_empty)
    if not settings.log_public_key.exists():
        public = SigningKey.load(key).public
        settings.log_public_key.write_text(f"{public.note_text(DEFAULT_ORIGIN)}\n", encoding="ascii")


def seed_file(settings: Settings, dataset: str) -> Path:
    """Return the registrar's secret for ``dataset``, made at first use."""
    path = settings.seeds / f"{dataset}.seed"
    _make(path, Owners.of(settings).registrar, create_secret)
    return path


@dataclass(frozen=True, slots=True)
class Books:
    """The opened state: database and log, and the time of what is decided and recorded."""

    engine: Engine
    log: Log
    clock: SteadyClock

    def close(self) -> None:
        """Give back the database and the signer; nothing can be written afterwards."""
        self.log.close()
        self.engine.dispose()


def open_books(settings: Settings) -> Books:
    """Open database and log, and prove that they agree before anything is written.

    Their time is never before the newest record's, also where the system's clock was set back meanwhile.

    Raises:
        StartupRefusal: a key is missing or wrong, the database is weaker than required, or the log
            does not match its last checkpoint.
    """
    if not settings.keys.is_dir():
        raise StartupRefusal(f"{settings.home} holds no sandbox; run `sandbox init` first.")
    private = load_secret(settings.keys / PRIVATE_KEY)
    signer = open_signer(settings)
    sinks = Sinks(
        load_keeping(settings.policies).specs, state=settings.sinks, deadline=settings.commit_deadline
    )
    engine = open_state(settings)
    clock = SteadyClock()
    log = Log(
        engine,
        signer=signer,
        private_key=private,
        sinks=sinks,
        commit_deadline=settings.commit_deadline,
        clock=clock,
    )
    books = Books(engine, log, clock)
    try:
        newest = log.check_start().checkpoint_at
        if newest:
            clock.not_before(datetime.fromisoformat(newest))
        sinks.catch_up(leaves_of(log.reading))
        with log.reading() as connection:
            check_books(connection)
            freezes.check_agrees(connection)
    except Refusal as error:
        books.close()
        raise StartupRefusal(error.sentence) from error
    except BaseException:
        books.close()
        raise
    return books


def open_signer(settings: Settings) -> Signer:
    """Return the signer of the log: the one that runs, or, for who may read its key, one in this process.

    Raises:
        StartupRefusal: none runs and the key is not for this user.
    """
    if answers(settings.signer_socket):
        try:
            text = settings.log_public_key.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise StartupRefusal(f"{settings.log_public_key} cannot be read.") from error
        return RemoteSigner(
            settings.signer_socket,
            key_text=text,
            uids=(settings.signer_uid,),
            wait=settings.commit_deadline,
        )
    if not os.access(settings.signer_key.parent, os.R_OK | os.X_OK):
        raise StartupRefusal("The log's signer does not answer; `sandbox up` starts it before the gateway.")
    return KeySigner(SigningKey.load(settings.signer_key), state=settings.signer_state)


def _directory(path: Path, mode: int, uid: int, gid: int | None = None) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, uid, uid if gid is None else gid)


def _make(path: Path, uid: int, write: Callable[[Path], object]) -> None:
    if path.exists():
        return
    write(path)
    _own(path, uid)


def _own(path: Path, uid: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, uid, uid)


def _create_empty(path: Path) -> None:
    path.touch(mode=0o600, exist_ok=False)


def _create_token(path: Path) -> None:
    # Text, because JupyterHub wants its service tokens so.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(TOKEN_BYTES))


def _own_state(directory: Path, uid: int) -> None:
    if os.geteuid() == 0:
        for path in directory.iterdir():
            os.chown(path, uid, uid)
