"""Asking a witness over HTTP to cosign a checkpoint, and believing only its key.

Nothing the witness answers is trusted before its signature holds; its network, address and
certificate decide nothing but whether there is an answer.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from sandbox.audit import checkpoint
from sandbox.audit import note as signed_note
from sandbox.audit.cosignature import Cosignature, Cosigner
from sandbox.errors import Refusal
from sandbox.witness.request import LIMIT, PATH, SIZE_TYPE, Request

TIMEOUT = 10.0
"""Seconds that a witness has for each answer."""
TRIES = 3
"""How often the size is corrected; others may submit the same log's checkpoints meanwhile."""
AHEAD = 300
"""Seconds by which a witness's clock may run before ours."""
Prove = Callable[[int], Sequence[bytes]]
"""Gives the consistency proof from an older size to the checkpoint."""
_WHY = {
    400: "it could not read the request",
    403: "it knows this log by another key",
    404: "it was not told of this log; its officer names the log's key when making the witness",
    422: "it has cosigned another history of this log",
}


class WitnessRefused(Refusal):
    """The witness did not cosign; the sentence says what it answered."""


def ask(url: str, cosigner: Cosigner, *, note: bytes, known: int, prove: Prove) -> Cosignature:
    """Have ``note`` cosigned.

    Args:
        url: the witness's submission prefix.
        cosigner: its name and key.
        note: a checkpoint signed by its log.
        known: size of the largest checkpoint that this witness is known to have cosigned, 0 if none.
        prove: makes the proof; asked with ``known``, and with what the witness says instead.

    Returns:
        Its cosignature, which holds for this checkpoint.

    Raises:
        WitnessRefused: it cannot be reached, refuses, or answers something else. Code
            ``witness-forked`` where its answer means that it has seen another history, or more of this
            one; ``witness-forgot`` where it has seen less than it cosigned.
    """
    head = checkpoint.parse(note)
    if known > head.size:
        raise _ahead(cosigner, known, head.size)
    old = known
    for _ in range(TRIES):
        path = tuple(prove(old)) if 0 < old < head.size else ()
        status, kind, body = _post(url, cosigner, Request(old=old, path=path, note=note).body())
        if status != http.client.CONFLICT:
            return _answer(cosigner, head.text(), status, body)
        corrected = _size(cosigner, kind, body)
        if corrected == old:  # tlog-witness 1.0 says so where 1.1 answers 422
            raise _forked(cosigner, "it has cosigned another history of this log")
        if corrected > head.size:
            raise _ahead(cosigner, corrected, head.size)
        if corrected < known:
            raise _forgotten(cosigner, known, corrected)
        old = corrected
    raise _refused(cosigner, "it named another size each time")


def _answer(cosigner: Cosigner, text: str, status: int, body: bytes) -> Cosignature:
    if status == http.client.UNPROCESSABLE_ENTITY:
        raise _forked(cosigner, _WHY[status])
    if status != http.client.OK:
        raise _refused(cosigner, _WHY.get(status, f"it answered with status {status}"))
    try:
        found = cosigner.among(signed_note.lines(body), text)
    except (ValueError, Refusal) as error:
        raise _refused(cosigner, "its cosignature does not hold") from error
    if found is None:
        raise _refused(cosigner, "it did not sign with the key that witnesses.toml names")
    if found.time > time.time() + AHEAD:
        raise _refused(cosigner, "its clock runs ahead of ours")
    return found


def _post(url: str, cosigner: Cosigner, body: bytes) -> tuple[int, str, bytes]:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request("POST", parts.path.rstrip("/") + PATH, body=body)
        response = connection.getresponse()
        answer = response.read(LIMIT)
    except (OSError, http.client.HTTPException) as error:
        raise WitnessRefused(
            "witness-unreachable",
            f"Witness {cosigner.name} does not answer at {url}.",
            allowed="The log goes on without it; try again later.",
        ) from error
    finally:
        connection.close()
    return response.status, response.getheader("Content-Type", ""), answer


def _size(cosigner: Cosigner, kind: str, body: bytes) -> int:
    text = body.decode("ascii", "replace").removesuffix("\n")
    if kind != SIZE_TYPE:
        raise _forked(cosigner, "it has cosigned another history of this log")
    if not text.isdecimal() or str(int(text[:20])) != text:
        raise _refused(cosigner, "it answered a conflict without a size")
    return int(text)


def _refused(cosigner: Cosigner, why: str) -> WitnessRefused:
    return WitnessRefused("witness-refused", f"Witness {cosigner.name} did not cosign: {why}.")


def _ahead(cosigner: Cosigner, seen: int, size: int) -> WitnessRefused:
    return _forked(
        cosigner,
        f"it has cosigned {seen} entries of this log, which has {size}: entries were lost, or there is "
        "another log under this key",
    )


def _forgotten(cosigner: Cosigner, known: int, said: int) -> WitnessRefused:
    return WitnessRefused(
        "witness-forgot",
        f"Witness {cosigner.name} has forgotten that it cosigned {known} entries; it says {said}.",
        allowed="It could be made to cosign another history: put a new one, with a new key, in its place.",
    )


def _forked(cosigner: Cosigner, why: str) -> WitnessRefused:
    return WitnessRefused(
        "witness-forked",
        f"Witness {cosigner.name} did not cosign: {why}.",
        allowed="Treat this as an incident: compare the witness's checkpoint with this log's.",
    )
