"""What a witness adds to a checkpoint: that at a time it knew of no other history (C2SP tlog-cosignature).

A cosignature is one more signature line of the same note, over the text below, its time in seconds
since 1970::

    cosignature/v1
    time 1679315147
    <the three lines of the checkpoint>

See https://c2sp.org/tlog-cosignature. The Ed25519 form is written and read; other forms are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.audit import note as signed_note
from sandbox.audit.keys import SIGNATURE_SIZE, WITNESS, SigningKey, VerifyKey, read_note_key
from sandbox.audit.note import Line
from sandbox.errors import Refusal

_TIME_SIZE = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Cosigner:
    """A witness as others know it."""

    name: str
    """Its name; no spaces, no plus sign."""
    key: VerifyKey
    """Its key."""

    @classmethod
    def read(cls, text: str) -> Cosigner:
        """Read a verifier key ``name+id+key`` of a witness.

        Raises:
            Refusal: it is not one, or it is one of a log (code ``key-invalid``).
        """
        name, key = read_note_key(text, WITNESS)
        return cls(name=name, key=key)

    @property
    def text(self) -> str:
        """The verifier key ``name+id+key``, as ``witness.pub`` carries it, without a newline."""
        return self.key.note_text(self.name, WITNESS)

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature line."""
        return self.key.note_id(self.name, WITNESS)

    def find(self, note: bytes) -> Cosignature | None:
        """Return this witness's newest cosignature on ``note``, None if there is none.

        Raises:
            Refusal: a line that claims to be its own does not hold (code ``cosignature-invalid``), or
                this is no note.
        """
        try:
            text, lines = signed_note.split(note)
        except ValueError as error:
            raise Refusal("cosignature-invalid", f"The note is not accepted: {error}.") from error
        return self.among(lines, text)

    def among(self, lines: Iterable[Line], text: str) -> Cosignature | None:
        """Return this witness's newest cosignature of ``text`` among ``lines``; as :meth:`find`."""
        named = (self.name, self.key_id)
        found = [self._checked(line, text) for line in lines if (line.name, line.key_id) == named]
        return max(found, key=lambda one: one.time, default=None)

    def _checked(self, line: Line, text: str) -> Cosignature:
        if len(line.signature) != _TIME_SIZE + SIGNATURE_SIZE:
            raise self._invalid()
        time = int.from_bytes(line.signature[:_TIME_SIZE])
        try:
            self.key.verify(_statement(text, time), line.signature[_TIME_SIZE:])
        except Refusal as error:
            raise self._invalid() from error
        return Cosignature(time=time, line=line)

    def _invalid(self) -> Refusal:
        return Refusal("cosignature-invalid", f"The cosignature of witness {self.name} does not hold.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cosignature:
    """A cosignature that holds."""

    time: int
    """When it was made, by the witness's clock, in seconds since 1970."""
    line: Line
    """The line of the note."""

    @property
    def at(self) -> str:
        """The time for people, UTC, ISO 8601."""
        try:
            return datetime.fromtimestamp(self.time, UTC).isoformat()
        except (ValueError, OverflowError):  # a time no calendar has is still the one that was signed
            return f"{self.time} s"


def cosign(text: str, *, name: str, signer: SigningKey, time: int) -> Line:
    """Return the line by which witness ``name`` states at ``time`` that it saw the checkpoint ``text``."""
    signature = time.to_bytes(_TIME_SIZE) + signer.sign(_statement(text, time))
    return Line(name=name, key_id=signer.public.note_id(name, WITNESS), signature=signature)


def _statement(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
