"""C28 and C30: what the receipts of a request prove, and what its answers cost together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sandbox.audit.keys import VerifyKey
from sandbox.audit.receipt import Receipt, read
from sandbox.errors import Refusal
from sandbox.privacy.loss import Loss
from sandbox.review.finding import Finding, Severity


def read_all(
    texts: Sequence[str], *, key: VerifyKey, author: str, authorization: str
) -> tuple[tuple[Receipt, ...], tuple[Finding, ...]]:
    """Return the receipts that hold for this author and authorization, and findings on the others."""
    valid: dict[str, Receipt] = {}
    findings: list[Finding] = []
    for number, text in enumerate(texts, start=1):
        try:
            receipt = read(text, key)
        except Refusal:
            findings.append(_refused(number, "was not issued by this gateway or is not whole"))
            continue
        if receipt.author != author:
            findings.append(_refused(number, "belongs to another person"))
        elif receipt.authorization != authorization:
            findings.append(_refused(number, "belongs to another authorization"))
        else:
            valid[receipt.answer] = receipt
    return tuple(valid.values()), tuple(findings)


def check(receipts: Sequence[Receipt], *, digests: frozenset[str]) -> Iterator[Finding]:
    """Yield receipts that cover none of the files, and what all answers cost.

    Args:
        receipts: the valid ones.
        digests: of the canonical files.
    """
    for receipt in receipts:
        if receipt.csv_sha256 not in digests:
            yield Finding(
                code="C28",
                severity=Severity.FLAG,
                where=f"receipt of answer {receipt.answer}",
                sentence="The receipt covers none of the files, byte for byte.",
                fix="Submit the answer's CSV unchanged, or leave the receipt out.",
            )
    if receipts:
        loss = sum((Loss(receipt.picorho) for receipt in receipts), Loss(0))
        yield Finding(
            code="C30",
            severity=Severity.INFO,
            where="request",
            sentence=f"The {len(receipts)} answers were charged {loss.picorho} picorho in all.",
        )


def _refused(number: int, why: str) -> Finding:
    return Finding(
        code="C28",
        severity=Severity.REFUSE,
        where=f"receipt {number}",
        sentence=f"The receipt {why}.",
        fix="Pass on receipts exactly as your own answers under this authorization carried them.",
    )
