"""The certificate of an authorization's end: a folder that anybody can verify without the sandbox.

What a recipient can check with ``sha256sum`` and ``minisign`` alone, as for a release:

1. ``SHA256SUMS`` lists every file beside it;
2. ``certificate.json.minisig`` signs the certificate: what was frozen, destroyed, kept and why, refused, how
   often was asked, with the entries of the log that say so, and the checkpoint that seals them;
3. ``exit.tlog-proof`` proves that the entry which ended the authorization, ``exit.leaf.json``, stands in
   the log (C2SP tlog-proof). The entry holds the digest of the certificate's statement.

The same exit has the same certificate: it is made of records that do not change, and of the smallest
stored checkpoint that covers them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from sandbox import canonical
from sandbox.audit import reading
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.reading import Entry
from sandbox.canonical import Canonical
from sandbox.governance import exits
from sandbox.review.package import public_file, public_word, sign_file

CERTIFICATE = "certificate.json"
_README = """The end of the authorization {name}

certificate.json           what was ended, destroyed, kept and why; counts; entries of the log; its checkpoint
certificate.json.minisig   signature of the certificate
exit.leaf.json             the entry of the audit log that ended the authorization
exit.tlog-proof            proof that this entry is in the log (C2SP tlog-proof)
log.pub                    public key of the log
minisign.pub               public key of the signature
SHA256SUMS                 digests of everything here

Check it with Debian's minisign and coreutils, in this directory:

    sha256sum --check --strict SHA256SUMS
    minisign -V -p minisign.pub -m certificate.json

Take the public key from the place where the sandbox publishes it, not from this folder, and compare:

    minisign -V -P {public} -m certificate.json
"""


def certificate_files(log: Log, entry: Entry, signer: SigningKey) -> dict[str, bytes]:
    """Return the files of the certificate, by name.

    Args:
        log: with a checkpoint that covers ``entry``.
        entry: ended the authorization.
        signer: the release key.

    Raises:
        Refusal: the records are not those that the entry was made of.
        NotFound: no checkpoint covers the entry.
    """
    name, body = str(entry.event["subject"]), entry.event["body"]
    with log.reading() as connection:
        proof = reading.first_proof(connection, entry.seq)
    document: dict[str, Canonical] = {
        "version": exits.VERSION,
        "authorization": name,
        "dataset": entry.event["dataset"],
        "group": body["group"],
        "ended": {
            "entry": entry.seq,
            "at": entry.at,
            "by": entry.event["actor"],
            "statement": body["statement"],
        },
        "statement": exits.statement_of(log, entry),
        "checkpoint": proof.note.decode(),
    }
    certificate, public = canonical.encode(document), signer.public
    members = {
        "README.txt": _README.format(name=name, public=public_word(public)).encode(),
        CERTIFICATE: certificate,
        f"{CERTIFICATE}.minisig": sign_file(
            certificate, signer, trusted_comment=f"exit {name} {CERTIFICATE}"
        ),
        "exit.leaf.json": log.leaf(entry.seq),
        "exit.tlog-proof": proof.text(),
        "log.pub": log.key.note_text(log.origin).encode() + b"\n",
        "minisign.pub": public_file(public),
    }
    sums = "".join(f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n" for name in sorted(members))
    return members | {"SHA256SUMS": sums.encode()}


def write_certificate(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a certificate into ``folder``, each whole or not at all."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, content in files.items():
        unfinished = folder / f".{name}.new"
        unfinished.write_bytes(content)
        unfinished.replace(folder / name)
