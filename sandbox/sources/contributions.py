"""What stands behind each cell of a reviewed answer, as one SELECT in the dialect of the copy's engine.

Three steps inside one another: the rows of each unit in each group are added up; within a group the units
are put in the order of what they contribute; and each group is added up. So the exact number of a cell and
what is needed to judge it (how many units, the two largest contributions, whether all values are the
same) come of one reading of the same rows. No unit's own number leaves the engine but the two largest.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlglot import exp

from sandbox.query.typed import Conjunction, Field, IsNull, Kind, Negation, Relation, Term, Test
from sandbox.sources.compile import select_from, sum_of
from sandbox.sources.terms import Dialect, integer, ordered, term, wide

_INNER, _RANKED = "by_unit", "ranked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Contributions:
    """One pass for one column (or for rows alone) over the groups of one set of keys."""

    source: Relation
    unit: Field
    where: Test | None
    keys: tuple[Term, ...]
    """Rows in which one of them is NULL are in no group."""
    all_keys: tuple[Term, ...]
    """Every key of the question, which a total of some of them must not be NULL in either."""
    column: Field | None
    """Only rows with a value in it are looked at; None for all rows."""

    @property
    def summed(self) -> bool:
        """Whether its values are added up; those of a text or a date are counted only."""
        return self.column is not None and self.column.type.kind is Kind.NUMBER


@dataclass(frozen=True, kw_only=True, slots=True)
class Contributed:
    """What stands behind one cell; whole numbers of the column's last digit."""

    units: int = 0
    """Distinct units with a row that counts."""
    rows: int = 0
    total: int = 0
    squares: int = 0
    """Sum of the squares."""
    size: int = 0
    """Sum of the absolute values; of rows, their number."""
    top: int = 0
    """The largest part of :attr:`size` that is one unit's."""
    second: int = 0
    """The second largest."""
    values: int = 0
    """How many different values there are, counted up to 2."""


NAMES = tuple(field.name for field in fields(Contributed))


def compile_contributions(scan: Contributions, dialect: Dialect) -> str:
    """Return SQL with the scan's keys first, then one column for each field of :class:`Contributed`."""
    keys = [_column(f"k{index}") for index in range(len(scan.keys))]
    window = exp.Window(
        this=exp.RowNumber(),
        partition_by=[key.copy() for key in keys],
        order=exp.Order(expressions=[exp.Ordered(this=_column("p_size"), desc=True)]),
    )
    inner = _by_unit(scan, dialect).subquery(alias=_INNER, copy=False)
    ranked = exp.select(exp.Star(), exp.alias_(window, "p_place"), copy=False).from_(inner, copy=False)
    made = [key.copy() for key in keys] + [exp.alias_(part, f"c_{name}") for name, part in _of_group(scan)]
    outer = exp.select(*made, copy=False).from_(ranked.subquery(alias=_RANKED, copy=False), copy=False)
    if keys:
        outer = outer.group_by(*keys, copy=False)
    return outer.sql(dialect=dialect.value, copy=False)


def _by_unit(scan: Contributions, dialect: Dialect) -> exp.Select:
    columns: list[exp.Expr] = [
        exp.alias_(term(key, dialect), f"k{index}") for index, key in enumerate(scan.keys)
    ]
    columns.append(exp.alias_(term(scan.unit, dialect), "p_unit"))
    columns.append(exp.alias_(exp.Count(this=exp.Star(), big_int=True), "p_rows_of"))
    columns += [exp.alias_(part, name) for name, part in _of_unit(scan, dialect)]
    select = select_from(columns, scan.source, _where(scan), dialect)
    return select.group_by(*(integer(index + 1) for index in range(len(scan.keys) + 1)), copy=False)


def _of_unit(scan: Contributions, dialect: Dialect) -> list[tuple[str, exp.Expr]]:
    column = scan.column
    if not scan.summed or column is None:
        return [("p_size", exp.Count(this=exp.Star(), big_int=True))]
    value = term(column, dialect)
    square = exp.Mul(this=wide(value.copy(), dialect), expression=wide(value.copy(), dialect))
    return [
        ("p_total", sum_of(value, column, dialect)),
        ("p_size", sum_of(exp.Abs(this=value.copy()), column, dialect)),
        ("p_squares", exp.Sum(this=square)),
        ("p_least", exp.Min(this=ordered(column, dialect))),
        ("p_most", exp.Max(this=ordered(column, dialect))),
    ]


def _of_group(scan: Contributions) -> list[tuple[str, exp.Expr]]:
    summed = scan.summed
    zero = integer(0)
    same = exp.EQ(this=exp.Min(this=_column("p_least")), expression=exp.Max(this=_column("p_most")))
    values = exp.Case(ifs=[exp.If(this=same, true=integer(1))], default=integer(2))
    return [
        ("units", exp.Count(this=exp.Star(), big_int=True)),
        ("rows", _whole(exp.Sum(this=_column("p_rows_of")))),
        ("total", _whole(exp.Sum(this=_column("p_total"))) if summed else zero),
        ("squares", _whole(exp.Sum(this=_column("p_squares"))) if summed else zero),
        ("size", _whole(exp.Sum(this=_column("p_size")))),
        ("top", _placed(1)),
        ("second", _placed(2)),
        ("values", values if summed else zero),
    ]


def _placed(place: int) -> exp.Expr:
    there = exp.EQ(this=_column("p_place"), expression=integer(place))
    return _whole(exp.Sum(this=exp.Case(ifs=[exp.If(this=there, true=_column("p_size"))])))


def _whole(made: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=made, expressions=[integer(0)])


def _where(scan: Contributions) -> Test | None:
    known = [*scan.all_keys] if scan.column is None else [*scan.all_keys, scan.column]
    tests: list[Test] = [] if scan.where is None else [scan.where]
    tests += [Negation(IsNull(one)) for one in dict.fromkeys(known) if one.type.nullable]
    if len(tests) > 1:
        return Conjunction(tuple(tests))
    return tests[0] if tests else None


def _column(name: str) -> exp.Expr:
    return exp.column(name)
