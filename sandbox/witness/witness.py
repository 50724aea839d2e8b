"""What a witness decides: it cosigns a checkpoint only if it adds to what it cosigned before.

The order for one request, no step of which another request can come between:

1. a body that is not one, a checkpoint that is not one: 400;
2. a log it was not told of: 404; not signed by that log's key: 403; smaller than its own old size: 400;
3. the old size is not the one it cosigned last: 409, with that size;
4. the tree does not begin with the one it cosigned last: 422;
5. its own clock runs behind its last cosignature, or the disk does not take the record: 503;
6. the new size and root are on the disk; then the cosignature leaves: 200.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.audit import checkpoint, merkle
from sandbox.audit.checkpoint import Checkpoint
from sandbox.audit.cosignature import cosign
from sandbox.errors import Refusal
from sandbox.witness.memory import Memory, Seen
from sandbox.witness.request import SIZE_TYPE, Request, parse

SIZE_LIMIT = 2**63
"""First size that no log has (tlog-witness)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"


class Witness:
    """One witness; its caller asks it for one thing at a time.

    Args:
        memory: its key and what it has seen.
        clock: gives seconds since 1970; only tests pass one.
    """

    def __init__(self, memory: Memory, *, clock: Callable[[], float] = time.time) -> None:
        self._memory = memory
        self._clock = clock

    def add(self, body: bytes) -> Reply:
        """Answer one add-checkpoint."""
        try:
            request = parse(body)
            head = checkpoint.parse(request.note)
        except (ValueError, Refusal):
            return Reply(400, "This is not a request with a checkpoint.\n")
        seen = self._memory.get(head.origin)
        if seen is None:
            return Reply(404, "This witness was not told of a log of this name.\n")
        try:
            checkpoint.read(request.note, origin=seen.origin, key=seen.key)
        except Refusal:
            return Reply(403, "The checkpoint is not signed by the key this witness knows the log by.\n")
        if not request.old <= head.size < SIZE_LIMIT:
            return Reply(400, "The old size is larger than the checkpoint's, or that is too large.\n")
        return self._weigh(request, head, seen)

    def latest(self, name: str) -> Reply:
        """Answer with the checkpoint that was cosigned last, for whoever compares; ``name`` is a Seen's."""
        seen = self._memory.named(name)
        if seen is None or not seen.note:
            return Reply(404, "No checkpoint of such a log was cosigned.\n")
        return Reply(200, seen.note.decode())

    def _weigh(self, request: Request, head: Checkpoint, seen: Seen) -> Reply:
        if seen.note and head.size == seen.size and head.root != seen.root:
            with contextlib.suppress(OSError):  # a full disk changes nothing about the refusal
                self._memory.keep_evidence(seen.note, request.note)
        if request.old != seen.size:
            return Reply(409, f"{seen.size}\n", SIZE_TYPE)
        try:
            _check_growth(request, head, seen)
        except ValueError:
            return Reply(422, "The checkpoint does not begin with the one this witness cosigned last.\n")
        return self._cosign(request.note, head, seen)

    def _cosign(self, note: bytes, head: Checkpoint, seen: Seen) -> Reply:
        now = int(self._clock())
        if now < seen.time:
            return Reply(503, "The clock of this witness runs behind its last cosignature.\n")
        name, signer = self._memory.cosigner.name, self._memory.signer
        line = cosign(head.text(), name=name, signer=signer, time=now).text()
        # Only the log's signatures stand in the record: lines of strangers would be served as if checked.
        own = checkpoint.only(note, origin=seen.origin, key=seen.key) + line.encode()
        try:
            self._memory.keep(dataclasses.replace(seen, size=head.size, root=head.root, time=now, note=own))
        except OSError:
            return Reply(503, "This witness cannot write its record, so it cosigns nothing.\n")
        return Reply(200, line)


def _check_growth(request: Request, head: Checkpoint, seen: Seen) -> None:
    if seen.size:
        merkle.check_consistency(seen.size, seen.root, head.size, head.root, request.path)
    elif request.path or (head.size == 0 and head.root != merkle.EMPTY_ROOT):
        raise ValueError("nothing is proved from the empty tree")
