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

from sandbox.audit import note as signed_note
from sandbox.audit.keys import SIGNATURE_SIZE, SigningKey, VerifyKey
from sandbox.audit.merkle import HASH_SIZE
from sandbox.audit.note import Line
from sandbox.errors import Refusal

DEFAULT_ORIGIN = "public-data-sandbox/log"


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
        line = Line(
            name=self.origin,
            key_id=signer.public.note_id(self.origin),
            signature=signer.sign(self.text().encode()),
        )
        return f"{self.text()}\n{line.text()}".encode()


def read(note: bytes, *, origin: str, key: VerifyKey) -> Checkpoint:
    """Read a signed note and check our signature; lines of other keys are passed over.

    Accepts a text only if it is what :meth:`Checkpoint.text` writes, so one tree head has one
    spelling.

    Raises:
        Refusal: not a checkpoint of ``origin`` signed by ``key`` (code ``checkpoint-invalid``).
    """
    return _checked(note, origin, key)[0]


def only(note: bytes, *, origin: str, key: VerifyKey) -> bytes:
    """Return the note with the log's own signature alone; checks and raises as :func:`read`."""
    checkpoint, ours = _checked(note, origin, key)
    return f"{checkpoint.text()}\n{ours[0].text()}".encode()


def _checked(note: bytes, origin: str, key: VerifyKey) -> tuple[Checkpoint, list[Line]]:
    checkpoint, lines = _split(note)
    if checkpoint.origin != origin:
        raise _invalid("it is of another log")
    ours = [line for line in lines if line.name == origin and line.key_id == key.note_id(origin)]
    if not ours:
        raise _invalid("it is not signed by this key")
    for line in ours:
        if len(line.signature) != SIGNATURE_SIZE:
            raise _invalid("its signature has another length")
        try:
            key.verify(checkpoint.text().encode(), line.signature)
        except Refusal as error:
            raise _invalid("its signature does not hold") from error
    return checkpoint, ours


def parse(note: bytes) -> Checkpoint:
    """Return what a note says, whoever signed it: of one's own signer, or to learn whose key to look for.

    Raises:
        Refusal: it is not a checkpoint (code ``checkpoint-invalid``).
    """
    return _split(note)[0]


def _split(note: bytes) -> tuple[Checkpoint, tuple[Line, ...]]:
    try:
        text, lines = signed_note.split(note)
    except ValueError as error:
        raise _invalid(str(error)) from error
    return _parse(text), lines


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


def _invalid(why: str) -> Refusal:
    return Refusal("checkpoint-invalid", f"The checkpoint is not accepted: {why}.")
