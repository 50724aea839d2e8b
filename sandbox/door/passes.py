"""What a door on another machine shows to prove whose it is.

A pass is the person's name with a code over it (HMAC-SHA-256, RFC 2104) under a key that only the hub and the
hall hold. It is good as long as the key is: what it opens is the way to the gateway under that name, where
the notebook's own token is asked for besides, and that one ends with the notebook or the account.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from sandbox.errors import StartupRefusal
from sandbox.policy.names import PERSON_NAME

PASS_HEADER = "X-Sandbox-Pass"  # noqa: S105  # a header's name
PASS_KEY = "pass.key"  # noqa: S105  # a file's name
LEAST_KEY_BYTES = 32
_CONTEXT = b"sandbox door pass v1\x00"


def read_key(directory: Path) -> bytes:
    """Return the key in ``directory``.

    Raises:
        StartupRefusal: there is none, or it is too short to be random.
    """
    try:
        key = (directory / PASS_KEY).read_bytes().strip()
    except OSError as error:
        raise StartupRefusal(f"The key of doors' passes cannot be read in {directory}.") from error
    if len(key) < LEAST_KEY_BYTES:
        raise StartupRefusal(f"The key of doors' passes has fewer than {LEAST_KEY_BYTES} bytes.")
    return key


def issue(key: bytes, person: str) -> str:
    """Return the pass of the door of ``person``."""
    return f"{person}:{_code(key, person)}"


def holder(key: bytes, shown: str) -> str | None:
    """Return whose door shows this pass; None where it is not one that :func:`issue` made."""
    person, _, code = shown.partition(":")
    if not shown.isascii() or PERSON_NAME.fullmatch(person) is None:
        return None
    return person if hmac.compare_digest(code, _code(key, person)) else None


def _code(key: bytes, person: str) -> str:
    return hmac.new(key, _CONTEXT + person.encode(), hashlib.sha256).hexdigest()
