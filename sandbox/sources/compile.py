"""From a scan to one SELECT, in the dialect of the copy's engine.

Built from the typed algebra with sqlglot's expression classes: no text of a person's reaches an engine
but as a quoted literal. Sums are exact however many rows there are. The rows of each private table are
limited to the contribution bound where the table is read, so that a join sees no more.
"""

from __future__ import annotations

from functools import lru_cache, reduce

from sqlglot import exp

from sandbox.privacy.bound import numbered_table
from sandbox.privacy.scan import Scan, Statistic, StatisticKind
from sandbox.query.typed import (
    Apply,
    Base,
    Derived,
    Field,
    Joined,
    Kind,
    OfUnit,
    Operation,
    PerUnitRows,
    Relation,
    Term,
    Test,
    Union,
    UnitFunction,
    Value,
    max_rows_of,
)
from sandbox.sources.terms import Dialect as Dialect
from sandbox.sources.terms import cast, column, identifier, integer, ordered, term, test, wide, wide_divided

KEPT_SCANS = 1024
"""Printed scans that are kept: printing takes longer than many a small question."""
ROW_NUMBER = "_rn"
"""Column of a copied table that numbers the kept rows of one unit from 1; no policy can name it."""
NUMBERED_AGAIN = "_again"
"""The same for rows that are numbered anew after a test."""
MOST_ROWS = 2**40
"""More rows than any table has: sums of numbers so small that this many of them fit into 64 bits do."""
AVERAGE_RAISED = 100
"""A unit's own average has two digits more than its values."""


@lru_cache(maxsize=KEPT_SCANS)
def compile_scan(scan: Scan, dialect: Dialect) -> str:
    """Return SQL with the scan's keys first (k0, k1, ...), then one column for each statistic (s0, ...).

    A scan is frozen through and through and the SQL depends on nothing else, so it is printed once.
    """
    keys = [term(key, dialect) for key in scan.keys]
    printed = _Statistics(scan, dialect)
    statistics = [printed.column(statistic) for statistic in scan.statistics]
    named: list[exp.Expr] = [_named(key, f"k{index}") for index, key in enumerate(keys)]
    named += [_named(made, f"s{index}") for index, made in enumerate(statistics)]
    select = _Relations(dialect).select(named, scan.source, scan.where)
    if keys:  # by position, since a key that is a constant number would be taken for one
        select = select.group_by(*(integer(index + 1) for index in range(len(keys))), copy=False)
    return select.sql(dialect=dialect.value, copy=False)


def select_from(
    columns: list[exp.Expr], source: Relation, where: Test | None, dialect: Dialect
) -> exp.Select:
    """Return ``SELECT columns FROM source WHERE where``, private tables limited to their bounds."""
    return _Relations(dialect).select(columns, source, where)


def _named(made: exp.Expr, name: str) -> exp.Alias:
    return exp.Alias(this=made, alias=exp.to_identifier(name))


