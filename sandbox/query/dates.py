"""Terms of dates: parts, beginnings of parts, days between.

A date with a period has public bounds, so its parts have few public values and may group.
"""

from __future__ import annotations

from datetime import date, timedelta

from sandbox.errors import NotAnswerable
from sandbox.query.expr import Part
from sandbox.query.intervals import MOST_VALUES, bounds, number
from sandbox.query.typed import Apply, Kind, Operation, Term, Type

EPOCH = date(1970, 1, 1).toordinal()
_RANGES = {
    Part.QUARTER: (1, 4),
    Part.MONTH: (1, 12),
    Part.WEEK: (1, 53),
    Part.DAY: (1, 31),
    Part.WEEKDAY: (1, 7),
}
_FIRST_MONTHS = {Part.YEAR: 12, Part.QUARTER: 3, Part.MONTH: 1}


def require_date(term: Term) -> Term:
    """Return ``term`` if it is a date.

    Raises:
        NotAnswerable: it is not.
    """
    if term.type.kind is not Kind.DATE:
        raise NotAnswerable(
            "not-a-date",
            f"A value that is a {term.type.kind} is used as a date.",
            allowed="Take parts of dates only.",
        )
    return term


def days(term: Term) -> Term:
    """Return a date as the number of days since 1970-01-01."""
    low, high = bounds(require_date(term))
    return Apply(Operation.DAYS, (term,), number(low - EPOCH, high - EPOCH, nullable=term.type.nullable))


def extract(part: Part, term: Term) -> Term:
    """Return a part of a date as a whole number."""
    low, high = bounds(require_date(term))
    ends = _RANGES.get(part, (date.fromordinal(low).year, date.fromordinal(high).year))
    return Apply(Operation.EXTRACT, (term,), number(*ends, nullable=term.type.nullable), part)


def date_trunc(part: Part, term: Term) -> Term:
    """Return the first day of the part that a date lies in."""
    if part is Part.WEEKDAY:
        raise NotAnswerable(
            "sql-function", "A date is not cut to a weekday.", allowed="Write EXTRACT(isodow FROM date)."
        )
    low, high = bounds(require_date(term))
    first, last = (_begin(part, date.fromordinal(end)) for end in (low, high))
    kind = Type(
        kind=Kind.DATE,
        nullable=term.type.nullable,
        low=first.toordinal(),
        high=last.toordinal(),
        values=_beginnings(part, first, last),
    )
    return Apply(Operation.DATE_TRUNC, (term,), kind, part)


def dates_between(first: date, last: date) -> tuple[date, ...] | None:
    """Return every day of a period, or None where these are more than a key may have."""
    return _beginnings(Part.DAY, first, last)


def _begin(part: Part, day: date) -> date:
    if part is Part.DAY:
        return day
    if part is Part.WEEK:
        return day - timedelta(days=min(day.weekday(), day.toordinal() - 1))
    months = _FIRST_MONTHS[part]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def _beginnings(part: Part, first: date, last: date) -> tuple[date, ...] | None:
    found = [first]
    while found[-1] < last:
        if len(found) == MOST_VALUES:
            return None
        found.append(_next(part, found[-1]))
    return tuple(found)


def _next(part: Part, day: date) -> date:
    if part in {Part.DAY, Part.WEEK}:
        return day + timedelta(days=1 if part is Part.DAY else 7)
    months = day.year * 12 + day.month - 1 + _FIRST_MONTHS[part]
    return date(months // 12, months % 12 + 1, 1)
