"""C28 and C30: what the receipts of a request prove, and what its answers cost together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from sandbox.audit.keys import VerifyKey
from sandbox.audit.receipt import Receipt, read
from sandbox.errors import Refusal
from sandbox.privacy.loss import PICO
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


def check_uncovered(receipts: Sequence[Receipt], *, sha256: str) -> Iterator[Finding]:
    """Yield a flag where receipts were handed in and none covers this table byte for byte."""
    if receipts and sha256 not in {receipt.csv_sha256 for receipt in receipts}:
        yield Finding(
            code="C28",
            severity=Severity.FLAG,
            where="file",
            sentence="None of the receipts covers this table byte for byte, so they prove nothing about it.",
            fix="Submit the answer's CSV unchanged, or say in the purpose what was made of it.",
        )


def check_losses(receipts: Sequence[Receipt]) -> Iterator[Finding]:
    """Yield what all answers behind the request were charged."""
    if receipts:
        rho = Decimal(sum(receipt.picorho for receipt in receipts)) / PICO
        answers = "One answer stands" if len(receipts) == 1 else f"{len(receipts)} answers stand"
        yield Finding(
            code="C30",
            severity=Severity.INFO,
            where="request",
            sentence=f"{answers} behind this request, charged rho {rho:.6f} in all.",
        )


def _refused(number: int, why: str) -> Finding:
    return Finding(
        code="C28",
        severity=Severity.REFUSE,
        where=f"receipt {number}",
        sentence=f"The receipt {why}.",
        fix="Pass on receipts exactly as your own answers under this authorization carried them.",
    )
