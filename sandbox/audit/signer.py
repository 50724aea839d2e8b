"""Who signs checkpoints: a tree of its own that only grows, so that no two histories are ever signed.

A signer is not told a root, it is told the hashes of the new leaves, adds them to the tree that it
signed last and signs what comes out. What it signs is consistent with all it signed before because it
cannot make anything else (RFC 9162, 2.1.4, without a proof to check). It is asked after the entries are
durable, so it is never ahead of an honest log: a log that is behind its signer has lost entries.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sandbox import canonical
from sandbox.audit import checkpoint, merkle
from sandbox.audit.checkpoint import DEFAULT_ORIGIN, Checkpoint
from sandbox.audit.keys import SigningKey, VerifyKey
from sandbox.errors import Unavailable

Hashes = Callable[[int, int], Sequence[bytes]]
"""Gives the leaf hashes of entries ``[first, end)``."""
MOST_AT_ONCE = 65_536
"""Leaf hashes told at once: 2 MiB."""
_SLOT = 4096
"""Bytes of each of the state's two slots, written in turn: a power cut tears the older one at most."""


class SignerBroken(Unavailable):
    """The signer's own state is not one that it wrote."""


class Signer(Protocol):
    """What signs the checkpoints of one log."""

    @property
    def origin(self) -> str:
        """Name of the log."""

    @property
    def key(self) -> VerifyKey:
        """The key that its signatures are checked with."""

    def sign(self, size: int, hashes: Hashes) -> bytes:
        """Return a signed checkpoint that covers at least ``size`` entries.

        It covers more where another process of the same log was faster, or where entries were lost.

        Raises:
            Unavailable: it does not answer, or was told other hashes than those of its tree.
        """

    def close(self) -> None:
        """Give back whatever is open."""


@dataclass(slots=True)
class _State:
    tree: merkle.Frontier
    note: bytes


class KeySigner:
    """Signs with a key that this process holds; safe to use from threads and from several processes.

    Args:
        key: signs.
        state: file with the tree signed last; None keeps it in memory, for a log of one process.
        origin: the log's name.
    """

    def __init__(self, key: SigningKey, *, state: Path | None = None, origin: str = DEFAULT_ORIGIN) -> None:
        self.origin = origin
        self.key = key.public
        self._signing = key
        self._file = None if state is None else _open(state)
        self._lock = threading.Lock()
        self._record = b""
        self._next = 0
        self._state = _State(merkle.Frontier(), b"")

    @property
    def size(self) -> int:
        """How many entries it has signed."""
        with self._latest() as state:
            return state.tree.size

    @property
    def note(self) -> bytes:
        """The checkpoint that it signed last; empty before the first."""
        with self._latest() as state:
            return state.note

    def sign(self, size: int, hashes: Hashes) -> bytes:
        """Return a signed checkpoint that covers at least ``size`` entries; see :class:`Signer`."""
        with self._latest() as state:
            if size <= state.tree.size:
                return state.note
            tree = state.tree.copy()
            while tree.size < size:
                end = min(size, tree.size + MOST_AT_ONCE)
                told = hashes(tree.size, end)
                if len(told) != end - tree.size or any(len(one) != merkle.HASH_SIZE for one in told):
                    raise Unavailable("signer-refused", "The signer was not told what to sign.")
                for one in told:
                    tree.push_hash(one)
            note = Checkpoint(origin=self.origin, size=size, root=tree.root()).sign(self._signing)
            self._keep(_State(tree, note))
            return note

    def take_over(self, note: bytes) -> None:
        """Go on from what another key signed last: ``note``, signed by both, over the same tree.

        Raises:
            SignerBroken: it is of another tree.
        """
        with self._latest() as state:
            signed = checkpoint.read(note, origin=self.origin, key=self.key)
            if (signed.size, signed.root) != (state.tree.size, state.tree.root()):
                raise SignerBroken("signer-broken", "The note is not of the tree that was signed last.")
            self._keep(_State(state.tree, note))

    def close(self) -> None:
        """Close the state's file; nothing can be signed afterwards."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @contextmanager
    def _latest(self) -> Iterator[_State]:
        with self._lock:
            if self._file is None:
                yield self._state
                return
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                record = os.pread(self._file, 2 * _SLOT, 0)
                if record != self._record:
                    self._state, self._next = _newest(record)
                    self._record = record
                yield self._state
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _keep(self, state: _State) -> None:
        if self._file is not None:
            # No fsync: what a power cut takes away is a shorter tree, which the log's next one extends.
            os.pwrite(self._file, _written(state), self._next * _SLOT)
            self._record = os.pread(self._file, 2 * _SLOT, 0)
            self._next = 1 - self._next
        self._state = state


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _written(state: _State) -> bytes:
    document = canonical.encode(
        {
            "size": state.tree.size,
            "hashes": [base64.b64encode(one).decode() for one in state.tree.hashes],
            "note": state.note.decode(),
        }
    )
    record = hashlib.sha256(document).digest() + document
    if len(record) > _SLOT:
        raise SignerBroken("signer-broken", "The signer's state does not fit its file.")
    return record.ljust(_SLOT, b"\n")


def _newest(record: bytes) -> tuple[_State, int]:
    """Return the state that was signed last, and the slot that is written next.

    Raises:
        SignerBroken: neither slot is one that was written, and not all of them are empty.
    """
    if not record.strip(b"\0"):
        return _State(merkle.Frontier(), b""), 0
    found: list[tuple[_State, int]] = []
    for slot in range(2):
        with suppress(SignerBroken):
            found.append((_read(record[slot * _SLOT : (slot + 1) * _SLOT]), 1 - slot))
    if not found and not record[_SLOT:].strip(b"\0"):
        return _State(merkle.Frontier(), b""), 0  # the very first signature was torn
    if not found:
        raise SignerBroken("signer-broken", "The signer's state is not one that it wrote.")
    return max(found, key=lambda one: one[0].tree.size)


def _read(record: bytes) -> _State:
    document = record[32:].rstrip(b"\n")
    try:
        if hashlib.sha256(document).digest() != record[:32]:
            raise ValueError("another checksum")  # noqa: TRY301  # one way out for all that can be wrong
        content = canonical.decode(document)
        hashes = [base64.b64decode(one) for one in content["hashes"]]
        return _State(merkle.Frontier(content["size"], hashes), content["note"].encode())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SignerBroken("signer-broken", "The signer's state is not one that it wrote.") from error
