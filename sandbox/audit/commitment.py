"""Personal data by commitment: the leaf holds a salted digest, the text lies sealed beside it.

Whoever has salt and text can check the leaf; when the sealed row is erased, the leaf tells nothing
(the salt has 256 random bits) and every proof over it stays valid.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from sandbox import canonical
from sandbox.audit.keys import seal, unseal
from sandbox.errors import Malformed, Refusal

SALT_SIZE = 32


@dataclass(frozen=True, slots=True)
class Opening:
    """Salt and text of one commitment."""

    salt: bytes = field(repr=False)
    """32 random bytes."""
    text: bytes = field(repr=False)
    """The private text in UTF-8."""

    @property
    def digest(self) -> str:
        """``sha256:`` and the digest of salt || text: what the leaf holds."""
        return canonical.digest(self.salt + self.text)

    def seal(self, key: bytes, seq: int) -> tuple[bytes, bytes]:
        """Encrypt salt and text for entry ``seq``; return nonce and ciphertext."""
        return seal(key, self.salt + self.text, context=_context(seq))


def make(text: str) -> Opening:
    """Commit to ``text`` under a new salt.

    Raises:
        Malformed: the text is not valid Unicode.
    """
    try:
        return Opening(os.urandom(SALT_SIZE), text.encode())
    except UnicodeEncodeError as error:
        raise Malformed("event-malformed", "A text in this request is not valid Unicode.") from error


def unseal_text(key: bytes, *, seq: int, nonce: bytes, sealed: bytes, digest: str) -> str:
    """Decrypt the private text of entry ``seq`` and check it against the leaf's ``digest``.

    Raises:
        Refusal: it is not the text the leaf commits to (code ``seal-broken``).
    """
    data = unseal(key, nonce, sealed, context=_context(seq))
    if canonical.digest(data) != digest:
        raise Refusal("seal-broken", "The sealed text is not the one the log's entry commits to.")
    return data[SALT_SIZE:].decode()


def _context(seq: int) -> bytes:
    return f"entry {seq}".encode()
