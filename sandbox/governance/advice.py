"""What a policy should say, by a survey: contribution bounds, clamping bounds, and how clean columns are.

A function of the policy and of the survey's noisy numbers alone, so it costs nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

from sandbox.policy.dataset import ColumnPolicy, DatasetPolicy, TablePolicy, Use
from sandbox.policy.values import spell
from sandbox.privacy.histogram import estimated, significance
from sandbox.sources.classes import FIRST_BIN, MISSING, OUTSIDE, UNREADABLE, grid_of, surveyed
from sandbox.sources.profile import TruncationProfile
from sandbox.sources.survey import Survey

_SHOWN = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(4))
"""Multiples of the best contribution bound whose errors are shown beside it."""
_TAIL = Fraction(1, 100)
"""Share of values that proposed bounds may clamp at each end."""
_PERCENT = Decimal("0.1")


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundError:
    """How exact COUNT(*) over a whole table is expected to be at epsilon 1 with one contribution bound."""

    rows: int
    """The contribution bound."""
    dropped: int
    """Estimated rows that no answer counts; few units with very many rows may be missed."""
    noise: int
    """Standard deviation of the noise: sqrt(2) K."""
    error: int
    """Root of the expected squared error: both together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableAdvice:
    """Advice on one table's contribution bound."""

    table: str
    units: int
    """Estimated number of units."""
    rows: int
    """Estimated number of rows."""
    max_rows: int
    """The present bound."""
    proposed: int
    """The bound with the smallest error."""
    errors: tuple[BoundError, ...]
    """Of the present bound, of the proposed one and of some around it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureAdvice:
    """Where the values of one measure lie."""

    bounds: tuple[str, str]
    """Present bounds."""
    most_below: str | None = None
    """Value that about 99 % of the values do not exceed; None where noise hides it."""
    proposed: tuple[str, str] | None = None
    """Bounds that clamp about 1 % of the values at either end; None where noise hides them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnAdvice:
    """How clean one column is and, for a measure, where its values lie. Shares are of units' drawn rows."""

    table: str
    column: str
    missing: Decimal | None
    """Percent of rows without a value; this and the next two None where the noise hides all units."""
    unreadable: Decimal | None
    """Percent whose value is not of the policy's type."""
    outside: Decimal | None
    """Percent whose value lies outside the bounds or the domain."""
    resolution: Decimal | None
    """Percent within which these are right with a chance of 95 %."""
    measure: MeasureAdvice | None
    """Only where the column is a measure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """Advice on one dataset's policy."""

    dataset: str
    tables: tuple[TableAdvice, ...]
    columns: tuple[ColumnAdvice, ...]

    def to_document(self) -> dict[str, Any]:
        """Return the advice as JSON-able values; percents are texts."""
        columns = [
            {key: str(value) if isinstance(value, Decimal) else value for key, value in asdict(one).items()}
            for one in self.columns
        ]
        tables = [asdict(table) for table in self.tables]
        return {"dataset": self.dataset, "tables": tables, "columns": columns, "toml": self.to_toml()}

    def to_toml(self) -> str:
        """Return the keys of the dataset's policy with what is proposed for them."""
        lines = []
        for table in self.tables:
            lines += [f"[tables.{table.table}]", f"max_rows_per_unit = {table.proposed}", ""]
            for column in self.columns:
                proposed = column.measure.proposed if column.measure else None
                if column.table == table.table and proposed is not None:
                    low, high = proposed
                    lines += [
                        f"[tables.{table.table}.columns.{column.column}]",
                        f'bounds = ["{low}", "{high}"]',
                        "",
                    ]
        return "\n".join(lines)


def advise(dataset: DatasetPolicy, survey: Survey) -> Advice:
    """Return what ``survey`` says about the policy of ``dataset``."""
    tables = {name: dataset.tables[name] for name in survey.tables}
    return Advice(
        dataset=dataset.name,
        tables=tuple(_on_table(name, survey.tables[name].profile) for name in tables),
        columns=tuple(found for name, table in tables.items() for found in _on_columns(name, table, survey)),
    )


