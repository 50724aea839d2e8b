"""The log's end of a signer that is another process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from pathlib import Path

from sandbox.audit import checkpoint
from sandbox.audit.keys import VerifyKey, read_note_key
from sandbox.audit.signer import MOST_AT_ONCE, Hashes
from sandbox.audit.signer_wire import Kind, Told, peer, receive, send, trusted, unpack_place
from sandbox.errors import Refusal, StartupRefusal, Unavailable


class RemoteSigner:
    """Signs by way of the signer's socket; safe to use from threads.

    Args:
        path: the socket.
        key_text: the signer's verifier key, as ``log.pub`` holds it.
        uids: users under which the signer may run, beside root and this process's own.
        wait: seconds for one exchange.
    """

    def __init__(self, path: Path, *, key_text: str, uids: Sequence[int] = (), wait: float = 5.0) -> None:
        try:
            self._origin, self._key = read_note_key(key_text.strip())
        except Refusal as error:
            raise StartupRefusal("The log's public key is not one; see log.pub.") from error
        self._path = path
        self._uids = uids
        self._wait = wait
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._place: int | None = None

    @property
    def origin(self) -> str:
        """Name of the log."""
        return self._origin

    @property
    def key(self) -> VerifyKey:
        """The key that its signatures are checked with."""
        return self._key

    def sign(self, size: int, hashes: Hashes) -> bytes:
        """Return a signed checkpoint that covers at least ``size`` entries; see ``Signer``."""
        with self._lock:
            try:
                return self._sign(size, hashes)
            except (OSError, ValueError) as error:
                self._drop()
                raise _away() from error

    def _sign(self, size: int, hashes: Hashes) -> bytes:
        for _ in range(3 + size // MOST_AT_ONCE):
            first = 0 if self._place is None else min(self._place, size)
            end = min(size, first + MOST_AT_ONCE)
            told = [] if self._place is None else hashes(first, end)
            kind, content = self._exchange(Told(first, told))
            if kind is Kind.REFUSED:
                break
            if kind is Kind.FROM:
                self._place = unpack_place(content)
                continue
            self._place = checkpoint.parse(content).size
            if self._place >= size:
                return content
        raise Unavailable("signer-refused", "The signer does not sign this log.")

    def _exchange(self, told: Told) -> tuple[Kind, bytes]:
        try:
            return self._once(told)
        except ConnectionError:  # it was started again
            self._drop()
            return self._once(told)

    def _once(self, told: Told) -> tuple[Kind, bytes]:
        if self._connection is None:
            self._connection = self._connect()
        send(self._connection, told.pack())
        answer = receive(self._connection)
        if not answer:
            raise ConnectionResetError
        return Kind(answer[:1]), answer[1:]

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(self._wait)
            connection.connect(str(self._path))
            if not trusted(peer(connection), self._uids):
                raise ValueError("somebody else listens there")  # noqa: TRY301  # closed like every failure
        except (OSError, ValueError):
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._place = None

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._drop()


def answers(path: Path) -> bool:
    """Whether a signer listens at ``path``."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _away() -> Unavailable:
    return Unavailable(
        "signer-away",
        "The log's signer does not answer, so nothing is answered or released.",
        allowed="Try again later.",
    )
