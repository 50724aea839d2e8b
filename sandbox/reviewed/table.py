"""From what stands behind the rows to the table that may leave: exact, masked, rounded.

Counts are rounded to multiples, all other numbers to significant digits, each by itself: a total is not
the sum of its rounded parts. A masked row keeps its keys and shows ``*`` in place of every number. A
text that a spreadsheet would run has an apostrophe before it, as in every released file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from sandbox.policy.reviewed import PLAIN, SPREADS
from sandbox.privacy.fixed import spell
from sandbox.privacy.plan import Key
from sandbox.privacy.post import AnswerTable, Value
from sandbox.query.expr import Function
from sandbox.query.typed import Field, Kind, Term
from sandbox.reviewed.plan import KeyShown, ReviewedPlan, Shown
from sandbox.reviewed.read import Found
from sandbox.reviewed.rules import Rules, Use
from sandbox.reviewed.suppress import Mask
from sandbox.sources.contributions import Contributed

MASKED = "*"
_FORMULA = ("=", "+", "-", "@")
_PRECISE = Context(prec=60, rounding=ROUND_HALF_EVEN)
_SAMPLES = frozenset({Function.VAR_SAMP, Function.STDDEV_SAMP})
_ROOTS = frozenset({Function.STDDEV_SAMP, Function.STDDEV_POP})


def uses_of(plan: ReviewedPlan) -> tuple[Use, ...]:
    """Return how the table's columns use each measure of ``plan``."""
    by_measure: list[list[Function]] = [[] for _ in plan.measures]
    for column in plan.columns:
        if isinstance(column, Shown):
            by_measure[column.measure].append(column.function)
    return tuple(
        Use(summed=not PLAIN.issuperset(functions), spread=not SPREADS.isdisjoint(functions))
        for functions in by_measure
    )


def table_of(plan: ReviewedPlan, found: Found, masks: Sequence[Mask | None], rules: Rules) -> AnswerTable:
    """Return the table that may leave once people have approved it."""
    rows = []
    for (row, behind), mask in zip(found, masks, strict=True):
        values: list[Value] = []
        for column in plan.columns:
            if isinstance(column, KeyShown):
                values.append(_key(row.cell[column.index], plan.checked.keys[column.index]))
            elif mask is not None:
                values.append(MASKED)
            else:
                values.append(_shown(column, behind[column.measure], plan.measures[column.measure], rules))
        rows.append(tuple(values))
    return AnswerTable(columns=tuple(column.name for column in plan.columns), rows=tuple(rows))


def exact(function: Function, behind: Contributed, column: Field | None) -> Fraction | None:
    """Return the exact number of one cell; None where no row gives it one."""
    unit = Fraction(1, 10 ** (column.type.decimals if column is not None else 0))
    rows = behind.rows
    match function:
        case Function.COUNT_UNITS:
            return Fraction(behind.units)
        case Function.COUNT_ROWS | Function.COUNT_VALUES:
            return Fraction(rows)
        case Function.SUM:
            return behind.total * unit
        case Function.AVG:
            return behind.total * unit / rows if rows else None
        case _:
            divisor = rows - 1 if function in _SAMPLES else rows
            if divisor < 1:
                return None
            variance = (behind.squares - Fraction(behind.total**2, rows)) / divisor * unit**2
            return _root(variance) if function in _ROOTS else variance


def _shown(column: Shown, behind: Contributed, of: Field | None, rules: Rules) -> Value:
    value = exact(column.function, behind, of)
    if value is None:
        return MASKED
    if column.function in PLAIN:
        return round(value / rules.round_to) * rules.round_to
    return significant(value, rules.significant_digits)


def significant(value: Fraction, digits: int) -> str:
    """Return ``value`` rounded half to even to that many significant digits, spelled without exponent."""
    exact_enough = _PRECISE.divide(Decimal(value.numerator), Decimal(value.denominator))
    rounded = Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(exact_enough)
    return f"{rounded.normalize(Context(prec=digits)):f}" if rounded else "0"


def _root(value: Fraction) -> Fraction:
    quotient = _PRECISE.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Fraction(_PRECISE.sqrt(quotient))


def _key(value: Key | None, term: Term) -> Value:
    if value is None:
        return None
    if isinstance(value, date):
        return value.isoformat()
    if term.type.kind is Kind.BOOLEAN:
        return "true" if value else "false"
    if isinstance(value, int):
        return spell(value, term.type.decimals)
    return "'" + value if value.startswith(_FORMULA) else value