def _on_table(name: str, profile: TruncationProfile) -> TableAdvice:
    errors = {rows: _error_of(profile, rows) for rows in profile.edges}
    best = min(errors.values(), key=lambda found: (found.error, found.rows)).rows
    near = {min(profile.edges, key=lambda edge: abs(edge - best * factor)) for factor in _SHOWN}
    return TableAdvice(
        table=name,
        units=profile.units,
        rows=profile.rows,
        max_rows=profile.max_rows,
        proposed=best,
        errors=tuple(errors[rows] for rows in sorted(near | {profile.max_rows})),
    )


def _error_of(profile: TruncationProfile, rows: int) -> BoundError:
    dropped = profile.dropped(rows)
    return BoundError(
        rows=rows,
        dropped=dropped,
        noise=math.isqrt(2 * rows * rows),
        error=math.isqrt(dropped * dropped + 2 * rows * rows),
    )


def _on_columns(name: str, table: TablePolicy, survey: Survey) -> Iterator[ColumnAdvice]:
    found = survey.tables[name]
    for column, policy in surveyed(table).items():
        counts = found.columns[column]
        bins = _values(counts, survey.epsilon)
        grid = grid_of(policy)
        outside = _outside(bins, grid, policy) if grid else Fraction(counts[OUTSIDE])
        yield ColumnAdvice(
            table=name,
            column=column,
            missing=_percent(Fraction(counts[MISSING]), found.profile.units),
            unreadable=_percent(Fraction(counts[UNREADABLE]), found.profile.units),
            outside=_percent(outside, found.profile.units),
            resolution=_resolution(counts, found.profile.units, survey.epsilon, policy),
            measure=_on_measure(bins, grid, policy) if grid else None,
        )


def _values(counts: tuple[int, ...], epsilon: Decimal) -> list[Fraction]:
    return estimated(counts[FIRST_BIN:], epsilon, cut_start=True)


def _outside(bins: list[Fraction], grid: tuple[Decimal, ...], policy: ColumnPolicy) -> Fraction:
    low, high = (grid.index(bound) for bound in policy.limits)
    return sum(bins[: low + 1], Fraction(0)) + sum(bins[high + 1 :], Fraction(0))


def _on_measure(bins: list[Fraction], grid: tuple[Decimal, ...], policy: ColumnPolicy) -> MeasureAdvice:
    low, high = policy.limits
    present = spell(low), spell(high)
    tail = sum(bins) * _TAIL
    # The last bin has no upper edge: where it holds more than the tail, no edge is high enough.
    above = [place for place in range(len(grid)) if sum(bins[place + 1 :]) <= tail]
    below = [place for place in range(len(grid)) if sum(bins[: place + 1]) <= tail]
    if not tail or not above:
        return MeasureAdvice(bounds=present)
    top = grid[above[0]]
    bottom = min(Decimal(0), grid[below[-1]]) if below else low
    proposed = (spell(bottom), spell(top)) if bottom < top else None
    return MeasureAdvice(bounds=present, most_below=spell(top), proposed=proposed)


def _percent(count: Fraction, units: int) -> Decimal | None:
    if units < 1:
        return None
    share = min(Fraction(1), max(Fraction(0), count / units)) * 100
    return (Decimal(share.numerator) / share.denominator).quantize(_PERCENT, ROUND_HALF_EVEN)


def _resolution(
    counts: tuple[int, ...], units: int, epsilon: Decimal, policy: ColumnPolicy
) -> Decimal | None:
    """One count's noise stays within ln(20) / epsilon; a measure's tail may be cut below significance."""
    if units < 1:
        return None
    half_width = math.log(20) / float(epsilon)
    if policy.use is Use.MEASURE:
        half_width = max(half_width, significance(len(counts) - FIRST_BIN, epsilon))
    return min(Decimal(100), Decimal(100 * half_width / units)).quantize(_PERCENT, ROUND_CEILING)
