"""The type that the policy gives a column, and what may be asked of it."""

from __future__ import annotations

from sandbox.policy.dataset import ColumnPolicy, ColumnType, Use
from sandbox.policy.values import fixed_point
from sandbox.query.dates import dates_between
from sandbox.query.intervals import number
from sandbox.query.typed import Kind, Type

UNIT = Type(kind=Kind.TEXT, nullable=False)
"""Of the unit's column, which is only counted and matched."""
_END = 2**63


def type_of(column: ColumnPolicy) -> Type:
    """Return the type of a column of the copy that is neither hidden nor the unit."""
    if column.use is Use.GROUP_KEY:
        return _key(column)
    if column.use is Use.MEASURE:
        low, high = (fixed_point(bound, column.decimals) for bound in column.limits)
        if low is None or high is None:
            raise TypeError("the policy's bounds have more decimals than the column")
        return number(low, high, decimals=column.decimals, nullable=True)
    return _filter(column)


def words_of(column: ColumnPolicy) -> frozenset[str]:
    """Return what aggregates of a column may be asked for.

    Counting where a key or a filter is not NULL is what WHERE may do anyway.
    """
    return frozenset(column.functions) if column.use is Use.MEASURE else frozenset({"count"})


def _key(column: ColumnPolicy) -> Type:
    whole = tuple(sorted(value for value in column.domain if isinstance(value, int)))
    if whole:
        return number(whole[0], whole[-1], nullable=True, values=whole)
    return Type(kind=Kind.TEXT, nullable=True, values=tuple(sorted(map(str, column.domain))))


def _filter(column: ColumnPolicy) -> Type:
    match column.type:
        case ColumnType.DATE if column.period is not None:
            first, last = column.period
            ends = first.toordinal(), last.toordinal()
            listed = dates_between(first, last)
            return Type(kind=Kind.DATE, nullable=True, low=ends[0], high=ends[1], values=listed)
        case ColumnType.DATE:
            return Type(kind=Kind.DATE, nullable=True)
        case ColumnType.BOOLEAN:
            return Type(kind=Kind.BOOLEAN, nullable=True, values=(False, True))
        case ColumnType.INTEGER:  # anything 64 bits hold: compared, never computed with
            return Type(kind=Kind.NUMBER, nullable=True, low=-_END, high=_END - 1)
        case _:
            return Type(kind=Kind.TEXT, nullable=True)
