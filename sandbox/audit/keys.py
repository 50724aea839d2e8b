"""Signatures (Ed25519, RFC 8032) and sealed texts (AES-256-GCM), and the files their keys live in.

Each secret is a file of exactly 32 bytes, readable by its owner only; a process whose key is
missing, of another length or readable by others does not start. No secret is ever printed: the
classes' ``repr`` shows the public half at most.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from Crypto.Cipher import AES
from Crypto.Signature import eddsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.errors import Refusal, StartupRefusal

LONGEST_TEXT = 4096
SECRET_SIZE = 32
"""Bytes of an Ed25519 seed (RFC 8032, 5.1.5) and of an AES-256 key."""
SIGNATURE_SIZE = 64
NONCE_SIZE = 12
"""Bytes of a GCM nonce; random, as one key seals far fewer than 2**32 texts (SP 800-38D, 8.3)."""
_TAG_SIZE = 16
LOG = b"\x01"
"""Kind of key that signs the text of a note itself (C2SP signed-note, signature types)."""
WITNESS = b"\x04"
"""Kind of key that cosigns a checkpoint with a time (C2SP tlog-cosignature)."""


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """The public half of a signing key."""

    raw: bytes
    """32 bytes, RFC 8032 encoding."""

    def __post_init__(self) -> None:
        if len(self.raw) != SECRET_SIZE:
            raise Refusal("key-invalid", "The public key does not have 32 bytes.")
        try:
            eddsa.import_public_key(self.raw)
        except ValueError as error:
            raise Refusal("key-invalid", "The public key is not a point of Ed25519.") from error

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key in hex, for people to compare by voice."""
        return hashlib.sha256(self.raw).hexdigest()

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if ``signature`` was made over ``message`` by this key.

        Raises:
            Refusal: it was not (code ``signature-invalid``).
        """
        try:
            eddsa.new(eddsa.import_public_key(self.raw), "rfc8032").verify(message, signature)
        except ValueError as error:
            raise Refusal("signature-invalid", "The signature was not made by this key.") from error

    def note_id(self, name: str, kind: bytes = LOG) -> bytes:
        """Return the 4-byte key id under ``name`` (C2SP signed-note)."""
        return hashlib.sha256(name.encode() + b"\n" + kind + self.raw).digest()[:4]

    def note_text(self, name: str, kind: bytes = LOG) -> str:
        """Return the verifier key ``name+id+key`` as ``log.pub`` carries it, without a newline."""
        return f"{name}+{self.note_id(name, kind).hex()}+{base64.b64encode(kind + self.raw).decode()}"


def read_note_key(text: str, kind: bytes = LOG) -> tuple[str, VerifyKey]:
    """Read ``name+id+key`` of a key of ``kind``; accepts only what :meth:`VerifyKey.note_text` writes.

    Raises:
        Refusal: it is something else (code ``key-invalid``).
    """
    name, _, rest = text.partition("+")
    encoded = rest.partition("+")[2]
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal("key-invalid", "The verifier key is not of the form name+id+key.") from error
    key = VerifyKey(raw[1:])
    if not name or name.split() != [name] or key.note_text(name, kind) != text:
        raise Refusal("key-invalid", "The verifier key is not of the form name+id+key.")
    return name, key


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key that signs checkpoints, receipts and manifests."""

    public: VerifyKey
    """The public half."""
    _private: Ed25519PrivateKey = field(repr=False)
    """Of OpenSSL: every question waits for three signatures, and those of pycryptodome take six times as
    long. What others signed is still read by pycryptodome, which refuses keys that are no point."""

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """Return the key that 32 secret bytes determine (RFC 8032, 5.1.5)."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(VerifyKey(private.public_key().public_bytes_raw()), private)

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Read the key's file.

        Raises:
            StartupRefusal: the file is missing, readable by others or not 32 bytes.
        """
        return cls.from_seed(load_secret(path))

    @classmethod
    def create(cls, path: Path) -> SigningKey:
        """Make a new key and its file, mode 0600; never overwrites.

        Raises:
            StartupRefusal: the file exists or cannot be written.
        """
        return cls.from_seed(create_secret(path))

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        return self._private.sign(message)


def mark(secret: bytes, purpose: bytes, data: bytes) -> bytes:
    """Return the 32-byte HMAC-SHA-256 (RFC 2104) of ``data`` under a key for one ``purpose``.

    The key is itself the HMAC of the purpose, so no other use of ``secret`` shares it.
    """
    return hmac.digest(hmac.digest(secret, purpose, "sha256"), data, "sha256")


def create_secret(path: Path) -> bytes:
    """Write 32 random bytes to a new file of mode 0600 and return them.

    Raises:
        StartupRefusal: the file exists or cannot be written.
    """
    secret = os.urandom(SECRET_SIZE)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(handle)
    except OSError as error:
        raise StartupRefusal(f"The key {path} cannot be made: {error.strerror}.") from error
    return secret


def load_secret(path: Path) -> bytes:
    """Read a secret of 32 bytes.

    Raises:
        StartupRefusal: the file is missing, is not a regular file of this user (root may read
            another's), is accessible to others, or has another length.
    """
    secret = _read_private(path, SECRET_SIZE + 1)
    if len(secret) != SECRET_SIZE:
        raise StartupRefusal(f"The key {path} must be a file of exactly {SECRET_SIZE} bytes.")
    return secret


def private_text(path: Path) -> str:
    """Read a secret that others made, as one line of text.

    Raises:
        StartupRefusal: as for :func:`load_secret`, but for its length; or it is not ASCII.
    """
    try:
        return _read_private(path, LONGEST_TEXT).decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise StartupRefusal(f"The key {path} must be one line of plain ASCII.") from error


def _read_private(path: Path, most: int) -> bytes:
    try:
        # O_NONBLOCK: a pipe in the place of a key must not hang the start.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            secret = file.read(most) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise StartupRefusal(f"The key {path} cannot be read: {error.strerror}.") from error
    if os.geteuid() not in (0, status.st_uid):
        raise StartupRefusal(
            f"The key {path} belongs to uid {status.st_uid}; it must belong to this process."
        )
    if status.st_mode & 0o077:
        raise StartupRefusal(f"The key {path} has mode {stat.S_IMODE(status.st_mode):04o}; it must be 0600.")
    return secret


def seal(key: bytes, text: bytes, *, context: bytes) -> tuple[bytes, bytes]:
    """Encrypt ``text`` so that it opens under ``key`` and the same ``context`` only.

    Returns:
        The nonce and the ciphertext with its tag.
    """
    nonce = os.urandom(NONCE_SIZE)
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce, mac_len=_TAG_SIZE)
    cipher.update(context)
    body, tag = cipher.encrypt_and_digest(text)
    return nonce, body + tag


def unseal(key: bytes, nonce: bytes, sealed: bytes, *, context: bytes) -> bytes:
    """Decrypt what :func:`seal` made.

    Raises:
        Refusal: key, context or bytes are not those of the sealing (code ``seal-broken``).
    """
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce, mac_len=_TAG_SIZE)
    cipher.update(context)
    try:
        return cipher.decrypt_and_verify(sealed[:-_TAG_SIZE], sealed[-_TAG_SIZE:])
    except ValueError as error:
        raise Refusal("seal-broken", "The sealed text does not open with this key.") from error
