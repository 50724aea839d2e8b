"""A collector of syslog messages as a process of its own, so that it can be stopped and killed.

Writes one ``seq`` a line, durable before it reads on. Run by the tests of faults; not a test itself.
"""

from __future__ import annotations

import os
import re
import socket
import sys

from sink_servers import unframed

SEQ = re.compile(rb'"seq":(\d+)}$')


def main(port: int, place: str) -> None:
    """Accept one connection after the other on ``port`` until killed."""
    with socket.socket() as listening, open(place, "ab", buffering=0) as file:  # noqa: PTH123  # unbuffered
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # a stopped one is noticed soon
        listening.bind(("127.0.0.1", port))
        listening.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            stream, _ = listening.accept()
            with stream:
                collect(stream, file.fileno())


def collect(stream: socket.socket, file: int) -> None:
    """Write down what one connection brings."""
    data = b""
    while got := stream.recv(65536):
        found, data = unframed(data + got)
        for message in found:
            os.write(file, b"%s\n" % SEQ.search(message).group(1))  # type: ignore[union-attr]  # or it fails
        os.fsync(file)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