class _Relations:
    """Prints sources in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def select(self, columns: list[exp.Expr], source: Relation, where: Test | None) -> exp.Select:
        # No tree here is used twice, so the builders need not copy what they are given at every step.
        select = exp.select(*columns, copy=False)
        if isinstance(source, Base):
            table = _table(source) if source.after is None else self._numbered_again(source)
            select = select.from_(table, copy=False)
            if source.unit is not None:
                select = select.where(at_most(source, source.max_rows), copy=False)
        else:
            select = select.from_(self._from(source), copy=False)
            for join in self._joins(source):
                select.append("joins", join)
        return select if where is None else select.where(test(where, self._dialect), copy=False)

    def _from(self, source: Relation) -> exp.Expr:
        match source:
            case Base() if source.unit is None:
                return _table(source)
            case Base():  # limited before it is joined: ON and WHERE differ for an outer join
                return self.select([exp.Star()], source, None).subquery(
                    alias=identifier(source.alias), copy=False
                )
            case Joined():
                return self._from(source.left)
            case Derived():
                return self._rows(source).subquery(alias=identifier(source.alias), copy=False)
            case PerUnitRows():
                return self._per_unit(source).subquery(alias=identifier(source.alias), copy=False)
            case Union():
                parts: list[exp.Query] = [self._rows(part) for part in source.parts]
                stacked = reduce(lambda one, other: exp.union(one, other, distinct=False, copy=False), parts)
                return stacked.subquery(alias=identifier(source.alias), copy=False)

    def _joins(self, source: Relation) -> list[exp.Join]:
        if not isinstance(source, Joined):
            return []
        if isinstance(source.right, Joined):
            raise TypeError("a join stands on the left of a join, never on its right")
        pairs = [
            exp.EQ(this=term(one, self._dialect), expression=term(other, self._dialect))
            for one, other in source.on
        ]
        side = "LEFT" if source.outer else None
        join = exp.Join(this=self._from(source.right), on=exp.and_(*pairs, copy=False), side=side)
        return [*self._joins(source.left), join]

    def _rows(self, source: Derived) -> exp.Select:
        columns: list[exp.Expr] = [
            exp.alias_(term(made, self._dialect), name, quoted=True) for name, made in source.columns
        ]
        return self.select(columns, source.source, source.where)

    def _per_unit(self, source: PerUnitRows) -> exp.Select:
        unit = term(source.unit_inside, self._dialect)
        columns: list[exp.Expr] = [exp.alias_(unit, source.unit.name, quoted=True)]
        columns += [exp.alias_(self._of_unit(made), name, quoted=True) for name, made in source.columns]
        return self.select(columns, source.source, source.where).group_by(unit)

    def _of_unit(self, made: OfUnit) -> exp.Expr:
        if made.term is None:
            return self._count(made, integer(1))
        of = term(made.term, self._dialect)
        match made.function:
            case UnitFunction.COUNT_ROWS | UnitFunction.COUNT_VALUES:
                return self._count(made, of)
            case UnitFunction.MIN | UnitFunction.MAX:
                return self._extreme(made, made.term)
            case UnitFunction.SUM:
                return cast(sum_of(self._limited(made, of), made.term, self._dialect), "BIGINT")
            case UnitFunction.AVG:
                return self._average(made, made.term)

    def _limited(self, made: OfUnit, of: exp.Expr) -> exp.Expr:
        return of if made.where is None else only_where([test(made.where, self._dialect)], of)

    def _count(self, made: OfUnit, of: exp.Expr) -> exp.Expr:
        return cast(exp.Count(this=self._limited(made, of), big_int=True), "BIGINT")

    def _average(self, made: OfUnit, of: Term) -> exp.Expr:
        values = term(of, self._dialect)
        total = wide(sum_of(self._limited(made, values), of, self._dialect), self._dialect)
        raised = exp.paren(exp.Mul(this=total, expression=integer(AVERAGE_RAISED)), copy=False)
        count = self._count(made, values.copy())
        some = exp.GT(this=count.copy(), expression=integer(0))
        quotient = cast(wide_divided(raised, count, self._dialect), "BIGINT")
        return exp.Case(ifs=[exp.If(this=some, true=quotient)])

    def _extreme(self, made: OfUnit, of: Term) -> exp.Expr:
        values = self._limited(made, ordered(of, self._dialect))
        least = made.function is UnitFunction.MIN
        if of.type.kind is Kind.BOOLEAN:  # of which PostgreSQL has no MIN and MAX
            return exp.LogicalAnd(this=values) if least else exp.LogicalOr(this=values)
        return exp.Min(this=values) if least else exp.Max(this=values)

    def _numbered_again(self, source: Base) -> exp.Expr:
        if source.unit is None or source.after is None:
            raise TypeError("only a private table is bounded after a test")
        window = exp.Window(
            this=exp.RowNumber(),
            partition_by=[term(source.unit, self._dialect)],
            order=exp.Order(expressions=[exp.Ordered(this=column(source.alias, ROW_NUMBER))]),
        )
        everything = exp.Column(this=exp.Star(), table=identifier(source.alias))
        inner = exp.select(everything, exp.alias_(window, NUMBERED_AGAIN, quoted=True))
        inner = inner.from_(_table(source), copy=False).where(test(source.after, self._dialect), copy=False)
        return inner.subquery(alias=identifier(source.alias), copy=False)


class _Statistics:
    """Prints statistics of one scan.

    CASE inside the aggregate instead of FILTER, which takes DuckDB twice as long.
    """

    def __init__(self, scan: Scan, dialect: Dialect) -> None:
        self._dialect = dialect
        self._table = numbered_table(scan.source)
        self._most = max_rows_of(scan.source)

    def column(self, statistic: Statistic) -> exp.Expr:
        conditions = [] if statistic.where is None else [test(statistic.where, self._dialect)]
        if statistic.max_rows < self._most:
            if self._table is None:
                raise TypeError("a source whose rows are not numbered is looked at as it is")
            conditions.append(at_most(self._table, statistic.max_rows))
        of = None if statistic.term is None else term(statistic.term, self._dialect)
        match statistic.kind:
            case StatisticKind.ROWS:
                return exp.Count(this=only_where(conditions, integer(1)) if conditions else exp.Star())
            case StatisticKind.VALUES:
                return exp.Count(this=only_where(conditions, of or exp.Null()))
            case StatisticKind.UNITS if statistic.max_rows == 1:  # the rows are the units
                return exp.Count(this=only_where(conditions, of or exp.Null()))
            case StatisticKind.UNITS:
                return exp.Count(this=exp.Distinct(expressions=[only_where(conditions, of or exp.Null())]))
            case StatisticKind.SUM:
                return self._summed(statistic, conditions)

    def _summed(self, statistic: Statistic, conditions: list[exp.Expr]) -> exp.Expr:
        if statistic.term is None:
            raise TypeError("a sum has a term")
        of, middle = _centered_field(statistic.term)
        made = only_where(conditions, term(of, self._dialect))
        total = exp.Coalesce(this=sum_of(made, of, self._dialect), expressions=[integer(0)])
        if not middle:
            return total
        count = wide(exp.Count(this=made.copy()), self._dialect)
        share = exp.Mul(this=integer(middle), expression=count)
        return exp.Sub(this=total, expression=share)


def _centered_field(of: Term) -> tuple[Term, int]:
    """Return x and m of ``x - m``, so that sum(x) - m * count(x) is printed: narrow columns add up faster."""
    match of:
        case Apply(Operation.SUBTRACT, (Field() as field, Value(int(middle)))):
            return field, middle
        case _:
            return of, 0


def only_where(conditions: list[exp.Expr], value: exp.Expr) -> exp.Expr:
    """Return ``value`` where all conditions are true, else NULL."""
    if not conditions:
        return value
    return exp.Case(ifs=[exp.If(this=exp.and_(*conditions, copy=False), true=value)])


def at_most(base: Base, rows: int) -> exp.Expr:
    """Return the condition that a row of a private table is among the first ``rows`` of its unit."""
    name = ROW_NUMBER if base.after is None else NUMBERED_AGAIN
    return exp.LTE(this=column(base.alias, name), expression=integer(rows))


def _table(base: Base) -> exp.Table:
    return exp.Table(this=identifier(base.name), alias=exp.TableAlias(this=identifier(base.alias)))


def sum_of(made: exp.Expr, of: Term, dialect: Dialect) -> exp.Expr:
    """Return an exact sum of ``made``, a number within the bounds of ``of``, however many rows there are.

    DuckDB widens by itself, PostgreSQL only 64-bit numbers, Spark nothing.
    """
    if of.type.low is None or of.type.high is None:
        raise TypeError("a number has bounds")
    if dialect is not Dialect.DUCKDB and max(-of.type.low, of.type.high) * MOST_ROWS >= 2**63:
        made = cast(made, "BIGINT") if dialect is Dialect.POSTGRES else wide(made, dialect)
    return exp.Sum(this=made)
