"""What a person gets back: an answer, or the estimate of one.

An :class:`Answer` exists only after its digest stands in the log; its bytes are canonical, so the
receipt that names them can be checked by anyone who holds the public key.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from sandbox.canonical import Canonical, digest, encode
from sandbox.ledger.ledger import Balance
from sandbox.privacy.accuracy import ExpectedError
from sandbox.privacy.loss import Loss
from sandbox.privacy.post import AnswerTable
from sandbox.statements import balance_document


def csv_bytes(table: AnswerTable) -> bytes:
    """Return ``table`` as the one CSV that a receipt covers: UTF-8, commas, LF, header first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(["" if value is None else value for value in row] for row in table.rows)
    return buffer.getvalue().encode()


def table_document(table: AnswerTable) -> dict[str, Canonical]:
    """Return ``table`` as a canonical document; no float is in it."""
    return {"columns": list(table.columns), "rows": [list(row) for row in table.rows]}


def table_digest(table: AnswerTable) -> str:
    """Return the digest of the answer's own bytes, as the log and the receipt name them."""
    return digest(encode(table_document(table)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A noisy table and everything that must travel with it."""

    id: str
    authorization: str
    dataset: str
    snapshot: str
    """Digest of the bounded copy it was computed on."""
    table: AnswerTable
    aggregates: tuple[str, ...]
    """Names of the columns that are noisy; each has ``name_low`` and ``name_high`` beside it."""
    epsilon: str
    """Pure epsilon of this answer."""
    loss: Loss
    """What was charged for giving it now, in zCDP: nothing where it is repeated."""
    left: tuple[Balance, ...]
    """What is left in every scope that was charged, after this answer."""
    warnings: tuple[str, ...]
    receipt: str
    issued_at: str
    """When it was given the first time."""
    cached: bool
    """Whether it was given before under the same authorization and is repeated, number for number."""

    def to_document(self) -> dict[str, Any]:
        """Return the JSON-able form that the notebook's client reads."""
        return {
            "id": self.id,
            "authorization": self.authorization,
            "dataset": self.dataset,
            "snapshot": self.snapshot,
            **table_document(self.table),
            "aggregates": list(self.aggregates),
            "csv": csv_bytes(self.table).decode(),
            "epsilon": self.epsilon,
            "picorho": self.loss.picorho,
            "left": [balance_document(balance, self.loss) for balance in self.left],
            "warnings": list(self.warnings),
            "receipt": self.receipt,
            "issued_at": self.issued_at,
            "cached": self.cached,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What a question would cost and how exact its answer would be; no data was touched."""

    authorization: str
    dataset: str
    epsilon: str
    loss: Loss
    """What a new answer would be charged."""
    cells: int
    errors: tuple[ExpectedError, ...]
    left: tuple[Balance, ...]
    warnings: tuple[str, ...]
    cached: bool
    """Whether the question was answered before, so that asking it repeats that answer at no cost."""

    def to_document(self) -> dict[str, Any]:
        """Return the JSON-able form that the notebook's client reads."""
        return {
            "authorization": self.authorization,
            "dataset": self.dataset,
            "epsilon": self.epsilon,
            "picorho": self.loss.picorho,
            "cells": self.cells,
            "expected_errors": [
                {
                    "name": error.name,
                    "half_width": None if error.half_width is None else str(error.half_width),
                    "note": error.note,
                }
                for error in self.errors
            ],
            "left": [balance_document(balance, self.loss) for balance in self.left],
            "warnings": list(self.warnings),
            "cached": self.cached,
            "dry_run": True,
        }
