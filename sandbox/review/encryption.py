"""A package that only its named recipients can read: an age file (https://age-encryption.org/v1).

Who holds one of the recipients' keys reads it with Debian's ``age``; nobody else does, not even from
the sandbox's own database, for the sandbox has no key that opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyrage  # type: ignore[import-untyped]  # it ships no types

from sandbox.errors import Conflict

SUFFIX = ".age"


def keys_of(manifest: Mapping[str, Any]) -> list[str]:
    """Return the public keys that a sealed manifest names; none in one of before there were any."""
    return [str(recipient["key"]) for recipient in manifest.get("recipients", ())]


def encrypt(package: bytes, keys: list[str]) -> bytes:
    """Return ``package`` encrypted to each of ``keys``; never twice the same bytes.

    Args:
        package: the archive.
        keys: public keys as the policy has read them, at least one.

    Raises:
        Conflict: there is no key, or one is none; then nothing may leave.
    """
    try:
        recipients = [pyrage.x25519.Recipient.from_str(key) for key in keys]
        return bytes(pyrage.encrypt(package, recipients))
    except (pyrage.RecipientError, pyrage.EncryptError) as error:
        raise Conflict("recipients-invalid", "The package cannot be encrypted to its recipients.") from error
