"""Check an exported log or one proof with nothing but the files: no database, network or secret.

The steps, for a folder:

(1) the verifier key: given by the caller, or the folder's ``log.pub``;
(2) the checkpoint's signature;
(3) every leaf, hashed into the tree;
(4) every tile, compared with the tree's own nodes;
(5) the root, compared with the checkpoint's.

Every byte of the folder is read by one of the steps, so no byte can change unseen; only signature
lines of strangers on the checkpoint are passed over. What this cannot show by itself is that the log
never showed another history to somebody else: give the keys of its witnesses, or a checkpoint that
you got earlier, and it is shown that this log goes on from what they, or you, have seen.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.audit import checkpoint, merkle
from sandbox.audit import proof as tlog_proof
from sandbox.audit.cosignature import Cosigner
from sandbox.audit.keys import VerifyKey, read_note_key
from sandbox.audit.layout import (
    CHECKPOINT,
    KEY,
    LEVEL_BITS,
    WIDTH,
    all_paths,
    bundle_path,
    levels,
    portions,
    tile_path,
)
from sandbox.errors import Refusal

_FILE_LIMIT = WIDTH * (2 + 65_535)
"""Bytes of the largest file of an export: a full bundle of the largest leaves."""


class VerificationFailed(Refusal):
    """The files are not those of the log whose key is trusted."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__("verification-failed", f"{file}: {why}.")
        self.file = file


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was proved."""

    origin: str
    """Name of the log."""
    size: int
    """Number of entries."""
    root: str
    """Root of the tree, standard base64."""
    fingerprint: str
    """SHA-256 of the public key in hex."""
    key_from_folder: bool
    """True if nobody but the folder itself vouches for the key."""
    witnessed: tuple[str, ...] = ()
    """Each witness asked for, and when it cosigned this very checkpoint."""

    @property
    def remark(self) -> str:
        """What a person still has to do, as a sentence; empty if nothing."""
        if not self.key_from_folder:
            return ""
        return f"The key was taken from the folder itself: compare its fingerprint {self.fingerprint}."


def verify(
    directory: Path, key: str | None = None, *, witnesses: Sequence[str] = (), since: bytes | None = None
) -> Verified:
    """Check everything in an exported folder.

    Args:
        directory: what :func:`sandbox.audit.tiles.export` wrote.
        key: the verifier key ``name+id+key`` from a source that is not the folder.
        witnesses: verifier keys of witnesses, each of which must have cosigned the checkpoint.
        since: an older checkpoint of the log, which the folder's entries must begin with.

    Raises:
        VerificationFailed: names the file that is wrong.
    """
    origin, public = _key(directory, key)  # (1)
    note = _read(directory, CHECKPOINT)
    head = _checkpoint(note, origin, public, CHECKPOINT)  # (2)
    witnessed = tuple(_witnessed(note, witness) for witness in witnesses)
    older = _checkpoint(since, origin, public, "the older checkpoint") if since is not None else None
    tree = merkle.Frontier()
    open_tiles: dict[int, bytearray] = defaultdict(bytearray)
    for n, width in portions(head.size):
        path = bundle_path(n, width)
        for leaf in _leaves(_read(directory, path), width, path):  # (3)
            for level, index, value in tree.push(leaf):
                if level % LEVEL_BITS == 0:
                    _extend(directory, open_tiles, level // LEVEL_BITS, index, value)  # (4)
            if older and older.size == tree.size and older.root == tree.root():
                older = None  # found again
    for level, count in levels(head.size):
        if count % WIDTH:
            path = tile_path(level, count // WIDTH, count % WIDTH)
            _same(_read(directory, path), bytes(open_tiles[level]), path)  # (4)
    if tree.root() != head.root:  # (5)
        raise VerificationFailed(CHECKPOINT, "it was signed over other entries than these")
    if older and (older.size or older.root != merkle.EMPTY_ROOT):
        raise VerificationFailed(CHECKPOINT, "the log does not begin with the older checkpoint")
    _nothing_else(directory, head.size)
    return Verified(
        origin=origin,
        size=head.size,
        root=base64.b64encode(head.root).decode(),
        fingerprint=public.fingerprint,
        key_from_folder=key is None,
        witnessed=witnessed,
    )


def verify_proof(proof: bytes, *, leaf: bytes, key: str) -> Verified:
    """Check that ``leaf`` is in the log, by a tlog-proof (https://c2sp.org/tlog-proof).

    Args:
        proof: the file.
        leaf: the exact bytes of the entry.
        key: the verifier key ``name+id+key``.

    Raises:
        VerificationFailed: it does not prove that.
    """
    origin, public = _parsed_key(key, "key")
    try:
        parts = tlog_proof.parse(proof)
        head = _checkpoint(parts.note, origin, public, "proof")
        root = merkle.root_from_path(leaf, index=parts.index, size=head.size, path=parts.path)
    except ValueError as error:
        raise VerificationFailed("proof", "it is not a proof of one entry of this log") from error
    if root != head.root:
        raise VerificationFailed("proof", "it is not a proof of this entry")
    return Verified(
        origin=origin,
        size=head.size,
        root=base64.b64encode(root).decode(),
        fingerprint=public.fingerprint,
        key_from_folder=False,
    )


def _key(directory: Path, given: str | None) -> tuple[str, VerifyKey]:
    data = _read(directory, KEY)
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise VerificationFailed(KEY, "it is not a verifier key") from error
    if not text.endswith("\n"):
        raise VerificationFailed(KEY, "it is not a verifier key and a newline")
    origin, public = _parsed_key(text[:-1], KEY)
    if given is not None and _parsed_key(given.strip(), "key") != (origin, public):
        raise VerificationFailed(KEY, "it is another key than the one given")
    return origin, public


def _parsed_key(text: str, file: str) -> tuple[str, VerifyKey]:
    try:
        return read_note_key(text)
    except Refusal as error:
        raise VerificationFailed(file, "it is not a verifier key of the form name+id+key") from error


def _checkpoint(note: bytes, origin: str, key: VerifyKey, file: str) -> checkpoint.Checkpoint:
    try:
        return checkpoint.read(note, origin=origin, key=key)
    except Refusal as error:
        raise VerificationFailed(file, error.sentence.removesuffix(".")) from error


def _witnessed(note: bytes, witness: str) -> str:
    try:
        cosigner = Cosigner.read(witness.strip())
        found = cosigner.find(note)
    except Refusal as error:
        raise VerificationFailed(CHECKPOINT, error.sentence.removesuffix(".")) from error
    if found is None:
        raise VerificationFailed(CHECKPOINT, f"witness {cosigner.name} did not cosign it")
    return f"{cosigner.name} at {found.at}"


def _read(directory: Path, path: str) -> bytes:
    try:
        with (directory / path).open("rb") as file:
            data = file.read(_FILE_LIMIT + 1)
    except OSError as error:
        raise VerificationFailed(path, f"it cannot be read ({error.strerror})") from error
    if len(data) > _FILE_LIMIT:
        raise VerificationFailed(path, "it is too long")
    return data


def _leaves(bundle: bytes, width: int, path: str) -> list[bytes]:
    leaves: list[bytes] = []
    position = 0
    while position < len(bundle):
        end = position + 2 + int.from_bytes(bundle[position : position + 2])
        leaves.append(bundle[position + 2 : end])
        position = end
    if position != len(bundle) or len(leaves) != width:
        raise VerificationFailed(path, f"it does not hold {width} entries")
    return leaves


def _extend(directory: Path, open_tiles: dict[int, bytearray], level: int, index: int, value: bytes) -> None:
    open_tiles[level] += value
    if index % WIDTH == WIDTH - 1:
        path = tile_path(level, index // WIDTH, WIDTH)
        _same(_read(directory, path), bytes(open_tiles.pop(level)), path)


def _same(found: bytes, computed: bytes, path: str) -> None:
    if found != computed:
        raise VerificationFailed(path, "its hashes are not those of the entries")


def _nothing_else(directory: Path, size: int) -> None:
    expected = set(all_paths(size))
    for path in sorted((directory / "tile").rglob("*")):
        name = path.relative_to(directory).as_posix()
        if not path.is_dir() and name not in expected:
            raise VerificationFailed(name, "the log of this size has no such file")
