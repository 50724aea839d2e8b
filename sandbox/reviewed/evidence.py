"""The claims of the evidence: which table it is about, by which rules, and what stands behind each row.

Reviewers read it, masked rows included; it is never released and its author never sees it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from sandbox.canonical import Canonical, digest_of
from sandbox.query.render import canonical
from sandbox.query.typed import Base, Joined, Relation
from sandbox.reviewed.plan import ReviewedPlan, Shown
from sandbox.reviewed.read import Behind, Found
from sandbox.reviewed.rules import Rules
from sandbox.reviewed.suppress import Mask
from sandbox.sources.snapshot import Snapshot

SALT_BYTES = 16


def claims_of(
    plan: ReviewedPlan, found: Found, masks: Sequence[Mask | None], *, rules: Rules, snapshot: Snapshot
) -> dict[str, Canonical]:
    """Return what can be said of a table before it is known who asked for it and what its bytes are."""
    checked = plan.checked
    return {
        "mode": "reviewed",
        "salt": secrets.token_hex(SALT_BYTES),
        "authorization": checked.authorization.name,
        "dataset": checked.dataset.name,
        "snapshot": snapshot.digest,
        "policy": checked.policy_digest,
        "question": digest_of(canonical(checked.query)),
        "exact_over": {
            "copy": "values within their bounds; of one person at most so many rows of each table",
            "rows_of_a_person": dict(_bounds(checked.source)),
        },
        "rules": rules.document(),
        "measures": [column.name if column is not None else "" for column in plan.measures],
        "columns": [
            {"name": column.name, "function": column.function.value, "measure": column.measure}
            for column in plan.columns
            if isinstance(column, Shown)
        ],
        "rows": [_row(row.cell, behind, mask) for (row, behind), mask in zip(found, masks, strict=True)],
    }


def _row(cell: Sequence[object], behind: Behind, mask: Mask | None) -> Mapping[str, Canonical]:
    return {
        "key": [None if value is None else str(value) for value in cell],
        "masked": "" if mask is None else mask.reason,
        "fails": [] if mask is None else list(mask.codes),
        "behind": [asdict(part) for part in behind],
    }


def _bounds(source: Relation) -> Iterator[tuple[str, int]]:
    match source:
        case Base() if source.unit is not None:
            yield source.name, source.max_rows
        case Joined():
            yield from _bounds(source.left)
        case _:
            return
