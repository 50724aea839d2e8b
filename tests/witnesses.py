"""Logs that fork, and witnesses that run, for the tests of witnesses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox.audit import merkle
from sandbox.audit.checkpoint import Checkpoint
from sandbox.audit.cosignature import Cosignature, Cosigner
from sandbox.audit.keys import SigningKey
from sandbox.witness import memory
from sandbox.witness.client import ask
from sandbox.witness.request import Request

LOG_KEY = SigningKey.from_seed(b"\x31" * 32)
ORIGIN = "example.org/log"
NAME = "officer.example"


class Tree:
    """One history of the log; two that share ``common`` leaves are a fork."""

    def __init__(self, fork: str, common: int, size: int, *, key: SigningKey = LOG_KEY) -> None:
        self._key = key
        self._nodes: dict[tuple[int, int], bytes] = {}
        self.roots = [merkle.EMPTY_ROOT]
        tree = merkle.Frontier()
        for number in range(size):
            leaf = f"leaf {number} of {fork if number >= common else 'all'}".encode()
            self._nodes.update({(level, index): value for level, index, value in tree.push(leaf)})
            self.roots.append(tree.root())

    def note(self, size: int) -> bytes:
        """Return the signed checkpoint."""
        return Checkpoint(origin=ORIGIN, size=size, root=self.roots[size]).sign(self._key)

    def path(self, old: int, new: int) -> Sequence[bytes]:
        """Return the honest proof; empty where there is nothing to prove."""
        if not 0 < old < new:
            return ()
        return merkle.consistency_path(old, new, lambda level, index: self._nodes[level, index])

    def body(self, old: int, new: int) -> bytes:
        """Return the honest request."""
        return Request(old=old, path=tuple(self.path(old, new)), note=self.note(new)).body()


def make_witness(directory: Path) -> Cosigner:
    """Make a witness that watches the log of these trees."""
    return memory.create(directory, name=NAME, logs={ORIGIN: LOG_KEY.public})


def cosigned(url: str, cosigner: Cosigner, tree: Tree, size: int, *, known: int = 0) -> Cosignature:
    """Have a checkpoint of ``tree`` cosigned, by the log's own client."""
    return ask(url, cosigner, note=tree.note(size), known=known, prove=lambda old: tree.path(old, size))


@contextmanager
def running(*words: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a witness in a process of its own; give it and its address."""
    with subprocess.Popen(  # as a user starts it, so that nothing is shared with the test
        [sys.executable, *map(str, words)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("witness ready: "), line
            yield process, line.removeprefix("witness ready: ").strip()
        finally:
            process.kill()


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """Serve a witness by the command; give its address."""
    with running("-m", "sandbox.cli", "witness", "serve", directory, "--port", "0") as (_, url):
        yield url
