"""What an answer carries so that anybody can check later that the gateway gave it, and to whom.

A receipt is one word, ``pds1.<claims>.<signature>`` in base64url: canonical JSON and an Ed25519
signature over it. The signed bytes begin with a line that no checkpoint or manifest begins with, so
a signature made for one purpose says nothing in another.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict, dataclass, fields

from sandbox import canonical
from sandbox.audit.keys import SIGNATURE_SIZE, SigningKey, VerifyKey
from sandbox.errors import Refusal

PREFIX = "pds1"
RECEIPT_LIMIT = 8192
"""Characters of a receipt that :func:`read` looks at."""
_DOMAIN = b"public-data-sandbox receipt 1\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The claims of one receipt."""

    answer: str
    """Id of the question and its answer."""
    author: str
    """Account name of who asked."""
    authorization: str
    """Name of the authorization under which it was asked."""
    dataset: str
    """Name of the dataset."""
    snapshot: str
    """Digest of the bounded copy that was read."""
    question: str
    """Digest of the question."""
    epsilon: str
    """What was asked for, as a decimal string."""
    picorho: int
    """Loss charged, in 1e-12 zCDP rho."""
    csv_sha256: str
    """Digest of the answer as CSV."""
    json_sha256: str
    """Digest of the answer as JSON."""
    seq: int
    """Place of the outcome in the log."""
    issued_at: str
    """When, UTC, ISO 8601."""

    def issue(self, signer: SigningKey) -> str:
        """Return the signed receipt as one word."""
        claims = canonical.encode(asdict(self))
        return f"{PREFIX}.{_word(claims)}.{_word(signer.sign(_DOMAIN + claims))}"


def read(text: str, key: VerifyKey) -> Receipt:
    """Check a receipt's signature and return its claims; accepts only what ``issue`` writes.

    Raises:
        Refusal: it was not issued by ``key`` or is not whole (code ``receipt-invalid``).
    """
    try:
        prefix, claims_word, signature_word = text[: RECEIPT_LIMIT + 1].split(".")
        claims, signature = _bytes(claims_word), _bytes(signature_word)
    except (ValueError, binascii.Error) as error:
        raise _invalid() from error
    if prefix != PREFIX or len(text) > RECEIPT_LIMIT or len(signature) != SIGNATURE_SIZE:
        raise _invalid()
    try:
        key.verify(_DOMAIN + claims, signature)
        document = canonical.decode(claims)
    except (Refusal, ValueError) as error:
        raise _invalid() from error
    if not isinstance(document, dict) or document.keys() != {field.name for field in fields(Receipt)}:
        raise _invalid()
    return Receipt(**document)


def _word(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(word: str) -> bytes:
    data = base64.urlsafe_b64decode(word.encode("ascii") + b"=" * (-len(word) % 4))
    if _word(data) != word:
        raise ValueError("not the one spelling of its bytes")
    return data


def _invalid() -> Refusal:
    return Refusal(
        "receipt-invalid",
        "The receipt was not issued by this gateway or is not whole.",
        allowed="Pass on the receipt exactly as the answer carried it.",
    )
