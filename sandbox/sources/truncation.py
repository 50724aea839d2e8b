"""What an answer leaves out, in words: rows beyond the contribution bound.

Noise is in an answer's intervals; rows that were dropped are not. They are what misleads most where few
persons have many rows, so every answer says how many they are, by the registration profile, which is
noisy and was paid for.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

from sandbox.privacy.plan import Plan
from sandbox.query.expr import Formula, Output, aggregates_in
from sandbox.query.typed import Base, Derived, Joined, PerUnitRows, Relation, Union
from sandbox.sources.snapshot import Snapshot, TruncationProfile

_WORTH_SAYING = Decimal("0.005")
"""Share of rows below which nothing is said: it rounds to 0 %."""


def truncation_warnings(plan: Plan, snapshot: Snapshot) -> tuple[str, ...]:
    """Return one sentence for each table and bound that leaves rows out; costs nothing more."""
    found = [_sentence(snapshot, *looked) for looked in _looked_at(plan)]
    if plan.threshold is not None:
        found.append(f"Groups whose noisy number of units is below {plan.threshold.least} are not shown.")
    return tuple(dict.fromkeys(sentence for sentence in found if sentence))


def _looked_at(plan: Plan) -> Iterator[tuple[str, int, str]]:
    """Yield each private table with a number of rows of a unit, and the outputs that look at so many."""
    table = plan.table
    if table is None:
        for base in _bases(plan.source):
            yield base.name, base.max_rows, ""
        return
    for rows in sorted(set(plan.bounds.values())):
        outputs = [
            output.name
            for output in plan.checked.query.outputs
            if isinstance(output, Output) and rows in _bounds_of(plan, output.formula)
        ]
        all_alike = len(set(plan.bounds.values())) == 1
        yield table.name, rows, "" if all_alike else " in " + ", ".join(outputs)


def _bounds_of(plan: Plan, formula: Formula) -> set[int]:
    return {plan.bounds[aggregate] for aggregate in aggregates_in(formula)}


def _bases(relation: Relation) -> Iterator[Base]:
    match relation:
        case Base():
            if relation.unit is not None:
                yield relation
        case Joined():
            yield from _bases(relation.left)
            yield from _bases(relation.right)
        case Derived() | PerUnitRows():
            yield from _bases(relation.source)
        case Union():
            for part in relation.parts:
                yield from _bases(part)


def _sentence(snapshot: Snapshot, table: str, rows: int, where: str) -> str:
    share = _share_dropped(snapshot.profile[table], rows)
    if share < _WORTH_SAYING:
        return ""
    percent = f"{share:.0%}".replace("%", " %")
    return f"About {percent} of the rows of {table} are not counted{where}: only {rows} of each unit are."


def _share_dropped(profile: TruncationProfile, rows: int) -> Decimal:
    dropped, kept = profile.dropped(rows), profile.kept(rows)
    if dropped <= 0 or dropped + kept <= 0:
        return Decimal(0)
    return (Decimal(dropped) / (dropped + kept)).quantize(Decimal("0.001"), ROUND_HALF_EVEN)
