"""The package that leaves: files, signed manifest, proof of the log; readable without our code.

What a recipient can check with ``sha256sum`` and ``minisign`` alone:

1. ``SHA256SUMS`` lists every file beside it;
2. ``manifest.json.minisig`` signs the manifest, which names each released file's digest, the votes,
   the findings and the receipts;
3. ``release.tlog-proof`` proves that the sealing, whose entry ``release.leaf.json`` holds the
   manifest's digest, stands in the log (C2SP tlog-proof).

The same content always makes the same bytes. Formats: minisign with Ed25519 over BLAKE2b-512
("ED", https://jedisct1.github.io/minisign/), POSIX tar, gzip.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.audit.keys import SECRET_SIZE, SIGNATURE_SIZE, SigningKey, VerifyKey
from sandbox.errors import Refusal

_SIGNATURE = b"ED"
_KEY = b"Ed"
_TRUSTED, _UNTRUSTED = "trusted comment: ", "untrusted comment: "
_README = """Release {id}

files/                  what was released
manifest.json           what it is, who asked, who approved, what was found; digests of all files
manifest.json.minisig   signature of the manifest
release.leaf.json       the entry of the audit log that sealed this release
release.tlog-proof      proof that this entry is in the log (C2SP tlog-proof)
log.pub                 public key of the log
minisign.pub            public key of the signature; key {key_id}
SHA256SUMS              digests of everything here

Check it with Debian's minisign and coreutils, in this directory:

    sha256sum --check --strict SHA256SUMS
    minisign -V -p minisign.pub -m manifest.json

Take the public key from the place where the sandbox publishes it, not from this package, and compare:

    minisign -V -P {public} -m manifest.json

The digests in manifest.json under "files" are those of the files in files/.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What the log says about a sealed release."""

    leaf: bytes
    """Exact bytes of the sealing entry."""
    proof: bytes
    """Inclusion of :attr:`leaf` up to a signed checkpoint."""
    log_key: str
    """Verifier key of the log, ``name+id+key``."""


def key_id(key: VerifyKey) -> bytes:
    """Return the 8 bytes by which a signature names its key: the first of the key's SHA-256."""
    return hashlib.sha256(key.raw).digest()[:8]


def public_word(key: VerifyKey) -> str:
    """Return the public key as ``minisign -P`` takes it."""
    return base64.b64encode(_KEY + key_id(key) + key.raw).decode()


def public_file(key: VerifyKey) -> bytes:
    """Return the public key file of minisign."""
    name = int.from_bytes(key_id(key), "little")
    return f"untrusted comment: minisign public key {name:016X}\n{public_word(key)}\n".encode()


def sign_file(
    content: bytes,
    signer: SigningKey,
    *,
    trusted_comment: str,
    untrusted_comment: str = "signature of a release",
) -> bytes:
    """Return the minisign signature file of ``content``.

    Args:
        content: the bytes of the signed file.
        signer: the release key.
        trusted_comment: one line that is signed too.
        untrusted_comment: one line for people, not signed.
    """
    signature = signer.sign(hashlib.blake2b(content).digest())
    whole = signer.sign(signature + trusted_comment.encode())
    word = base64.b64encode(_SIGNATURE + key_id(signer.public) + signature).decode()
    return (
        f"{_UNTRUSTED}{untrusted_comment}\n"
        f"{word}\n"
        f"{_TRUSTED}{trusted_comment}\n"
        f"{base64.b64encode(whole).decode()}\n"
    ).encode()


def verify_file(content: bytes, signature_file: bytes, key: VerifyKey) -> str:
    """Check what :func:`sign_file` made and return its trusted comment.

    Raises:
        Refusal: it is not the signature of ``content`` by ``key`` (code ``signature-invalid``).
    """
    try:
        first, word, comment, last = signature_file.decode().removesuffix("\n").split("\n")
        signed, whole = base64.b64decode(word, validate=True), base64.b64decode(last, validate=True)
    except ValueError as error:
        raise _not_a_signature() from error
    head, signature = signed[: -len(whole)], signed[-len(whole) :]
    trusted = comment.removeprefix(_TRUSTED)
    if len(whole) != SIGNATURE_SIZE or head != _SIGNATURE + key_id(key) or trusted == comment:
        raise _not_a_signature()
    if not first.startswith(_UNTRUSTED) or base64.b64encode(signed).decode() != word:
        raise _not_a_signature()
    key.verify(hashlib.blake2b(content).digest(), signature)
    key.verify(signature + trusted.encode(), whole)
    return trusted


def read_public_word(word: str) -> VerifyKey:
    """Read what :func:`public_word` returned.

    Raises:
        Refusal: it is something else (code ``key-invalid``).
    """
    try:
        raw = base64.b64decode(word, validate=True)
    except ValueError as error:
        raise Refusal("key-invalid", "The key is not one that minisign writes.") from error
    key = VerifyKey(raw[-SECRET_SIZE:])
    if public_word(key) != word:
        raise Refusal("key-invalid", "The key is not one that minisign writes.")
    return key


def build(
    release: str, *, files: Mapping[str, bytes], manifest: bytes, signer: SigningKey, evidence: Evidence
) -> bytes:
    """Return the archive ``release-<id>.tar.gz``.

    Args:
        release: id of the request.
        files: canonical bytes by name.
        manifest: canonical JSON, already in the log by its digest.
        signer: the release key.
        evidence: from the log, after the sealing was committed.
    """
    public = signer.public
    readme = _README.format(
        id=release, key_id=f"{int.from_bytes(key_id(public), 'little'):016X}", public=public_word(public)
    )
    members = {f"files/{name}": content for name, content in files.items()} | {
        "README.txt": readme.encode(),
        "log.pub": evidence.log_key.encode() + b"\n",
        "manifest.json": manifest,
        "manifest.json.minisig": sign_file(
            manifest, signer, trusted_comment=f"release {release} manifest.json"
        ),
        "minisign.pub": public_file(public),
        "release.leaf.json": evidence.leaf,
        "release.tlog-proof": evidence.proof,
    }
    sums = "".join(f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n" for name in sorted(members))
    return _archive(f"release-{release}", members | {"SHA256SUMS": sums.encode()})


def _not_a_signature() -> Refusal:
    return Refusal(
        "signature-invalid",
        "The signature is not one by this key.",
        allowed="Take file and signature as they were written, and the key that belongs to them.",
    )


def _archive(folder: str, members: Mapping[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(members):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(members[name])
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(members[name]))
    return gzip.compress(raw.getvalue(), mtime=0)
