"""C19, C20 and C21: what two tables tell together that neither tells alone.

Two tables over the same people are laid side by side by the values of their dimensions, whatever the columns
are called. Where both have the same dimensions, matching cells are subtracted (C19). Where one has more of
them, its cells are added up to the other's first; a cell that was masked in one is then told by the other
(C20). Tables of the same cells with other totals are pointed out (C21).

Counts are rounded, so a sum of m of them is uncertain by m times half the base, and a difference within that
says nothing. The rules follow the ABS DataLab's ("differences of less than ten") and proposals made for ACRO
(issues 106 and 117).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.review.disclosure.columns import Column, columns_of, is_mask, is_support
from sandbox.review.finding import Finding, Severity
from sandbox.review.forms import Table, Thresholds
from sandbox.review.numbers import read_number

LIKE = Decimal("0.5")
"""Share of values that two columns must have in common to be one dimension."""
Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One cell of the new table that an old one tells more about."""

    code: str
    row: int
    """In the new table, from 0."""
    column: str
    """Of counts, in the new table."""
    persons: Decimal
    """Implied number; what lies around it within :attr:`uncertain` is meant too."""
    uncertain: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedCell:
    """One cell that both tables have, the finer one added up to the other's dimensions."""

    key: Key
    mine: Decimal | None
    """None where it is masked."""
    theirs: Decimal | None
    between: Decimal | None
    """The difference; None where one of them is masked."""
    tells: bool
    """Whether the two together tell of fewer than ``min_cell`` persons."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """What two tables have in common: one of their columns of counts over the dimensions of both."""

    dimensions: tuple[str, ...]
    """Names in the new table; empty for totals alone."""
    count: str
    mine: Decimal
    """Total of what is shown of the new table."""
    theirs: Decimal
    cells: tuple[SharedCell, ...]

    @property
    def smallest(self) -> Decimal | None:
        """The smallest difference that is not nothing; None where there is none."""
        return min((abs(one.between) for one in self.cells if one.between), default=None)


Cells = Mapping[Key, list[tuple[int, Decimal | None]]]


def compare(new: Table, old: Table, thresholds: Thresholds) -> Iterator[Difference]:
    """Yield what ``new`` tells about fewer than ``min_cell`` persons, once ``old`` is known too."""
    pairs = _same_dimensions(_dimensions(new), _dimensions(old))
    if not pairs:
        return
    left, right = ([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    finer_new, finer_old = len(_dimensions(new)) > len(pairs), len(_dimensions(old)) > len(pairs)
    if finer_new and finer_old:
        return
    for mine, theirs in _same_counts(new, old):
        a, b = _cells(new, left, mine), _cells(old, right, theirs)
        code = "C20" if finer_new or finer_old else "C19"
        yield from _subtract(a, b, mine, code=code, thresholds=thresholds)


def overlaps(new: Table, old: Table, thresholds: Thresholds) -> Iterator[Overlap]:
    """Yield what both tables have in common, to be looked at; the rules are those of :func:`compare`."""
    pairs = _same_dimensions(_dimensions(new), _dimensions(old))
    told = {(one.row, one.column) for one in compare(new, old, thresholds)}
    for mine, theirs in _same_counts(new, old) if pairs else ():
        a = _cells(new, [pair[0] for pair in pairs], mine)
        b = _cells(old, [pair[1] for pair in pairs], theirs)
        cells = tuple(_shared(key, a[key], b[key], mine.name, told) for key in sorted(a.keys() & b.keys()))
        if cells:
            yield Overlap(
                dimensions=tuple(pair[0].name for pair in pairs),
                count=mine.name,
                mine=_total(a),
                theirs=_total(b),
                cells=cells,
            )


def check(new: Table, others: Sequence[Table], thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for each rule that some other table breaks together with ``new``.

    Sentences name no other request: their reader may be somebody who must not know of it.
    """
    found: dict[str, list[Difference]] = defaultdict(list)
    linked = False
    for old in others:
        differences = list(compare(new, old, thresholds))
        for difference in differences:
            found[difference.code].append(difference)
        linked = linked or (not differences and _linked(new, old))
    for code, differences in sorted(found.items()):
        yield _finding(code, differences, thresholds.min_cell)
    if linked:
        yield Finding(
            code="C21",
            severity=Severity.FLAG,
            where="table",
            sentence="A table of the same cells with other totals has been released or waits for release.",
            fix="Say in the purpose how the two differ, or withdraw one of them.",
        )


