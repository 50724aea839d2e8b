"""The proof that a question was paid for.

Only the ledger makes a :class:`Charge`, in the transaction that also writes the question's intent to
the log; whoever reads rows asks for one, so that reading before paying does not type-check.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.privacy.loss import Loss


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """One paid question; the loss is spent whatever happens next."""

    request_id: str
    """Identifier of the request; it charges once."""
    plan_digest: str
    """Digest of the one plan that may run for it."""
    loss: Loss
    """What was charged to each scope."""
    intent: int
    """Sequence number of the intent in the log."""
