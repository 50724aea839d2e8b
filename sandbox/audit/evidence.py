"""What the gateway signs of a reviewed answer, so that nobody needs its author's word for it.

Evidence is two lines of text: its claims as canonical JSON, and an Ed25519 signature over them by the key
that signs receipts. The signed bytes begin with a line of their own, so that a receipt is never taken for
evidence or evidence for a receipt. The claims hold a random ``salt``: who has nothing but the digest of
the evidence cannot find out by trying which numbers are in it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from sandbox import canonical
from sandbox.audit.keys import SigningKey, VerifyKey
from sandbox.canonical import Canonical
from sandbox.errors import Refusal

_DOMAIN = b"public-data-sandbox evidence 1\n"


def sign(claims: Mapping[str, Canonical], signer: SigningKey) -> bytes:
    """Return evidence that states ``claims``."""
    said = canonical.encode(claims)
    return said + b"\n" + base64.b64encode(signer.sign(_DOMAIN + said)) + b"\n"


def read(evidence: bytes, key: VerifyKey) -> Mapping[str, Any]:
    """Check the signature and return the claims; accepts only what :func:`sign` writes.

    Raises:
        Refusal: it was not signed by ``key`` or is not whole (code ``evidence-invalid``).
    """
    try:
        said, signature, rest = evidence.split(b"\n")
        key.verify(_DOMAIN + said, base64.b64decode(signature, validate=True))
        claims = canonical.decode(said)
    except (Refusal, ValueError, binascii.Error) as error:
        raise _invalid() from error
    if rest or not isinstance(claims, dict):
        raise _invalid()
    return claims


def _invalid() -> Refusal:
    return Refusal("evidence-invalid", "The evidence was not signed by this gateway or is not whole.")
