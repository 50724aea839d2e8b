"""To whom released packages are encrypted: age's native X25519 recipients (https://age-encryption.org/v1).

A key comes from the policy alone, never with a request: who could name the recipient of their own
release could name themselves.
"""

from __future__ import annotations

from typing import Annotated

import pyrage  # type: ignore[import-untyped]  # it ships no types
from pydantic import AfterValidator, Field, StrictStr

from sandbox.policy.values import Slug

MOST_RECIPIENTS = 20
"""Of one authorization."""
_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
"""Digits of Bech32 (BIP 173), least first."""
_PRIME = 2**255 - 19
_LOW_ORDER = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    }
)
"""Points of Curve25519 with which every exchange gives the same secret (RFC 7748, 6.1): anyone could read
what is encrypted to them, and the library ends the process instead of refusing."""


def _recipient(value: str) -> str:
    try:
        spelled = str(pyrage.x25519.Recipient.from_str(value))
    except pyrage.RecipientError:
        spelled = ""
    if spelled != value:
        raise ValueError(
            "Write a public key of age in quotes, as `age-keygen -y` prints it: age1 and 58 more."
        )
    if _coordinate(value) in _LOW_ORDER:
        raise ValueError("This key protects nothing; let the recipient make one with `age-keygen`.")
    return value


def _coordinate(spelled: str) -> int:
    """Return the point's u-coordinate as X25519 takes it (RFC 7748, 5)."""
    bits = 0
    for letter in spelled.removeprefix("age1")[:-6]:  # six letters of checksum, looked at before
        bits = bits << 5 | _LETTERS.index(letter)
    raw = (bits >> 4).to_bytes(32, "big")  # 52 letters are 260 bits, the last four of them padding
    return int.from_bytes(raw, "little") % 2**255 % _PRIME


RecipientKey = Annotated[StrictStr, AfterValidator(_recipient)]
"""A public key, ``age1...``."""
Recipients = Annotated[dict[Slug, RecipientKey], Field(max_length=MOST_RECIPIENTS)]
"""Public keys by the names under which people know their holders."""
