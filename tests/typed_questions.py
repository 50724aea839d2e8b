"""Small tables with awkward values, and scans over them, drawn so that no term leaves 64 bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from random import Random

from hypothesis import strategies as st

from sandbox.privacy.scan import Scan, Statistic, StatisticKind
from sandbox.query.expr import Operator, Part
from sandbox.query.typed import (
    LARGEST,
    Apply,
    Base,
    Choice,
    Comparison,
    Conjunction,
    Derived,
    Disjunction,
    Field,
    IsNull,
    Joined,
    Kind,
    Matches,
    Member,
    Negation,
    OfUnit,
    Operation,
    PerUnitRows,
    Relation,
    Term,
    Test,
    Type,
    Union,
    UnitFunction,
    Value,
    max_rows_of,
    unit_of,
)

TEXTS = (
    "",
    "a",
    "a'b",
    "a\\'b",
    "\\",
    "\\\\",
    "%",
    "_",
    "a%b",
    "a\nb",
    "Ä😀",
    "${env:HOME}",
    "$a",
    "B",
    "\\n",
)
DAYS = (date(1, 1, 1), date(1969, 12, 31), date(2020, 12, 31), date(2021, 1, 3), date(9999, 12, 31))
TRUNCATED = tuple(part for part in Part if part is not Part.WEEKDAY)
KEPT = 4
"""Rows of one unit in each private table."""

TEXT = Type(kind=Kind.TEXT, nullable=True)
DATE = Type(kind=Kind.DATE, nullable=True)
BOOLEAN = Type(kind=Kind.BOOLEAN, nullable=True)


def number(low: int, high: int) -> Type:
    """Give the type of a number within bounds."""
    return Type(kind=Kind.NUMBER, nullable=True, low=low, high=high)


UNIT = number(0, 20)
COLUMNS: dict[str, dict[str, tuple[str, Type]]] = {
    "visits": {
        "u": ("BIGINT", UNIT),
        "a": ("SMALLINT", number(-(2**15), 2**15 - 1)),
        "b": ("INTEGER", number(-(2**31), 2**31 - 1)),
        "w": ("BIGINT", number(-(2**60), 2**60)),
        "t": ("TEXT", TEXT),
        "d": ("DATE", DATE),
        "f": ("BOOLEAN", BOOLEAN),
        "k": ("TEXT", TEXT),
    },
    "stays": {"u": ("BIGINT", UNIT), "c": ("SMALLINT", number(-9, 9)), "e": ("DATE", DATE)},
    "places": {"k": ("TEXT", TEXT), "size": ("SMALLINT", number(1, 9)), "name": ("TEXT", TEXT)},
}
"""SQL type and meaning of each column; private tables also have their row numbers."""


def tables() -> dict[str, list[dict[str, bool | int | str | date | None]]]:
    """Return the rows of each table, always the same."""
    random = Random(5)  # noqa: S311  # test data
    pools: dict[Kind, Sequence[bool | str | date]] = {
        Kind.TEXT: TEXTS,
        Kind.DATE: DAYS,
        Kind.BOOLEAN: (False, True),
    }

    def cell(kind: Type) -> bool | int | str | date | None:
        if random.random() < 0.2:
            return None
        if kind.low is None or kind.high is None:
            return random.choice(pools[kind.kind])
        some = random.randint(kind.low, kind.high)
        return random.choice([kind.low, kind.high, max(-7, kind.low), min(7, kind.high), some])

    def rows(name: str, units: Sequence[int]) -> list[dict[str, bool | int | str | date | None]]:
        return [
            {column: cell(kind) for column, (_, kind) in COLUMNS[name].items()} | {"u": unit, "_rn": number}
            for unit in units
            for number in range(1, random.randint(1, KEPT) + 1)
        ]

    places: list[dict[str, bool | int | str | date | None]] = [
        {"k": text, "size": size % 9 + 1, "name": TEXTS[-size]} for size, text in enumerate(TEXTS[:9])
    ]
    return {"visits": rows("visits", range(12)), "stays": rows("stays", range(6, 18)), "places": places}


def table(name: str, alias: str, rows: int = 0) -> Base:
    """Give a table; a private one where it looks at some rows."""
    return Base(name=name, alias=alias, unit=Field(alias, "u", UNIT) if rows else None, max_rows=rows)


def fields_of(source: Relation) -> list[Field]:
    """Return the columns of a source that a term may use."""
    match source:
        case Base(name=name, alias=alias):
            return [Field(alias, column, kind) for column, (_, kind) in COLUMNS[name].items()]
        case Joined(left=left, right=right):
            return fields_of(left) + fields_of(right)
        case Derived(alias=alias, columns=terms):
            return [Field(alias, column, term.type) for column, term in terms]
        case PerUnitRows(alias=alias, columns=aggregates):
            return [source.unit, *(Field(alias, column, item.type) for column, item in aggregates)]
        case Union(alias=alias, parts=parts):
            stacked = zip(*map(fields_of, parts), strict=True)
            return [Field(alias, first.name, _either(first.type, other.type)) for first, other in stacked]


@st.composite
def terms(draw: st.DrawFn, fields: list[Field], kind: Kind, depth: int = 2) -> Term:
    """Draw a term of a kind."""
    leaves = [field for field in fields if field.type.kind is kind]
    shapes = ["field", "field", "value", "choice"] + ["apply"] * 3 * (kind is Kind.NUMBER)
    shapes += ["trunc"] * (kind is Kind.DATE)
    shape = draw(st.sampled_from(shapes)) if depth else "field"
    match shape:
        case "choice":
            test = draw(conditions(fields, depth - 1))
            one, other = (draw(terms(fields, kind, depth - 1)) for _ in range(2))
            return Choice(((test, one),), other, _either(one.type, other.type))
        case "apply":
            return draw(_numbers(fields, depth))
        case "trunc":
            day = draw(terms(fields, kind, depth - 1))
            return Apply(Operation.DATE_TRUNC, (day,), DATE, draw(st.sampled_from(TRUNCATED)))
        case "field" if leaves:
            return draw(st.sampled_from(leaves))
        case _:
            return draw(values(kind))


def values(kind: Kind) -> st.SearchStrategy[Value]:
    """Draw a constant of a kind, NULL now and then."""
    limits = [0, 1, -1, 7, 40_000, -(2**31) - 1, 2**61]
    pools: dict[Kind, st.SearchStrategy[bool | int | str | date | None]] = {
        Kind.NUMBER: st.sampled_from([*limits, None]),
        Kind.TEXT: st.sampled_from([*TEXTS, None]),
        Kind.DATE: st.sampled_from([*DAYS, None]),
        Kind.BOOLEAN: st.sampled_from([False, True, None]),
    }
    types = {Kind.TEXT: TEXT, Kind.DATE: DATE, Kind.BOOLEAN: BOOLEAN}
    return pools[kind].map(
        lambda value: Value(value, types.get(kind) or number(*(2 * [value if isinstance(value, int) else 0])))
    )


@st.composite
def conditions(draw: st.DrawFn, fields: list[Field], depth: int = 2) -> Test:
    """Draw a test."""
    if depth and draw(st.booleans()):
        parts = tuple(draw(st.lists(conditions(fields, depth - 1), min_size=2, max_size=3)))
        connected: list[Test] = [Negation(parts[0]), Conjunction(parts), Disjunction(parts)]
        return draw(st.sampled_from(connected))
    kind = draw(st.sampled_from(Kind))
    term = draw(terms(fields, kind, min(depth, 1)))
    match draw(st.sampled_from(["comparison", "comparison", "member", "null", "like"])):
        case "like":
            alphabet = st.text("ab%_\\'$\n😀", max_size=3)
            return Matches(
                draw(terms(fields, Kind.TEXT, min(depth, 1))), draw(st.sampled_from(TEXTS) | alphabet)
            )
        case "null":
            return IsNull(term)
        case "member":
            members = st.lists(values(kind).filter(lambda one: one.value is not None), min_size=1, max_size=3)
            return Member(term, tuple(draw(members)))
        case _:
            other = draw(terms(fields, kind, min(depth, 1)))
            return Comparison(term, draw(st.sampled_from(Operator)), other)


@st.composite
def sources(draw: st.DrawFn, name: str = "r", depth: int = 2) -> Relation:
    """Draw a source with a unit; its aliases begin with ``name``."""
    base = table(draw(st.sampled_from(["visits", "visits", "stays"])), name, draw(st.integers(1, KEPT)))
    if draw(st.booleans()):
        base = replace(base, stored_rows=KEPT, after=draw(conditions(fields_of(base), 1)))
    shape = draw(st.sampled_from(["base", "place", "pair", "derived", "unit", "union"])) if depth else "base"
    match shape:
        case "place":
            base, places = replace(base, name="visits", after=None), table("places", f"{name}p")
            on = ((Field(name, "k", TEXT), Field(f"{name}p", "k", TEXT)),)
            return Joined(left=base, right=places, on=on, outer=draw(st.booleans()))
        case "pair":
            left, right = (draw(sources(name + side, depth - 1)) for side in "lr")
            if isinstance(right, Joined):  # a join stands on the left of a join
                right = draw(_derived(f"{name}r", draw(sources(f"{name}s", 0))))
            on = ((_unit(left), _unit(right)),)
            return Joined(left=left, right=right, on=on, outer=draw(st.booleans()))
        case "derived":
            return draw(_derived(name, draw(sources(f"{name}d", depth - 1))))
        case "unit":
            return draw(_per_unit(name, draw(sources(f"{name}u", depth - 1))))
        case "union":
            parts = tuple(draw(_derived("", draw(sources(name + side, depth - 1)))) for side in "mn")
            return Union(alias=name, parts=parts, unit=Field(name, "u", UNIT))
        case _:
            return base


@st.composite
def scans(draw: st.DrawFn) -> Scan:
    """Draw a scan."""
    source = draw(sources())
    fields, kinds = fields_of(source), st.sampled_from(Kind)
    return Scan(
        source=source,
        where=draw(st.none() | conditions(fields)),
        keys=tuple(draw(terms(fields, draw(kinds))) for _ in range(draw(st.integers(0, 2)))),
        statistics=tuple(draw(st.lists(_statistics(source, fields), min_size=1, max_size=3))),
    )


@st.composite
def _statistics(draw: st.DrawFn, source: Relation, fields: list[Field]) -> Statistic:
    rows = max_rows_of(source)
    if isinstance(source, Base) or (isinstance(source, Joined) and unit_of(source.right) is None):
        rows = draw(st.integers(1, rows))
    where = draw(st.none() | conditions(fields, 1))
    kind: StatisticKind = draw(st.sampled_from(StatisticKind))
    term: Term | None = None
    match kind:
        case StatisticKind.UNITS:
            term = _unit(source)
        case StatisticKind.VALUES:
            term = draw(terms(fields, draw(st.sampled_from(Kind))))
        case StatisticKind.SUM:
            term = draw(terms(fields, Kind.NUMBER) | _centered(fields))
        case StatisticKind.ROWS:
            pass
    return Statistic(kind=kind, term=term, where=where, max_rows=rows)


@st.composite
def _centered(draw: st.DrawFn, fields: list[Field]) -> Term:
    field = draw(st.sampled_from([field for field in fields if field.type.kind is Kind.NUMBER]))
    middle = Value(draw(st.integers(-(2**60), 2**60)), number(-(2**60), 2**60))
    return _arithmetic(Operation.SUBTRACT, field, middle)


@st.composite
def _numbers(draw: st.DrawFn, fields: list[Field], depth: int) -> Term:
    operation = draw(st.sampled_from([one for one in Operation if one is not Operation.DATE_TRUNC]))
    if operation in {Operation.DAYS, Operation.EXTRACT}:
        part = draw(st.sampled_from(Part)) if operation is Operation.EXTRACT else None
        day = draw(terms(fields, Kind.DATE, depth - 1))
        return Apply(operation, (day,), number(-(2**20), 2**22), part)
    left, right = (draw(terms(fields, Kind.NUMBER, depth - 1)) for _ in range(2))
    return _arithmetic(operation, left, right)


def _arithmetic(operation: Operation, left: Term, right: Term) -> Term:
    """Apply an operation where no row can leave its bounds, else give back the left term."""
    (a, b), (c, d) = _bounds(left.type), _bounds(right.type)
    match operation:
        case Operation.ADD:
            low, high = a + c, b + d
        case Operation.SUBTRACT:
            low, high = a - d, b - c
        case Operation.MULTIPLY:
            corners = [one * other for one, other in product((a, b), (c, d))]
            low, high = min(corners), max(corners)
        case _ if c <= 0 <= d:
            return _arithmetic(Operation.DIVIDE, left, Value(-7, number(-7, -7)))
        case _:
            low, high = -max(abs(a), abs(b)), max(abs(a), abs(b))
    return Apply(operation, (left, right), number(low, high)) if -LARGEST <= low <= high <= LARGEST else left


@st.composite
def _derived(draw: st.DrawFn, alias: str, source: Relation) -> Derived:
    fields = fields_of(source)
    kinds = {"n": Kind.NUMBER, "t": Kind.TEXT, "d": Kind.DATE, "f": Kind.BOOLEAN}
    columns = tuple((name, draw(terms(fields, kind, 1))) for name, kind in kinds.items())
    return Derived(
        alias=alias,
        columns=(("u", _unit(source)), *columns),
        unit=Field(alias, "u", UNIT),
        source=source,
        where=draw(st.none() | conditions(fields, 1)),
    )


@st.composite
def _per_unit(draw: st.DrawFn, alias: str, source: Relation) -> PerUnitRows:
    fields = fields_of(source)
    aggregates = draw(st.lists(_of_unit(fields, max_rows_of(source)), min_size=1, max_size=3))
    return PerUnitRows(
        alias=alias,
        unit=Field(alias, "u", UNIT),
        unit_inside=_unit(source),
        columns=tuple((f"c{index}", aggregate) for index, aggregate in enumerate(aggregates)),
        source=source,
        where=draw(st.none() | conditions(fields, 1)),
    )


@st.composite
def _of_unit(draw: st.DrawFn, fields: list[Field], rows: int) -> OfUnit:
    function, where = draw(st.sampled_from(UnitFunction)), draw(st.none() | conditions(fields, 1))
    counted = number(0, rows)
    if function is UnitFunction.COUNT_ROWS:
        return OfUnit(function, None, where, counted)
    numeric = function in {UnitFunction.SUM, UnitFunction.AVG}
    term = draw(terms(fields, Kind.NUMBER if numeric else draw(st.sampled_from(Kind)), 1))
    if function is UnitFunction.COUNT_VALUES:
        return OfUnit(function, term, where, counted)
    if not numeric:
        return OfUnit(function, term, where, term.type)
    factor = rows if function is UnitFunction.SUM else 100
    low, high = (bound * factor for bound in _bounds(term.type))
    fits = -LARGEST <= low <= high <= LARGEST
    of_term = number(min(low, 0), max(high, 0))
    return (
        OfUnit(function, term, where, of_term) if fits else OfUnit(UnitFunction.MIN, term, where, term.type)
    )


def _bounds(kind: Type) -> tuple[int, int]:
    assert kind.low is not None
    assert kind.high is not None
    return kind.low, kind.high


def _either(one: Type, other: Type) -> Type:
    if one.kind is not Kind.NUMBER:
        return one
    (a, b), (c, d) = _bounds(one), _bounds(other)
    return number(min(a, c), max(b, d))


def _unit(source: Relation) -> Field:
    unit = unit_of(source)
    assert unit is not None
    return unit
