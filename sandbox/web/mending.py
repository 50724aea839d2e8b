"""What an author may do about a finding with one button: round, mask, drop or merge.

Each fix changes the table and nothing else; whether it helps is said by the same checks as before, which
run again afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from sandbox.policy.grades import ReviewPolicy
from sandbox.review.disclosure.columns import columns_of
from sandbox.review.forms import Table
from sandbox.review.numbers import is_whole, read_number, significant
from sandbox.review.screen.table import to_bytes
from sandbox.web.languages import translatable
from sandbox.web.viewer.table import read_cells

MASK: Final = "*"
"""What stands for a value that is left out."""
MERGED: Final = "other"
"""Label of the row that small groups are merged into."""
_COLUMN = re.compile(r"(?:row \d+, )?column (.+)", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """One button."""

    name: str
    """``round``, ``mask``, ``merge``, ``digits`` or ``drop``."""
    label: str
    """What the button says."""


LABELS: Final = (
    translatable("Round counts to {1}"),
    translatable("Mask counts below {1}"),
    translatable("Merge groups below {1}"),
    translatable("Round to {1} digits"),
    translatable("Drop the column {1}"),
)
"""Sentences of the buttons, with their amounts put in."""


def offered(findings: Iterable[Mapping[str, Any]], policy: ReviewPolicy, data: bytes) -> list[Fix]:
    """Return what may be done about ``findings`` of a table, each once."""
    codes = {finding["code"] for finding in findings if finding["severity"] != "info"}
    fixes = []
    if "C1" in codes:
        fixes.append(Fix(name="mask", label=f"Mask counts below {policy.min_cell}"))
        if _labels(_table(data)) == 1:
            fixes.append(Fix(name="merge", label=f"Merge groups below {policy.min_cell}"))
    if codes & {"C16", "C17"}:
        fixes.append(Fix(name="round", label=f"Round counts to {policy.round_to}"))
    if "C24" in codes:
        fixes.append(Fix(name="digits", label=f"Round to {policy.significant_digits} digits"))
    dropped = [_column_of(finding) for finding in findings if finding["code"] in {"C9", "C23", "C25"}]
    header = _table(data).header
    fixes += [
        Fix(name=f"drop {header.index(name)}", label=f"Drop the column {name}")
        for name in dict.fromkeys(dropped)
        if name in header
    ]
    return fixes


def mend(data: bytes, name: str, policy: ReviewPolicy) -> bytes:
    """Return the table in ``data`` with the fix ``name`` made; unchanged where there is no such fix."""
    table = _table(data)
    kind, _, place = name.partition(" ")
    fixes: dict[str, Callable[[], Table]] = {
        "round": lambda: _counts(table, lambda n: _to_multiple(n, policy.round_to)),
        "mask": lambda: _counts(table, lambda n: MASK if 0 < n < policy.min_cell else str(n)),
        "merge": lambda: _merged(table, policy.min_cell),
        "digits": lambda: _digits(table, policy.significant_digits),
        "drop": lambda: _without(table, int(place)) if place.isdecimal() else table,
    }
    return to_bytes(fixes[kind]()) if kind in fixes and table.header else data


def _table(data: bytes) -> Table:
    header, rows = read_cells(data)
    return Table(header, tuple(cells for _, cells in rows if len(cells) == len(header)))


def _column_of(finding: Mapping[str, Any]) -> str:
    found = _COLUMN.fullmatch(str(finding["where"]))
    return found[1] if found else ""


def _labels(table: Table) -> int:
    return sum(not _is_numeric(table, index) for index in range(len(table.header)))


def _is_numeric(table: Table, index: int) -> bool:
    return index in _count_columns(table) or all(
        read_number(cell) is not None for cell in table.column(index) if cell
    )


def _count_columns(table: Table) -> set[int]:
    return {index for index, column in enumerate(columns_of(table)) if column.is_count}


def _counts(table: Table, change: Callable[[Decimal], str]) -> Table:
    """Change every whole number in the columns of counts."""
    counts = _count_columns(table)
    rows = tuple(
        tuple(
            change(number)
            if index in counts and is_whole(cell) and (number := read_number(cell)) is not None
            else cell
            for index, cell in enumerate(row)
        )
        for row in table.rows
    )
    return replace(table, rows=rows)


def _to_multiple(number: Decimal, base: int) -> str:
    return str((number / base).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) * base)


def _digits(table: Table, digits: int) -> Table:
    def rounded(cell: str) -> str:
        number = read_number(cell)
        if number is None or significant(number) <= digits or cell.endswith("%"):
            return cell
        step = Decimal(1).scaleb(number.adjusted() - digits + 1)
        return f"{(number / step).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) * step:f}"

    return replace(table, rows=tuple(tuple(map(rounded, row)) for row in table.rows))


def _without(table: Table, index: int) -> Table:
    if not 0 <= index < len(table.header) or len(table.header) == 1:
        return table
    return Table(
        table.header[:index] + table.header[index + 1 :],
        tuple(row[:index] + row[index + 1 :] for row in table.rows),
    )


def _merged(table: Table, least: int) -> Table:
    """Put the rows with a small count into one row; what is no count cannot be added and is masked."""
    counts = _count_columns(table)
    small = [row for row in table.rows if any(_is_small(row[index], least) for index in counts)]
    if not small:
        return table
    label = next(index for index in range(len(table.header)) if not _is_numeric(table, index))
    merged = tuple(
        MERGED if index == label else _sum(row[index] for row in small) if index in counts else MASK
        for index in range(len(table.header))
    )
    return replace(table, rows=(*(row for row in table.rows if row not in small), merged))


def _is_small(cell: str, least: int) -> bool:
    number = read_number(cell)
    return number is not None and 0 < number < least


def _sum(cells: Iterable[str]) -> str:
    return str(sum((read_number(cell) or Decimal(0) for cell in cells), Decimal(0)))
