"""From a scan to one SELECT, in the dialect of the copy's engine.

Built from the typed algebra with sqlglot's expression classes: no text of a person's reaches an engine
but as a quoted literal. Every term is total by its type, so nothing here guards anything; numbers are
64-bit whole numbers, sums are exact however many rows there are, and division cuts towards zero.
"""

from __future__ import annotations

from sqlglot import exp

from sandbox.privacy.scan import Scan, Statistic, StatisticKind
from sandbox.query.expr import Operator, Part
from sandbox.query.typed import (
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
    Union,
    UnitFunction,
    Value,
    max_rows_of,
    unit_of,
)

ROW_NUMBER = "_rn"
"""Column of a copied table that numbers the kept rows of one unit from 1; no policy can name it."""
AGAIN = "_again"
"""The same for rows that were numbered anew after a test."""
_OPERATORS: dict[Operator, type[exp.Binary]] = {
    Operator.EQ: exp.EQ,
    Operator.NE: exp.NEQ,
    Operator.LT: exp.LT,
    Operator.LE: exp.LTE,
    Operator.GT: exp.GT,
    Operator.GE: exp.GTE,
}


def compile_scan(scan, dialect="duckdb"):
    keys = [_term(k).as_(f"k{i}") for i, k in enumerate(scan.keys)]
    most = max_rows_of(scan.source)
    stats = [_statistic(s, scan, most).as_(f"s{i}") for i, s in enumerate(scan.statistics)]
    select = exp.select(*keys, *stats).from_(_from(scan.source))
    conditions = [c for c in (_limit(scan.source), None if scan.where is None else _test(scan.where)) if c is not None]
    for join in _joins(scan.source):
        select = select.join(join["this"], on=join["on"], join_type=join["type"], copy=False)
    if conditions:
        select = select.where(*conditions)
    if keys:
        select = select.group_by(*[_term(k) for k in scan.keys])
    return select.sql(dialect=dialect)


def _table(source):
    match source:
        case Base() if source.after is not None:
            rn = exp.Window(this=exp.RowNumber(), partition_by=[_col(source.alias, source.unit.name)], order=exp.Order(expressions=[_col(source.alias, ROW_NUMBER)]))
            inner = exp.select(exp.Column(this=exp.Star(), table=_id(source.alias)), rn.as_(AGAIN)).from_(exp.Table(this=_id(source.name), alias=exp.TableAlias(this=_id(source.alias)))).where(_test(source.after))
            return inner.subquery(alias=_id(source.alias))
        case Base():
            return exp.Table(this=_id(source.name), alias=exp.TableAlias(this=_id(source.alias)))
        case Derived():
            return _select(source).subquery(alias=_id(source.alias))
        case PerUnitRows():
            cols = [_term(source.unit_inside).as_(source.unit.name, quoted=True)] + [_of_unit(c).as_(n, quoted=True) for n, c in source.columns]
            return _finish(exp.select(*cols), source.source, source.where).group_by(_term(source.unit_inside)).subquery(alias=_id(source.alias))
        case Union():
            parts = [_select(p) for p in source.parts]
            u = parts[0]
            for p in parts[1:]:
                u = exp.union(u, p, distinct=False)
            return u.subquery(alias=_id(source.alias))


def _select(d):
    return _finish(exp.select(*[_term(t).as_(n, quoted=True) for n, t in d.columns]), d.source, d.where)


def _finish(select, source, where):
    select = select.from_(_from(source))
    for join in _joins(source):
        select = select.join(join["this"], on=join["on"], join_type=join["type"], copy=False)
    for c in (_limit(source), None if where is None else _test(where)):
        if c is not None:
            select = select.where(c)
    return select


def _from(source):
    while isinstance(source, Joined):
        source = source.left
    return _table(source)


def _joins(source):
    out = []
    while isinstance(source, Joined):
        right = source.right
        if isinstance(right, Base) and right.unit is not None:
            this = exp.select(exp.Star()).from_(_table(right)).where(_limit(right)).subquery(alias=_id(right.alias))
        elif isinstance(right, Joined):
            raise TypeError
        else:
            this = _table(right)
        out.append({"this": this, "on": exp.and_(*[exp.EQ(this=_term(a), expression=_term(b)) for a, b in source.on]), "type": "LEFT" if source.outer else "INNER"})
        source = source.left
    return out[::-1]


def _limit(source):
    while isinstance(source, Joined):
        source = source.left
    if isinstance(source, Base) and source.unit is not None:
        return _at_most(source, source.max_rows)
    return None


def _at_most(base, k):
    return exp.LTE(this=_col(base.alias, AGAIN if base.after is not None else ROW_NUMBER), expression=_int(k))


def _base(source):
    while isinstance(source, Joined):
        source = source.left
    return source


