"""What a witness must never forget: for each log the largest tree it cosigned.

A directory of its own::

    key            32 secret bytes, mode 0600
    witness.pub    the verifier key name+id+key, for the log's side and for everybody who verifies
    logs/HASH      one log: its key, size, root, time and cosigned checkpoint; canonical JSON
    evidence/HASH  two trees of one size, both signed by the log: proof that it forked

A witness that forgot a size could be made to cosign another history below it. So a record is written
to a new file, brought to the disk, and put in the place of the old one before the cosignature
leaves; a record that is missing or damaged stops the start; and one process at a time holds the
directory. Whoever restores it from a backup makes the witness forget: then it needs a new name and key.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sandbox import canonical
from sandbox.audit import checkpoint, merkle
from sandbox.audit.cosignature import Cosigner
from sandbox.audit.keys import SigningKey, VerifyKey, read_note_key
from sandbox.errors import Refusal, StartupRefusal

KEY, PUBLIC, LOGS, EVIDENCE = "key", "witness.pub", "logs", "evidence"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The largest tree of one log that was cosigned; size 0 and no note before the first."""

    origin: str
    """Name of the log."""
    key: VerifyKey
    """Its key."""
    size: int = 0
    """Number of leaves."""
    root: bytes = merkle.EMPTY_ROOT
    """Root of the tree."""
    time: int = 0
    """When it was last cosigned, in seconds since 1970."""
    note: bytes = b""
    """The checkpoint with the log's signature and ours."""

    @property
    def name(self) -> str:
        """Name of its file, and of the log in the witness's addresses."""
        return hashlib.sha256(self.origin.encode()).hexdigest()

    @property
    def at(self) -> str:
        """The time for people, UTC, ISO 8601; empty for never."""
        return datetime.fromtimestamp(self.time, UTC).isoformat() if self.note else ""

    def record(self) -> bytes:
        """Return the bytes of its file."""
        return canonical.encode(
            {
                "log": self.key.note_text(self.origin),
                "size": self.size,
                "root": base64.b64encode(self.root).decode(),
                "time": self.time,
                "note": self.note.decode(),
            }
        )


def read_record(data: bytes, cosigner: Cosigner, *, name: str) -> Seen:
    """Read what :meth:`Seen.record` wrote to the file ``name``, and check it against the cosigned note.

    Raises:
        ValueError, KeyError, Refusal: it is something else.
    """
    document = canonical.decode(data)
    origin, key = read_note_key(document["log"])
    root = base64.b64decode(document["root"], validate=True)
    seen = Seen(
        origin=origin,
        key=key,
        size=document["size"],
        root=root,
        time=document["time"],
        note=document["note"].encode(),
    )
    if seen.name != name:
        raise ValueError("the record of another log")
    if not seen.note:
        if seen != Seen(origin=origin, key=key):
            raise ValueError("a size without the note that was cosigned")
        return seen
    head, ours = checkpoint.read(seen.note, origin=origin, key=key), cosigner.find(seen.note)
    if (head.size, head.root) != (seen.size, seen.root) or ours is None or ours.time != seen.time:
        raise ValueError("another size than that of the note that was cosigned")
    return seen


def create(directory: Path, *, name: str, logs: Mapping[str, VerifyKey]) -> Cosigner:
    """Make a witness that has seen nothing yet: its key, and an empty record for each log.

    Raises:
        StartupRefusal: the directory holds something already, or cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise StartupRefusal(
                f"The directory {directory} is not empty. A witness is never made again over an old one: "
                "it would have forgotten what it cosigned. Name a new directory."
            )
        for folder in (LOGS, EVIDENCE):
            (directory / folder).mkdir(mode=0o700)
        for origin, key in logs.items():
            seen = Seen(origin=origin, key=key)
            _write(directory / LOGS / seen.name, seen.record())
        cosigner = Cosigner(name=name, key=SigningKey.create(directory / KEY).public)
        _write(directory / PUBLIC, f"{cosigner.text}\n".encode())
    except OSError as error:
        raise StartupRefusal(f"The directory {directory} cannot be written: {error.strerror}.") from error
    return cosigner


def public(directory: Path) -> Cosigner:
    """Return the witness's name and public key.

    Raises:
        StartupRefusal: there is no witness in the directory.
    """
    try:
        return Cosigner.read((directory / PUBLIC).read_text("ascii").removesuffix("\n"))
    except (OSError, UnicodeDecodeError, Refusal) as error:
        raise StartupRefusal(
            f"There is no witness in {directory}; make one with `sandbox witness init`."
        ) from error


def records(directory: Path, cosigner: Cosigner) -> dict[str, Seen]:
    """Return what was seen of each log, by the log's name.

    Raises:
        StartupRefusal: there is none, or a record is damaged.
    """
    found: dict[str, Seen] = {}
    for path in sorted((directory / LOGS).glob("[!.]*")):
        try:
            seen = read_record(path.read_bytes(), cosigner, name=path.name)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, Refusal) as error:
            raise StartupRefusal(
                f"The record {path} is damaged. Restoring an old one would make this witness forget what it "
                "cosigned: make a new witness, and tell everybody who trusts this one."
            ) from error
        found[seen.origin] = seen
    if not found:
        raise StartupRefusal(f"The witness in {directory} knows no log.")
    return found


class Memory:
    """The records of one witness, held by this process alone until :meth:`close`.

    Raises:
        StartupRefusal: another process holds them, or a record is missing or damaged.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.cosigner = public(directory)
        """Name and public key."""
        self.signer = SigningKey.load(directory / KEY)
        """The key."""
        if self.signer.public != self.cosigner.key:
            raise StartupRefusal(f"The key in {directory} is not the one its {PUBLIC} names.")
        self._handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._seen = records(directory, self.cosigner)
        except BlockingIOError as error:
            os.close(self._handle)
            raise StartupRefusal(f"Another process is the witness in {directory}.") from error
        except StartupRefusal:
            os.close(self._handle)
            raise

    def get(self, origin: str) -> Seen | None:
        """Return what was seen of a log, None if it is not known."""
        return self._seen.get(origin)

    def named(self, name: str) -> Seen | None:
        """Return what was seen of the log with this :attr:`Seen.name`."""
        return next((seen for seen in self._seen.values() if seen.name == name), None)

    def keep(self, seen: Seen) -> None:
        """Remember ``seen``; durable when this returns.

        Raises:
            OSError: it could not be written; nothing may leave.
        """
        _write(self._directory / LOGS / seen.name, seen.record())
        self._seen[seen.origin] = seen

    def keep_evidence(self, first: bytes, second: bytes) -> None:
        """Keep two notes that prove a fork; the same two are kept once."""
        data = first + b"\n" + second
        path = self._directory / EVIDENCE / hashlib.sha256(data).hexdigest()
        if not path.exists():
            _write(path, data)

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self._handle)


def evidence(directory: Path) -> list[Path]:
    """Return the files of evidence."""
    return sorted((directory / EVIDENCE).glob("[!.]*"))


def _write(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # the new name, too, must survive a power cut
    finally:
        os.close(folder)
