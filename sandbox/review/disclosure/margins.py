"""C18 for tables with several margins: what a linear program tells of each masked count.

Every row that names a total in one of its dimensions is an equation: the cells that differ from it in that
dimension alone add up to it. A masked count lies between 0 and whatever these equations and its own mask
(``<10``) leave open; a shown one may have been moved by rounding. The least and the largest value that a
masked count can have are two linear programs, solved by HiGHS (Huangfu and Hall 2018) through SciPy. What
integers can be lies within that; in tables of two dimensions it is the same.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sandbox.review.disclosure.columns import columns_of, is_mask, is_support, told_by_mask
from sandbox.review.disclosure.recoverable import names_total, tells
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Table, Thresholds
from sandbox.review.numbers import read_number

MOST_CELLS = 5_000
"""Of one table."""
MOST_MASKED = 40
"""More than that are not solved, and the reviewer is told so."""
SECONDS = 5.0
"""Of all linear programs of a table."""
Key = tuple[str | None, ...]
"""Values of the dimensions; None for a total."""
Equation = tuple[Key, Sequence[Key]]
"""A total, and the cells that it is made of."""
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One count of the table."""

    row: int
    """Counted from 0."""
    column: str
    number: float | None
    """None where it is masked."""
    below: int | None = None
    """Below which number a masked one lies by its mask."""


def check(table: Table, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for each column of counts whose margins tell too much of a masked one."""
    for cells in _tables(table):
        equations = list(_equations(cells))
        masked = [key for key, cell in cells.items() if cell.number is None]
        if not equations or not masked:
            continue
        if len(cells) > MOST_CELLS or len(masked) > MOST_MASKED:
            yield _unsolved(cells[masked[0]])
            continue
        half = thresholds.round_to // 2
        for key, ends in intervals(cells, equations, masked, half=half).items():
            if ends is None:
                yield _unsolved(cells[key])
                break
            if tells(*ends, below=cells[key].below, least=thresholds.min_cell):
                yield _found(cells[key], *ends)
                break


def intervals(
    cells: Mapping[Key, Cell], equations: Sequence[Equation], masked: Sequence[Key], *, half: int
) -> dict[Key, Interval | None]:
    """Return the least and the largest value of each masked cell; None where that was not found out.

    Args:
        cells: counts by the values of their dimensions.
        equations: each total with the cells that it is made of.
        masked: keys of cells without a number.
        half: how far rounding may have moved a shown number.
    """
    place = {key: number for number, key in enumerate(cells)}
    bounds = [
        (0.0, None if cell.below is None else cell.below - 1.0)
        if cell.number is None
        else (max(0.0, cell.number - half), cell.number + half)
        for cell in cells.values()
    ]
    solve = _solver(equations, place, bounds)
    found: dict[Key, Interval | None] = {}
    for key in masked:
        low, high = solve(place[key], 1), solve(place[key], -1)
        found[key] = None if low is None or high is None else (low, high)
    return found


def _solver(
    equations: Sequence[Equation], place: Mapping[Key, int], bounds: Sequence[tuple[float, float | None]]
) -> Callable[[int, int], float | None]:
    """Return what finds the least (1) or largest (-1) value of the cell at a place, None where it cannot."""
    # 0.3 s and 40 MB, for tables with masked cells and margins alone.
    from scipy.optimize import linprog  # type: ignore[import-untyped]  # noqa: PLC0415  # has no types
    from scipy.sparse import csr_array  # type: ignore[import-untyped]  # noqa: PLC0415  # as above

    rows, columns, factors = [], [], []
    for number, (total, parts) in enumerate(equations):
        rows += [number] * (1 + len(parts))
        columns += [place[total], *(place[part] for part in parts)]
        factors += [-1.0, *(1.0 for _ in parts)]
    # Sparse: of a thousand equations each names a few of the cells.
    matrix = csr_array((factors, (rows, columns)), shape=(len(equations), len(place)))
    until = time.monotonic() + SECONDS

    def solve(at: int, sign: int) -> float | None:
        left = until - time.monotonic()
        if left <= 0:
            return None
        aim = [0.0] * len(place)
        aim[at] = sign
        solved = linprog(
            aim,
            A_eq=matrix,
            b_eq=[0.0] * len(equations),
            bounds=bounds,
            method="highs",
            options={"time_limit": left},
        )
        if solved.status == _UNBOUNDED:
            return float("inf")
        return round(sign * float(solved.fun), 6) if solved.status == _SOLVED else None

    return solve


_SOLVED, _UNBOUNDED = 0, 3


def _tables(table: Table) -> Iterator[dict[Key, Cell]]:
    """Yield the counts of ``table`` by their dimensions: columns apart, or all where one is their total."""
    columns = columns_of(table)
    supports = [column for column in columns if is_support(column)]
    dimensions = [column for column in columns if column not in supports and not column.is_numeric]
    parts = [column for column in supports if column.is_part]
    totals = [column for column in supports if (column not in parts if parts else names_total(column.name))]
    together = len(supports) > 2 and len(totals) == 1  # noqa: PLR2004  # two parts and their total
    groups = [supports] if together else [[column] for column in supports]
    for group in groups:
        cells: dict[Key, Cell] = {}
        for column in group:
            last = () if not together else (None if column in totals else column.name,)
            for row, text in enumerate(column.cells):
                key = (*(_value(one.cells[row]) for one in dimensions), *last)
                number = None if is_mask(text) else read_number(text)
                if key in cells:
                    break  # two rows of the same dimensions: no table of margins
                cells[key] = Cell(
                    row=row,
                    column=column.name,
                    number=None if number is None else float(number),
                    below=told_by_mask(text),
                )
        if len(dimensions) + together > 1:
            yield cells


def _value(text: str) -> str | None:
    return None if names_total(text) else text


def _equations(cells: Mapping[Key, Cell]) -> Iterator[Equation]:
    """Yield each total of one dimension with the cells that it is made of."""
    width = len(next(iter(cells), ()))
    for dimension in range(width):
        parts: dict[Key, list[Key]] = defaultdict(list)
        for key in cells:
            if key[dimension] is not None:
                parts[(*key[:dimension], None, *key[dimension + 1 :])].append(key)
        yield from ((total, found) for total, found in parts.items() if total in cells)


def _found(cell: Cell, low: float, high: float) -> Finding:
    return Finding(
        code="C18",
        severity=Severity.FLAG,
        where=f"row {cell.row + 2}, column {cell.column}",
        sentence=f"The totals give a masked count back: it lies from {low:g} to {high:g}.",
        fix="Mask a second group in the same row and column too, or leave out the totals.",
    )


def _unsolved(cell: Cell) -> Finding:
    return Finding(
        code="C18",
        severity=Severity.FLAG,
        where=f"row {cell.row + 2}, column {cell.column}",
        sentence="What the totals tell of the masked counts could not be computed.",
        fix="Leave out the totals, or hand in smaller tables.",
    )