def _statistic(s, scan, most):
    conditions = []
    if s.where is not None:
        conditions.append(_test(s.where))
    if s.max_rows < most:
        conditions.append(_at_most(_base(scan.source), s.max_rows))
    match s.kind:
        case StatisticKind.ROWS:
            made = exp.Count(this=exp.Star(), big_int=True)
        case StatisticKind.VALUES:
            made = exp.Count(this=_term(s.term), big_int=True)
        case StatisticKind.UNITS:
            made = exp.Count(this=exp.Distinct(expressions=[_term(s.term)]))
        case StatisticKind.SUM:
            made = exp.Sum(this=_term(s.term))
    if conditions:
        made = exp.Filter(this=made, expression=exp.Where(this=exp.and_(*conditions)))
    return exp.Coalesce(this=made, expressions=[_int(0)]) if s.kind is StatisticKind.SUM else made


def _of_unit(c):
    t = None if c.term is None else _term(c.term)
    f = lambda e: e if c.where is None else exp.Filter(this=e, expression=exp.Where(this=_test(c.where)))
    match c.function:
        case UnitFunction.COUNT_ROWS:
            return f(exp.Count(this=exp.Star()))
        case UnitFunction.COUNT_VALUES:
            return f(exp.Count(this=t))
        case UnitFunction.SUM:
            return exp.cast(f(exp.Sum(this=t)), "BIGINT")
        case UnitFunction.MIN:
            return f(exp.Min(this=t))
        case UnitFunction.MAX:
            return f(exp.Max(this=t))
        case UnitFunction.AVG:
            return exp.cast(exp.IntDiv(this=f(exp.Sum(this=t)) * 100, expression=f(exp.Count(this=t))), "BIGINT")


def _term(t):
    match t:
        case Field():
            return _col(t.source, t.name)
        case Value():
            return _value(t)
        case Choice():
            return exp.Case(ifs=[exp.If(this=_test(a), true=_term(b)) for a, b in t.branches], default=_term(t.otherwise))
        case Apply():
            a = [_wide(x) for x in t.arguments]
            match t.operation:
                case Operation.ADD: return exp.paren(exp.Add(this=a[0], expression=a[1]))
                case Operation.SUBTRACT: return exp.paren(exp.Sub(this=a[0], expression=a[1]))
                case Operation.MULTIPLY: return exp.paren(exp.Mul(this=a[0], expression=a[1]))
                case Operation.DIVIDE: return exp.paren(exp.IntDiv(this=a[0], expression=a[1]))
                case Operation.DAYS: return exp.paren(exp.Sub(this=a[0], expression=exp.cast(exp.Literal.string("1970-01-01"), "DATE")))
                case Operation.EXTRACT: return exp.Extract(this=exp.Var(this=t.part.upper()), expression=a[0])
                case Operation.DATE_TRUNC: return exp.cast(exp.func("DATE_TRUNC", exp.Literal.string(str(t.part)), a[0], dialect="duckdb"), "DATE")


def _wide(t):
    e = _term(t)
    return exp.cast(e, "BIGINT") if isinstance(t, Field) and t.type.kind is Kind.NUMBER else e


def _value(v):
    match v.value:
        case None: return exp.cast(exp.Null(), {Kind.NUMBER: "BIGINT", Kind.TEXT: "TEXT", Kind.DATE: "DATE", Kind.BOOLEAN: "BOOLEAN"}[v.type.kind])
        case bool(): return exp.Boolean(this=v.value)
        case int(): return _int(v.value)
        case str(): return exp.Literal.string(v.value)
        case _: return exp.cast(exp.Literal.string(v.value.isoformat()), "DATE")


def _test(t):
    match t:
        case Comparison(): return _OPERATORS[t.operator](this=_term(t.left), expression=_term(t.right))
        case Member(): return exp.In(this=_term(t.term), expressions=[_value(v) for v in t.values])
        case IsNull(): return exp.Is(this=exp.paren(_term(t.term)), expression=exp.Null())
        case Matches(): return exp.Like(this=_term(t.term), expression=exp.Literal.string(t.pattern))
        case Negation(): return exp.Not(this=exp.paren(_test(t.test)))
        case Conjunction(): return _joined(exp.And, t.tests)
        case Disjunction(): return _joined(exp.Or, t.tests)


def _joined(word, parts):
    if len(parts) == 1:
        return exp.paren(_test(parts[0]))
    h = len(parts) // 2
    return exp.paren(word(this=_joined(word, parts[:h]), expression=_joined(word, parts[h:])))


def _int(v):
    lit = exp.Literal.number(abs(v))
    return exp.Neg(this=lit) if v < 0 else lit


def _id(n):
    return exp.to_identifier(n, quoted=True)


def _col(s, n):
    return exp.Column(this=_id(n), table=_id(s))
