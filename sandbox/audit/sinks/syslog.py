"""Syslog messages (RFC 5424) over TCP (RFC 6587, octet counting), UDP (RFC 5426) or a unix socket.

When ``write`` returns, the messages are: over TCP acknowledged by the peer's kernel on a connection
that still stands; over a unix socket in the receiver's queue; over UDP sent, which proves nothing, so
a policy does not let UDP be required. What the collector does with them, syslog cannot tell.
"""

from __future__ import annotations

import errno
import fcntl
import json
import socket
import struct
import termios
import time
from collections.abc import Sequence
from typing import Literal

from sandbox.audit.sinks.position import digest_of
from sandbox.audit.sinks.record import Delivered, SinkFailed

Transport = Literal["tcp", "udp", "unix"]
_FACILITY = 13  # log audit (RFC 5424, 6.2.1)
_WARNING, _INFORMATIONAL = 4, 6
_POLL = 0.001


def message(record: Delivered, *, hostname: str, short: bool = False) -> bytes:
    """Return the RFC 5424 message of a record, in ASCII.

    Its text is JSON with ``leaf`` and ``seq``; the leaf's canonical encoding gives the stored bytes
    back. ASCII, because a text in UTF-8 would have to begin with a BOM, which no reader of JSON wants.

    Args:
        record: what it is about.
        hostname: of this machine.
        short: give the leaf's digest instead of the leaf, for a datagram that would be too large.
    """
    leaf = json.loads(record.leaf)
    refused = str(leaf["kind"]).endswith("refused")
    priority = _FACILITY * 8 + (_WARNING if refused else _INFORMATIONAL)
    document = {"leaf_sha256": digest_of(record)} if short else {"leaf": leaf}
    text = json.dumps({**document, "seq": record.seq}, separators=(",", ":"), sort_keys=True)
    header = f"<{priority}>1 {leaf['at']} {hostname} public-data-sandbox - {leaf['kind'][:32]} - "
    return (header + text).encode("ascii")


class SyslogTarget:
    """A syslog receiver.

    Args:
        transport: how it is reached; a unix socket may be of datagrams or a stream.
        address: ``host:port``, ``[v6]:port``, or the path of a unix socket.
        patience: seconds for one batch.
    """

    def __init__(self, *, transport: Transport, address: str, patience: float) -> None:
        self._transport = transport
        self._address = address
        self._patience = patience
        self._hostname = _hostname()
        self._socket: socket.socket | None = None

    def write(self, records: Sequence[Delivered]) -> None:
        """Send a message for each record; see :class:`Target`."""
        end = time.monotonic() + self._patience
        try:
            connection = self._connected()
            if connection.type == socket.SOCK_DGRAM:
                for record in records:
                    self._send_datagram(connection, record, end)
                return
            framed = (message(record, hostname=self._hostname) for record in records)
            connection.settimeout(_left(end))
            connection.sendall(b"".join(b"%d %s" % (len(one), one) for one in framed))
            if self._transport == "tcp":
                _wait_for_acknowledgement(connection, end)
            _check_standing(connection)
        except BaseException:
            # A frame may be cut in the middle; only a new connection begins with a whole one.
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is not None:
            try:
                _check_standing(self._socket)
            except (SinkFailed, OSError):
                self.close()  # restarted since the last batch
        if self._socket is None:
            self._socket = self._connect()
        return self._socket

    def _connect(self) -> socket.socket:
        if self._transport == "unix":
            return _connect_unix(self._address, self._patience)
        host, _, port = self._address.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if self._transport == "tcp":
            return socket.create_connection((host, int(port)), timeout=self._patience)
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
        connection = socket.socket(family, kind, protocol)
        connection.connect(address)
        return connection

    def _send_datagram(self, connection: socket.socket, record: Delivered, end: float) -> None:
        connection.settimeout(_left(end))
        try:
            connection.send(message(record, hostname=self._hostname))
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            connection.send(message(record, hostname=self._hostname, short=True))


def _connect_unix(path: str, patience: float) -> socket.socket:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        connection = socket.socket(socket.AF_UNIX, kind)
        connection.settimeout(patience)
        try:
            connection.connect(path)
        except OSError as error:
            connection.close()
            if error.errno != errno.EPROTOTYPE:
                raise
        else:
            return connection
    raise SinkFailed(f"{path} is a socket of a kind that is not spoken here.")


def _wait_for_acknowledgement(connection: socket.socket, end: float) -> None:
    """Wait until the peer has acknowledged every byte; ``sendall`` alone only fills our own kernel."""
    while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]:
        if time.monotonic() >= end:
            raise SinkFailed("The receiver does not take what it is sent.")
        time.sleep(_POLL)


def _check_standing(connection: socket.socket) -> None:
    if connection.type == socket.SOCK_DGRAM:
        return
    connection.setblocking(False)  # MSG_DONTWAIT alone would still wait for the socket's own timeout
    try:
        if connection.recv(4096) == b"":
            raise SinkFailed("The receiver has closed the connection.")
    except BlockingIOError:
        return


def _left(end: float) -> float:
    return max(_POLL, end - time.monotonic())


def _hostname() -> str:
    name = "".join(letter for letter in socket.gethostname() if "!" <= letter <= "~")
    return name[:255] or "-"