def _finding(code: str, differences: Sequence[Difference], least: int) -> Finding:
    worst = min(differences, key=lambda one: (abs(one.persons), one.row))
    cells = {(one.row, one.column) for one in differences}
    return Finding(
        code=code,
        severity=Severity.FLAG,
        where=f"row {worst.row + 2}, column {worst.column}",
        cells=tuple(sorted(cells)),
        sentence="Together with another table of the same people, released or waiting for release, it "
        f"tells of fewer than {least} persons; cells concerned: {len(cells)}.",
        fix="Use the same groups as in the other table, or merge the cells concerned in both.",
    )


def _dimensions(table: Table) -> list[Column]:
    return [column for column in columns_of(table) if not column.is_numeric or _is_time(column)]


def _same_dimensions(new: Sequence[Column], old: Sequence[Column]) -> list[tuple[Column, Column]]:
    """Return columns of both that mean the same, each at most once."""
    left = list(old)
    pairs = []
    for column in new:
        best = max(left, key=lambda other: _likeness(column, other), default=None)
        if best is not None and _likeness(column, best) >= LIKE:
            pairs.append((column, best))
            left.remove(best)
    return pairs


def _likeness(one: Column, other: Column) -> Decimal:
    first, second = set(one.cells), set(other.cells)
    return Decimal(len(first & second)) / max(1, min(len(first), len(second)))


def _same_counts(new: Table, old: Table) -> Iterator[tuple[Column, Column]]:
    mine = [column for column in columns_of(new) if is_support(column)]
    theirs = [column for column in columns_of(old) if is_support(column)]
    if len(mine) == len(theirs) == 1:
        yield mine[0], theirs[0]
        return
    named = {column.name.casefold(): column for column in theirs}
    for column in mine:
        if column.name.casefold() in named:
            yield column, named[column.name.casefold()]


def _is_time(column: Column) -> bool:
    # two thousand persons are no year
    return column.is_period and not column.is_count


def _cells(table: Table, dimensions: Sequence[Column], counts: Column) -> Cells:
    """Return rows with their counts by the values of ``dimensions``; None for what is masked."""
    found: dict[Key, list[tuple[int, Decimal | None]]] = defaultdict(list)
    for row in range(len(table.rows)):
        cell = counts.cells[row]
        number = None if is_mask(cell) else read_number(cell)
        found[tuple(column.cells[row] for column in dimensions)].append((row, number))
    return found


def _subtract(
    new: Cells,
    old: Cells,
    column: Column,
    *,
    code: str,
    thresholds: Thresholds,
) -> Iterator[Difference]:
    half, least = Decimal(thresholds.round_to // 2), thresholds.min_cell
    for key in new.keys() & old.keys():
        mine, theirs = new[key], old[key]
        masked = sum(number is None for _, number in (*mine, *theirs))
        shown = len(mine) + len(theirs) - masked
        uncertain = half * shown
        between = sum((n for _, n in mine if n is not None), Decimal()) - sum(
            (n for _, n in theirs if n is not None), Decimal()
        )
        if masked == 1 and shown > 1:
            tells = 2 * uncertain + 1 < least
        else:
            tells = masked == 0 and uncertain < abs(between) < least
        if tells:
            row = next((row for row, number in mine if number is None), mine[0][0])
            yield Difference(code=code, row=row, column=column.name, persons=between, uncertain=uncertain)


def _shared(
    key: Key,
    mine: list[tuple[int, Decimal | None]],
    theirs: list[tuple[int, Decimal | None]],
    column: str,
    told: set[tuple[int, str]],
) -> SharedCell:
    one, other = _added_up(mine), _added_up(theirs)
    return SharedCell(
        key=key,
        mine=one,
        theirs=other,
        between=None if one is None or other is None else one - other,
        tells=any((row, column) in told for row, _ in mine),
    )


def _added_up(rows: list[tuple[int, Decimal | None]]) -> Decimal | None:
    shown = [number for _, number in rows if number is not None]
    return sum(shown, Decimal()) if len(shown) == len(rows) else None


def _linked(new: Table, old: Table) -> bool:
    """Whether both show the same cells, and their totals differ."""
    mine, theirs = _dimensions(new), _dimensions(old)
    pairs = _same_dimensions(mine, theirs)
    if not pairs or not len(pairs) == len(mine) == len(theirs):
        return False
    for one, other in _same_counts(new, old):
        a = _cells(new, [pair[0] for pair in pairs], one)
        b = _cells(old, [pair[1] for pair in pairs], other)
        if 2 * len(a.keys() & b.keys()) >= len(a.keys() | b.keys()) and _total(a) != _total(b):
            return True
    return False


def _total(cells: Cells) -> Decimal:
    return sum((n for rows in cells.values() for _, n in rows if n is not None), Decimal())
