"""One byte string for one value, and its digest.

Canonical JSON here is a subset of RFC 8785 without numbers that are not integers: UTF-8, no white
space, keys sorted by code point, and only ``None``, ``bool``, ``int``, ``str``, lists and
string-keyed mappings. Floats are refused because two writers may spell one float differently;
losses travel as integers and decimals as strings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

Canonical = None | bool | int | str | Sequence["Canonical"] | Mapping[str, "Canonical"]


def encode(value: Canonical) -> bytes:
    """Return the one canonical JSON encoding of ``value``.

    Raises:
        TypeError: a float, a non-string key or any other type is inside.
    """
    _check(value)
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    ).encode()


def decode(data: bytes) -> Any:
    """Read canonical JSON back; accepts only what :func:`encode` writes.

    Raises:
        ValueError: the bytes are not the canonical encoding of their own value.
    """
    try:
        value = json.loads(data)
        again = encode(value)
    except (TypeError, RecursionError) as error:
        raise ValueError("not canonical JSON") from error
    if again != data:
        raise ValueError("not canonical JSON")
    return value


def digest(data: bytes) -> str:
    """Return ``sha256:`` and the lower-case hex SHA-256 of ``data``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of(value: Canonical) -> str:
    """Return the digest of the canonical encoding of ``value``."""
    return digest(encode(value))


_PLAIN = frozenset({type(None), bool, int, str})
"""Types of most values; to look one up is quicker than to ask what it is an instance of."""


def _check(value: object) -> None:
    if type(value) in _PLAIN or isinstance(value, int | str):  # an enumeration's member is a str too
        return
    if isinstance(value, dict | Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"key {key!r} is not a string")
            _check(item)
        return
    if isinstance(value, list | tuple):
        for item in value:
            _check(item)
        return
    raise TypeError(f"{type(value).__name__} has no canonical encoding")
