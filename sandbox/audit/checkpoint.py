"""Signed statements "the log had this root at this size": C2SP tlog-checkpoint in a C2SP signed-note.

A checkpoint reads::

    public-data-sandbox/log
    3
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — public-data-sandbox/log Az3grlgtz...

The last line is the signature of everything before the empty line, by the key whose name is the
origin. See https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from sandbox.audit.keys import SIGNATURE_SIZE, SigningKey, VerifyKey
from sandbox.audit.merkle import HASH_SIZE
from sandbox.errors import Refusal

DEFAULT_ORIGIN = "public-data-sandbox/log"
NOTE_LIMIT = 100_000
"""Bytes of a note this module reads: 16 post-quantum signatures of 5 kB fit (signed-note, Format)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Which tree a log says it had."""

    origin: str
    """Name of the log and of its key; no spaces, no plus sign."""
    size: int
    """Number of leaves."""
    root: bytes
    """RFC 6962 root of these leaves, 32 bytes."""

    def __post_init__(self) -> None:
        if not self.origin or self.origin.split() != [self.origin] or "+" in self.origin:
            raise ValueError("the origin must be one word without a plus sign")
        if self.size < 0 or len(self.root) != HASH_SIZE:
            raise ValueError("not the head of a tree")

    def text(self) -> str:
        """Return the note's text: what is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, signer: SigningKey) -> bytes:
        """Return the whole signed note."""
        signature = signer.public.note_id(self.origin) + signer.sign(self.text().encode())
        return f"{self.text()}\n— {self.origin} {base64.b64encode(signature).decode()}\n".encode()


def read(note: bytes, *, origin: str, key: VerifyKey) -> Checkpoint:
    """Read a signed note and check our signature; lines of other keys are passed over.

    Accepts a text only if it is what :meth:`Checkpoint.text` writes, so one tree head has one
    spelling.

    Raises:
        Refusal: not a checkpoint of ``origin`` signed by ``key`` (code ``checkpoint-invalid``).
    """
    if len(note) > NOTE_LIMIT:
        raise _invalid("it is too long")
    try:
        text, _, signatures = note.decode().rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise _invalid("it is not text") from error
    text += "\n"
    checkpoint = _parse(text)
    if checkpoint.origin != origin:
        raise _invalid("it is of another log")
    if not signatures.endswith("\n"):
        raise _invalid("its last line is cut")
    ours = [_signature(line, origin, key) for line in signatures[:-1].split("\n")]
    made = [signature for signature in ours if signature is not None]
    if not made:
        raise _invalid("it is not signed by this key")
    for signature in made:
        try:
            key.verify(text.encode(), signature)
        except Refusal as error:
            raise _invalid("its signature does not hold") from error
    return checkpoint


def parse(note: bytes) -> Checkpoint:
    """Return what a note says, whoever signed it; for a note that comes from one's own signer.

    Raises:
        Refusal: it is not a checkpoint (code ``checkpoint-invalid``).
    """
    try:
        return _parse(note.decode().rpartition("\n\n")[0] + "\n")
    except UnicodeDecodeError as error:
        raise _invalid("it is not text") from error


def _parse(text: str) -> Checkpoint:
    lines = text.split("\n")
    try:
        origin, size, root, _ = lines
        checkpoint = Checkpoint(origin=origin, size=int(size), root=base64.b64decode(root, validate=True))
    except (ValueError, binascii.Error) as error:
        raise _invalid("its text is not a tree head") from error
    if checkpoint.text() != text:
        raise _invalid("its text is not spelled as a tree head")
    return checkpoint


def _signature(line: str, origin: str, key: VerifyKey) -> bytes | None:
    """Return the signature if the line is of ``key``, None if it is of another key."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":  # noqa: PLR2004  # dash, name, signature
        raise _invalid("it has a line that is no signature")
    try:
        value = base64.b64decode(parts[2], validate=True)
    except (ValueError, binascii.Error) as error:
        raise _invalid("it has a line that is no signature") from error
    if base64.b64encode(value).decode() != parts[2]:
        raise _invalid("it has a line that is no signature")
    if parts[1] != origin or value[:4] != key.note_id(origin):
        return None
    if len(value) != 4 + SIGNATURE_SIZE:
        raise _invalid("its signature has another length")
    return value[4:]


def _invalid(why: str) -> Refusal:
    return Refusal("checkpoint-invalid", f"The checkpoint is not accepted: {why}.")
