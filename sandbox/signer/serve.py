"""Answers the log over a unix socket, which only the gateway's user, root and this user may use."""

from __future__ import annotations

import signal
import socketserver
import threading
from pathlib import Path
from types import FrameType

from sandbox.audit.keys import SigningKey
from sandbox.audit.signer import KeySigner, SignerBroken
from sandbox.audit.signer_wire import Kind, Told, pack_place, peer, receive, send, trusted
from sandbox.errors import SandboxError, StartupRefusal
from sandbox.settings import Settings

IDLE_SECONDS = 3600.0


class _NotTold(SandboxError):
    """The message begins after the place from which the signer has to be told."""


class Server(socketserver.ThreadingUnixStreamServer):
    """One signer at one socket.

    Args:
        path: where to listen; whatever an ended signer left there is replaced.
        signer: what signs.
        uids: users that may ask, beside root and this process's own.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path, signer: KeySigner, *, uids: tuple[int, ...] = ()) -> None:
        self.signer = signer
        self.uids = uids
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Handler)
        path.chmod(0o660)


class _Handler(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        self.request.settimeout(IDLE_SECONDS)
        if not trusted(peer(self.request), self.server.uids):
            return
        try:
            while (message := receive(self.request)) is not None:
                kind, content = answer(self.server.signer, message)
                send(self.request, kind.value + content)
        except (OSError, ValueError):
            return  # the other end is gone, or is not the log


def answer(signer: KeySigner, message: bytes) -> tuple[Kind, bytes]:
    """Return the answer to one message of the log.

    Raises:
        ValueError: it is not such a message.
    """
    told = Told.unpack(message)
    if not told.hashes:
        note = signer.note
        return (Kind.NOTE, note) if note else (Kind.FROM, pack_place(0))

    def hashes(first: int, end: int) -> list[bytes]:
        if first < told.first:
            raise _NotTold
        return list(told.hashes[first - told.first : end - told.first])

    try:
        return Kind.NOTE, signer.sign(told.end, hashes)
    except _NotTold:
        return Kind.FROM, pack_place(signer.size)
    except SandboxError:
        return Kind.REFUSED, b""


def serve(settings: Settings) -> None:
    """Sign for the log of ``settings`` until SIGTERM or SIGINT.

    Raises:
        StartupRefusal: the key is missing or open to others, the state is broken, or it cannot listen.
    """
    signer = KeySigner(SigningKey.load(settings.signer_key), state=settings.signer_state)
    path = settings.signer_socket
    try:
        _ = signer.size
        server = Server(path, signer, uids=(settings.gateway_uid,))
    except (OSError, SignerBroken) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise StartupRefusal(f"The signer cannot start at {path}: {why}") from error

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame  # either signal means the same
        # Not from this thread: shutdown() waits for the loop that the signal has interrupted.
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with server:
        server.serve_forever(poll_interval=0.1)
    path.unlink(missing_ok=True)
