"""The log's key is replaced by a new one, and the log says so under both.

The order, in which a crash at any point leaves a log that starts under the key it has, and the rotation can
be repeated:

1. the new key is made beside the old one;
2. the log gets an entry with both fingerprints, signed by the old key;
3. the checkpoint that covers it is signed by the new key too, and stored with both signatures: whoever
   trusts the old key is told by it which key comes next;
4. the signer's state gets this checkpoint;
5. the old key is put aside under the size it signed last, and the new one takes its place.

The sandbox is stopped meanwhile: there must be one hand that signs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sandbox.audit import checkpoint
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.note import Line
from sandbox.audit.signer import KeySigner
from sandbox.audit.signer_remote import answers
from sandbox.errors import Conflict, StartupRefusal
from sandbox.governance.installation import Owners, open_books
from sandbox.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """What was done."""

    size: int
    """How many entries the old key signed at last."""
    key: str
    """The new verifier key."""
    note: Path
    """File with the checkpoint that both keys signed, to be given to whoever trusts the old one."""


def rotate(settings: Settings, *, actor: str) -> Rotation:
    """Give the log a new key.

    Raises:
        Conflict: the signer runs; the sandbox must be stopped first.
        StartupRefusal: a key cannot be made or moved, or the log does not verify.
    """
    if answers(settings.signer_socket):
        raise Conflict(
            "signer-runs", "The signer is running.", allowed="Stop the sandbox, then rotate its key."
        )
    new = _next_key(settings)  # (1)
    books = open_books(settings)
    try:
        old = books.log.key
        event = Event(
            kind=Kind.KEY_ROTATED,
            actor=actor,
            subject="log-key",
            body={"old": old.fingerprint, "new": new.public.fingerprint},
        )
        books.log.append(event)  # (2)
        note = _signed_by_both(books.log, new)  # (3)
        size = checkpoint.parse(note).size
        _put_into_state(settings, new, note)  # (4)
    finally:
        books.close()
    try:
        kept = _swap(settings, new, size, note)  # (5)
    except OSError as error:
        raise StartupRefusal(f"The log's key cannot be replaced: {error.strerror}.") from error
    return Rotation(size=size, key=new.public.note_text(books.log.origin), note=kept)


def _next_key(settings: Settings) -> SigningKey:
    path = _next_path(settings)
    if path.exists():  # of a rotation that did not end
        return SigningKey.load(path)
    made = SigningKey.create(path)
    _own(path, Owners.of(settings).signer)
    return made


def _next_path(settings: Settings) -> Path:
    return settings.signer_key.with_name(f"{settings.signer_key.name}.next")


def _signed_by_both(log: Log, new: SigningKey) -> bytes:
    def both(note: bytes) -> bytes:
        signature = new.sign(checkpoint.parse(note).text().encode())
        line = Line(name=log.origin, key_id=new.public.note_id(log.origin), signature=signature)
        return note + line.text().encode()

    return log.cover_with(both)


def _put_into_state(settings: Settings, new: SigningKey, note: bytes) -> None:
    signer = KeySigner(new, state=settings.signer_state)
    try:
        signer.take_over(note)
    finally:
        signer.close()


def _swap(settings: Settings, new: SigningKey, size: int, note: bytes) -> Path:
    key, public = settings.signer_key, settings.log_public_key
    kept = settings.home / f"log.rotated.{size}"
    _write(kept, note)
    _write(public.with_name(f"{public.name}.{size}"), public.read_bytes())
    key.rename(key.with_name(f"{key.name}.{size}"))
    _next_path(settings).rename(key)
    _write(public, f"{new.public.note_text(checkpoint.DEFAULT_ORIGIN)}\n".encode())
    return kept


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.chmod(0o644)
    part.rename(path)


def _own(path: Path, uid: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, uid, uid)
